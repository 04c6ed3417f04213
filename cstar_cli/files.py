"""Small files of the user's: read whole, replaced whole, readable by their owner alone."""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

from cstar_cli.errors import CstarError


def write_private(path: Path, text: str) -> None:
    """Replace a file whole, readable by its owner alone."""
    make_folder(path.parent)
    _replace(path, text, 0o600)


def write_shared(path: Path, text: str) -> None:
    """Replace a file of a project whole; who may read it stays as it was, or is for the umask to say."""
    try:
        mode = path.stat().st_mode & 0o777
    except OSError:
        mode = 0o666
    _replace(path, text, mode)


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file whole by exactly these bytes; who may read it is for the umask to say. Raises OSError."""
    _put(path.resolve(), data, 0o666)


def write_through(path: Path, data: bytes) -> None:
    """Replace a file whole where links lead to it; its owner and mode stay, and a new one is for its owner alone.

    Raises OSError, also where only the folder could be written.
    """
    real = path.resolve()
    before = real.stat() if real.exists() else None
    if before is not None and not os.access(real, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def as_before(fresh: Path) -> None:
        if before is not None:
            with contextlib.suppress(OSError, AttributeError):  # another's file, or Windows: then it becomes ours
                os.chown(fresh, before.st_uid, before.st_gid)
            fresh.chmod(before.st_mode & 0o7777)

    _put(real, data, 0o600, as_before)


def _replace(path: Path, text: str, mode: int) -> None:
    try:
        _put(path, text.replace("\n", os.linesep).encode(), mode)
    except OSError as error:
        raise _unwritable(path, error) from error


def _put(path: Path, data: bytes, mode: int, finish: Callable[[Path], None] = lambda _: None) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        finish(fresh)
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


def make_folder(path: Path) -> None:
    """Make a folder and its parents, open to the owner alone."""
    try:
        for parent in reversed([folder for folder in path.parents if not folder.exists()]):
            parent.mkdir(mode=0o700, exist_ok=True)  # with parents=True the umask alone would decide
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def read_or_create(path: Path, make: Callable[[], str]) -> str:
    """Return the file's text; when it is missing, what is made becomes it, unless another process was first."""
    with contextlib.suppress(FileNotFoundError):
        return read(path)
    fresh = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
    write_private(fresh, make())
    try:
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        fresh.unlink(missing_ok=True)
    return read(path)


def read(path: Path) -> str:
    """Return the file's text. Raises FileNotFoundError, or the CstarError that says why it can't be read."""
    try:
        return path.read_text(encoding="utf-8")
    except NotADirectoryError as error:
        raise FileNotFoundError(path) from error
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise CstarError(f"Can't read {path}: {_reason(error)}.") from error


def _unwritable(path: Path, error: OSError) -> CstarError:
    return CstarError(
        f"Can't write {path}: {_reason(error)}. Make the folder writable, or set CSTAR_HOME to one that is."
    )


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        line = error.object.count(b"\n", 0, error.start) + 1
        return f"line {line} is no text in UTF-8"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
