"""A recording's file as `replay` reads it: gone through once, then each delivery by itself, so that any size fits."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from cstar_cli.commands.replaying import Due, in_order
from cstar_cli.errors import CstarError, UsageError
from cstar_cli.events.envelope import parse_iso
from cstar_cli.recording import format as lines
from cstar_cli.recording.format import Damaged, Delivery, End, Recording, Session, Torn
from cstar_cli.recording.resending import removed_headers

STDIN = "-"
_IN_MEMORY = 16 * 1024 * 1024


class Contents(msgspec.Struct):
    """What a recording has: which deliveries of those that are wanted, and what is to be known of them.

    `missing` is how many fewer it has than its last line counts.
    """

    due: list[Due]
    redacted: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    removed_headers: tuple[str, ...] = ()
    bodiless: int = 0
    missing: int = 0
    torn: bool = False
    ended: bool = False

    @property
    def lasts_ms(self) -> int:
        """How long it took, from the first start to the last."""
        return self.due[-1].at_ms - self.due[0].at_ms if self.due else 0


class RecordedFile:
    """The file, open until it is closed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._file = _opened(name)

    def close(self) -> None:
        """Let go of it."""
        self._file.close()

    def contents(self, wanted: Callable[[Delivery], bool]) -> Contents:
        """Go through it. Raises CstarError where it is no recording that can be read."""
        found = Contents([])
        routes: dict[str, None] = {}
        removed: dict[str, None] = {}
        seen = 0  # since the recording began: a file may be two, one after the other
        self._file.seek(0)
        try:
            for offset, line in lines.read(self._file):
                seen += isinstance(line, Delivery)
                match line:
                    case Recording():
                        found.redacted, seen = line.redacted, 0
                    case Delivery() if line.removed:
                        found.bodiless += wanted(line)
                    case Delivery() if wanted(line):
                        found.due.append(Due(parse_iso(line.at), line.number, offset))
                        removed |= dict.fromkeys(removed_headers(line))
                        if line.route is not None:
                            routes[line.route] = None
                    case End():
                        found.ended = True
                        found.missing += max(0, line.deliveries - seen)
                    case Delivery() | Session():
                        pass
        except Torn:
            found.torn = True
        except Damaged as error:
            raise CstarError(f"{self._shown}: {error}") from error
        except UsageError as error:
            raise CstarError(f"{self._shown}: {error} Was it changed by hand?") from error
        found.due = in_order(found.due)
        found.routes, found.removed_headers = tuple(routes), tuple(removed)
        return found

    def delivery(self, due: Due) -> Delivery:
        """Return one that it has."""
        self._file.seek(due.offset)
        return lines.delivery_in(self._file.readline())

    @property
    def _shown(self) -> str:
        return "The recording" if self._name == STDIN else self._name


def _opened(name: str) -> BinaryIO:
    try:
        if name == STDIN:
            return _kept(sys.stdin.buffer)
        file = Path(name).expanduser().open("rb")
        return file if file.seekable() else _kept(file)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"Can't read {name}: {reason}.") from error


def _kept(stream: BinaryIO) -> BinaryIO:
    """Return what comes by a pipe as a file of our own: it is gone through more than once."""
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # it is open to the end
    while piece := stream.read(1 << 20):
        file.write(piece)
    return file  # type: ignore[return-value]  # it has what a file has
