"""All trials for a wire version, in the order in which they are made, and the choice among them."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from cstar_cli.conformance.bodies import BODIES
from cstar_cli.conformance.ordinary import EVENTS, TRANSPORT, VALID
from cstar_cli.conformance.signatures import SIGNATURES, TIMES
from cstar_cli.conformance.trial import Trial
from cstar_cli.errors import UsageError, meant
from cstar_cli.events.wires.wire import Wire

EVERY = (VALID, *SIGNATURES, *TIMES, *EVENTS, *BODIES, *TRANSPORT)


def trials_for(wire: Wire) -> tuple[Trial, ...]:
    """Return the trials that make sense in a version."""
    signs_times = wire.sign(b"", "", 0) != wire.sign(b"", "", 1)
    return EVERY if signs_times else tuple(each for each in EVERY if each not in TIMES)


def chosen(trials: Sequence[Trial], only: Sequence[str], skip: Sequence[str]) -> tuple[Trial, ...]:
    """Return those that a name or pattern of `only` has, if there are any, and none of `skip`; the first is kept.

    Commas part several. Raises UsageError for what has none, and where `skip` leaves nothing of `only`.
    """
    only, skip = _parted(only), _parted(skip)
    for option, patterns in (("--only", only), ("--skip", skip)):
        for pattern in patterns:
            _check(option, pattern, trials)
    first, *others = trials
    wanted = [each for each in trials if _has(only, each)] if only else trials
    if all(_has(skip, each) for each in wanted):
        raise UsageError("--skip leaves nothing to try: skip less, or choose others with --only.")
    return (first, *(each for each in others if each in wanted and not _has(skip, each)))


def _parted(patterns: Sequence[str]) -> list[str]:
    return [part.strip() for pattern in patterns for part in pattern.split(",")]


def _has(patterns: Sequence[str], trial: Trial) -> bool:
    return any(fnmatchcase(trial.name, pattern) for pattern in patterns)


def _check(option: str, pattern: str, trials: Sequence[Trial]) -> None:
    if any(fnmatchcase(each.name, pattern) for each in trials):
        return
    if any(fnmatchcase(each.name, pattern) for each in EVERY):
        raise UsageError(
            f"{option} {pattern}: that trial is for another wire version; cstar check --list has those here."
        )
    near = meant(pattern, [each.name for each in trials])
    raise UsageError(f"{option} {pattern}: there is no such trial.{near} cstar check --list has them.")
