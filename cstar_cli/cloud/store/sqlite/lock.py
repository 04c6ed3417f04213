"""One process owns the database: a lock that the system drops when its holder dies, however it dies."""

import os
import sys
from pathlib import Path

from cstar_cli.errors import CstarError


class DatabaseInUse(CstarError):
    """Another process owns the database."""


class FileLock:
    """An exclusive lock on a file beside the database, held until `release`; the file names the holder."""

    def __init__(self, path: Path) -> None:
        """Take the lock. Raises DatabaseInUse, or OSError where the file can't be made."""
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(self._descriptor)
        except OSError as error:
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise DatabaseInUse(
                f"{path.with_suffix('')} is in use by another process"
                + (f" (pid {holder}). " if holder else ". ")
                + "Stop it (cstar cloud stop, or Ctrl-C in its cstar listen), or choose another --database."
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let the next one have it; the file stays, so that nobody locks a deleted one."""
        os.close(self._descriptor)


if sys.platform == "win32":
    import msvcrt

    # Windows refuses reads of a locked range, so lock one far behind the holder's name.
    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
