"""The signing secret in the application's env file, for `listen --env-file`; `doctor` looks at it."""

import stat
import subprocess
from pathlib import Path
from shutil import which

from cstar_cli import envfile
from cstar_cli.errors import CstarError, UsageError
from cstar_cli.files import write_through

GIT_S = 5.0
GIT_IGNORES_NOT = 1  # of `git check-ignore`; 128 says that there is no repository


def checked_names(given: list[str]) -> tuple[str, ...]:
    """Return the names for the secret that the user has given, each once; raises UsageError."""
    for name in given:
        if not envfile.is_name(name):
            raise UsageError(f"--secret-env {name!r} is not a variable's name: take letters, digits and _ alone.")
    return tuple(dict.fromkeys(given)) or (envfile.SECRET_VARIABLE,)


def put_secret(file: Path, names: tuple[str, ...], secret: str) -> list[str]:
    """Have the file give the secret under these names, and return what the user should know of it."""
    before = read_env_file(file)
    after = envfile.with_values(before or "", dict.fromkeys(names, secret))
    what = " and ".join(names)
    if after == before:
        return [f"{file} has {what} already."]
    try:
        write_through(file, after.encode())
    except FileNotFoundError as error:
        raise CstarError(f"Can't write {file}: there is no such folder. Make it, or correct --env-file.") from error
    except (OSError, RuntimeError) as error:
        raise CstarError(f"Can't write {file}: {_reason(error)}. Make it writable, or correct --env-file.") from error
    told = f"Wrote {what} to {file}." if before is not None else f"Made {file} with {what}."
    return [told, f"Git doesn't ignore {file}: name it in .gitignore."] if _is_for_git(file) else [told]


def read_env_file(file: Path) -> str | None:
    """Return the file's text, line ends as they are, or None where there is no file; raises CstarError."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # a pipe would be waited for, and then replaced
            raise CstarError(f"Can't use {file}: it is not a file. Correct --env-file.")
        return file.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise CstarError(f"Can't use {file}: it is not UTF-8. Save it so, or correct --env-file.") from error
    except (OSError, RuntimeError) as error:
        raise CstarError(f"Can't read {file}: {_reason(error)}. Make it readable, or correct --env-file.") from error


def _is_for_git(file: Path) -> bool:
    """Tell whether git would take the file into a commit, where there is a git to ask."""
    git = which("git")
    if git is None:
        return False
    asked = [git, "check-ignore", "--quiet", "--", file.name]
    try:
        folder = file.parent
        return subprocess.run(asked, cwd=folder, capture_output=True, timeout=GIT_S).returncode == GIT_IGNORES_NOT
    except (OSError, subprocess.TimeoutExpired):
        return False


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
