"""`--ready-file`: tells scripts that `listen` is ready, for as long as it runs."""

import contextlib
import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from cstar_cli.errors import CstarError


class ReadyFile:
    """A file that is there, whole, from when events can come until the end; entering makes sure that it can be.

    Without a path it is none.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._written = ""

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                _check_replaceable(self._path)
                self._path.unlink(missing_ok=True)  # of a run that was killed
                _fresh(self._path).touch()
            except OSError as error:
                raise _unwritable(self._path, error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            _fresh(self._path).unlink(missing_ok=True)
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if self._written and self._path.read_text("utf-8") == self._written:  # no other's that came after us
                self._path.unlink()

    def write(self, facts: Mapping[str, object]) -> None:
        """Say that it is ready, and how."""
        if self._path is None:
            return
        import json

        text = json.dumps({**facts, "pid": os.getpid()}) + "\n"
        try:
            _fresh(self._path).write_text(text, "utf-8")
            _fresh(self._path).replace(self._path)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        self._written = text


def _check_replaceable(path: Path) -> None:
    """Raise CstarError for what is no file of ours: replacing it would lose it."""
    with contextlib.suppress(FileNotFoundError):
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(kind):
            raise CstarError(f"Can't write --ready-file {path}: it is not a file. Name one that can be written.")
        if not _is_ours(path.read_bytes()):
            raise CstarError(f"Can't write --ready-file: {path} holds something else. Name another, or delete it.")


def _is_ours(text: bytes) -> bool:
    import json

    try:
        return text == b"" or "pid" in dict(json.loads(text))
    except (ValueError, TypeError):
        return False


def _fresh(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}.new")


def _unwritable(path: Path, error: OSError) -> CstarError:
    return CstarError(f"Can't write --ready-file {path}: {error.strerror or error}. Name one that can be written.")
