"""The one family of errors, and the exit code each becomes.

CstarError               1   the thing failed
├── NotThere             1   the cloud knows no such thing
├── UsageError           2   what was asked for makes no sense
├── CloudUnreachable     3   no cloud answers
├── NotAllowed           4   the cloud, or the system, says no
├── ExpectationNotMet    5   something else came than was waited for
└── Interrupted        130   Ctrl-C

A message says what failed and what to do next. `main` alone turns errors into exits.
"""

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What scripts and CI branch on."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_ALLOWED = 4
    EXPECTATION = 5
    INTERRUPTED = 130


class CstarError(Exception):
    """Something failed; the message is one that a user can act on."""

    exit_code: int = ExitCode.FAILED


class NotThere(CstarError):
    """The cloud knows no such webhook, event or delivery."""


class UsageError(CstarError):
    """The arguments or settings make no sense."""

    exit_code = ExitCode.USAGE


class CloudUnreachable(CstarError):
    """No cloud answers on the address."""

    exit_code = ExitCode.UNREACHABLE


class NotAllowed(CstarError):
    """The cloud or the operating system refuses."""

    exit_code = ExitCode.NOT_ALLOWED


class ExpectationNotMet(CstarError):
    """An outcome or event differs from what was asked for, or never came."""

    exit_code = ExitCode.EXPECTATION


class Interrupted(CstarError):
    """The user pressed Ctrl-C; it needs no message."""

    exit_code = ExitCode.INTERRUPTED


def meant(name: str, known: Iterable[str]) -> str:
    """Return what a message about an unknown name ends with: the one that may have been meant, if any is near."""
    from difflib import get_close_matches  # late: only a mistake needs it

    near = get_close_matches(name, known, 1, 0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
