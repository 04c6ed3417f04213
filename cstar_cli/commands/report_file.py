"""A report that a command writes for other programs, whole or not at all."""

import errno
from pathlib import Path

from cstar_cli.errors import CstarError
from cstar_cli.files import write_whole

_NO_ROOM = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def write_report(option: str, path: Path, report: bytes) -> None:
    """Replace what is there by the report; raises CstarError, which names the option, where that can't be."""
    try:
        file = path.expanduser()
        if file.exists() and not file.is_file():
            raise CstarError(f"Can't write {option} {path}: it is not a file. Name one that can be written.")
        write_whole(file, report)
    except OSError as error:
        advice = "Make room" if error.errno in _NO_ROOM else "Name a file in a folder that is there and can be written"
        raise CstarError(f"Can't write {option} {path}: {error.strerror or error}. {advice}.") from error
    except RuntimeError as error:  # of a home folder that nobody knows
        raise CstarError(f"Can't write {option} {path}: {error} Write the whole path.") from error
