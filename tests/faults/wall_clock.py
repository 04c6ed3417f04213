"""A wall clock that a test moves while a process runs; the process's other clocks go on as they are.

That is libfaketime's doing: it stands between a process and the system's clocks.
"""

from pathlib import Path

from ..processes import Env

_INSTALLED = ("/usr/lib", "/usr/local/lib")


class WallClock:
    """The wall clock of each process that is started with `env`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "wall-clock"
        self.move(0)
        self.env: Env = {
            "LD_PRELOAD": _library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Its mend of an old glibc's waits ends them at once: threads that wait for each other would spin.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }

    def move(self, seconds: int) -> None:
        """Let it be so far from the true time, at once."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}s\n")
        fresh.replace(self._file)


def _library() -> str:
    for folder in map(Path, _INSTALLED):
        for found in sorted(folder.glob("**/faketime/libfaketimeMT.so.1")):
            return str(found)
    raise AssertionError("The tests move clocks with libfaketime, which is nowhere: install the package faketime.")
