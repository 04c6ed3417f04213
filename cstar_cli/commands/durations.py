"""Durations and moments as users write them."""

import re

from cstar_cli.errors import UsageError

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)?")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def duration_ms(text: str) -> int:
    """Return the milliseconds of `500ms`, `5s`, `1.5m`, `2h`, `1d`; a bare number is seconds."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a duration: write it like 500ms, 5s, 10m, 2h or 1d.")
    return round(float(match[1]) * _UNIT_MS[match[2] or "s"])


def seconds(option: str, text: str, least: str, most: str) -> float:
    """Return the seconds of an option's duration, which must lie within two others."""
    try:
        ms = duration_ms(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from None
    if not duration_ms(least) <= ms <= duration_ms(most):
        raise UsageError(f"{option} {text} is out of range: give {least} to {most}.")
    return ms / 1_000


def schedule(option: str, text: str, most_waits: int, least: str, most: str) -> tuple[float, ...]:
    """Return the seconds of waits like `1m,5m,30m`; `none` is no wait at all."""
    if text.strip() == "none":
        return ()
    waits = text.split(",")
    if len(waits) > most_waits:
        raise UsageError(f"{option} has {len(waits)} waits: give at most {most_waits}.")
    return tuple(seconds(option, wait, least, most) for wait in waits)


def moment(text: str, now_ms: int) -> str:
    """Return the ISO 8601 time of what --since says: `10m` (ago), or a time written out."""
    from cstar_cli.events.envelope import iso_ms

    return iso_ms(since_ms(text, now_ms))


def since_ms(text: str, now_ms: int) -> int:
    """Return the moment of the option --since, which an error names."""
    try:
        return moment_ms(text, now_ms)
    except UsageError as error:
        raise UsageError(f"--since: {error}") from None


def moment_ms(text: str, now_ms: int) -> int:
    """Return the milliseconds since 1970 of `10m` (ago), or of a time written out."""
    from cstar_cli.events.envelope import parse_iso

    if _DURATION.fullmatch(text.strip()):
        return max(0, now_ms - duration_ms(text))
    try:
        return parse_iso(text)
    except UsageError:
        raise UsageError(
            f"{text!r} is neither a duration like 10m, 2h or 1d nor a time like 2025-12-10T14:30:00Z."
        ) from None
