"""The user's editor."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from cstar_cli.errors import CstarError


def edit_text(text: str, suffix: str = ".json") -> str:
    """Return the text as the user leaves it in $VISUAL or $EDITOR; raises CstarError when the editor fails.

    The suffix tells the editor what it is.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ("notepad" if os.name == "nt" else "vi")
    with tempfile.TemporaryDirectory(prefix="cstar-") as folder:
        path = Path(folder) / f"data{suffix}"
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        try:
            done = subprocess.run([*words_of(editor), str(path)], check=False)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise CstarError(f"Can't start the editor {editor!r}: {reason}. Set VISUAL or EDITOR.") from error
        if done.returncode:
            raise CstarError(f"The editor {editor!r} ended with {done.returncode}: nothing was done.")
        edited = path.read_text(encoding="utf-8", errors="surrogatepass")
    if not edited.strip():
        raise CstarError("What was edited is empty: nothing was done.")
    return edited


def changed_text(text: str, suffix: str = ".json") -> str | None:
    """Return what `edit_text` does, None where the user left the text as it was."""
    edited = edit_text(text, suffix)
    return None if edited == text else edited


def words_of(command: str, system: str = os.name) -> list[str]:
    """Return the command's words as the system's shell parts them: on Windows a backslash is part of a path."""
    if system != "nt":
        return shlex.split(command)
    return [word.strip('"') for word in shlex.split(command, posix=False)]


def keep_text(text: str, suffix: str = ".json") -> Path:
    """Save the text in a file of its own, so that no work is lost."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="cstar-", suffix=suffix, delete=False, encoding="utf-8", errors="surrogatepass"
    ) as file:
        file.write(text)
    return Path(file.name)
