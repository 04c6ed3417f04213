"""All suspicions together: alone, then a key with a body."""

from collections.abc import Iterator, Mapping

import msgspec

from cstar_cli.signing import standard_key
from cstar_cli.suspicions import bodies, forms, keys
from cstar_cli.suspicions.forms import Digest, Given, Reading
from cstar_cli.suspicions.suspicion import Finding

MOST_HASHED_BYTES = 1024 * 1024 * 1024  # a second or three, whatever the body's size


class Case(msgspec.Struct, frozen=True):
    """What doesn't verify; `others` are secrets by the words for whose they are."""

    body: bytes
    given: Given
    secret: str
    others: Mapping[str, str]
    now_s: int


class Explanation(msgspec.Struct, frozen=True):
    """What was proven, and where nothing was, what can be seen; `tried` says how many combinations were."""

    findings: tuple[Finding, ...]
    hints: tuple[str, ...]
    tried: int
    gave_up: bool


class _Trials:
    """Counts what is tried, and what that takes."""

    def __init__(self) -> None:
        self.count = 0
        self._left = MOST_HASHED_BYTES

    def digest(self, of: Digest, key: bytes, message: bytes) -> bytes:
        self.count += 1
        self._left -= len(message)
        return of(key, message)

    @property
    def are_enough(self) -> bool:
        return self._left <= 0


def explain(case: Case) -> Explanation:
    """Return what makes the signature one of the body after all."""
    trials = _Trials()
    readings = forms.readings(case.given)
    found = _found(case, readings, trials)
    if found is not None:
        return Explanation(found, (), trials.count, False)
    hints = [hint for hint in (forms.missing(case.given), bodies.truncation(case.body)) if hint]
    return Explanation((), tuple(hints), trials.count, trials.are_enough)


def _found(case: Case, readings: list[Reading], trials: _Trials) -> tuple[Finding, ...] | None:
    """Return the findings that give the signature, none for a signature that is right after all."""
    candidates = [*_keys(case)]
    for changed, body in _bodies(case.body):
        for key_changed, key in candidates:
            for reading in readings:
                if _matches(reading, key, body, trials):
                    return (*key_changed, *changed, *reading.findings, *_skew(reading, case.now_s))
            if trials.are_enough:
                return None
        if not changed and (other := _other_hash(readings, candidates, body, trials)):
            return other
    return None


def _matches(reading: Reading, key: bytes, body: bytes, trials: _Trials) -> bool:
    if reading.standard:
        key = standard_key(key.decode("utf-8", "surrogateescape"))
    digest = trials.digest(forms.hmac_of(reading.algorithm), key, reading.before + body)
    return digest.startswith(reading.digest)


def _other_hash(
    readings: list[Reading], candidates: list[tuple[tuple[Finding, ...], bytes]], body: bytes, trials: _Trials
) -> tuple[Finding, ...] | None:
    for reading in (each for each in readings if each.algorithm == "sha256"):
        for of, finding in forms.HASHES:
            for key_changed, key in candidates:
                if trials.digest(of, key, body).startswith(reading.digest):
                    return (finding, *key_changed[: key != b""], *reading.findings)
    return None


def _keys(case: Case) -> Iterator[tuple[tuple[Finding, ...], bytes]]:
    own = case.secret.encode("utf-8", "surrogateescape")
    yield (), own
    others = {name: secret.encode("utf-8", "surrogateescape") for name, secret in case.others.items()}
    for name, other in others.items():
        if other != own:
            yield (Finding(f"It was made with {name}", "Use the same secret on both sides."),), other
    for suspicion in keys.SUSPICIONS:
        for key in suspicion.candidates(own):
            yield (Finding(suspicion.what, suspicion.mend),), key


def _bodies(body: bytes) -> Iterator[tuple[tuple[Finding, ...], bytes]]:
    yield (), body
    seen = {(len(body), hash(body))}  # not the bodies themselves: those would be a hundred MiB
    for suspicion in bodies.SUSPICIONS:
        for candidate in suspicion.candidates(body):
            mark = (len(candidate), hash(candidate))
            if mark not in seen:
                seen.add(mark)
                yield (Finding(suspicion.what, suspicion.mend),), candidate


def _skew(reading: Reading, now_s: int) -> tuple[Finding, ...]:
    if reading.at_s is None or abs(now_s - reading.at_s) <= forms.WINDOW_S:
        return ()
    if abs(now_s - reading.at_s // 1000) <= forms.WINDOW_S:
        return (Finding("Its time is in milliseconds", "Write it in seconds."),)
    apart = now_s - reading.at_s
    where = f"{apart} s ago" if apart > 0 else f"{-apart} s ahead"
    return (
        Finding(
            f"Its time is {where}, and receivers take {forms.WINDOW_S} s",
            "Set both clocks (cstar doctor looks at this one), or have it sent again.",
        ),
    )
