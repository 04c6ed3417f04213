"""The user's editor, for `trigger --edit`."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from cstar_cli.errors import CstarError


def edit_text(text: str) -> str:
    """Return the text as the user leaves it in $VISUAL or $EDITOR; raises CstarError when the editor fails."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ("notepad" if os.name == "nt" else "vi")
    with tempfile.TemporaryDirectory(prefix="cstar-") as folder:
        path = Path(folder) / "data.json"
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        try:
            done = subprocess.run([*shlex.split(editor), str(path)], check=False)
        except (OSError, ValueError) as error:
            raise CstarError(f"Can't start the editor {editor!r}: {error}. Set VISUAL or EDITOR.") from error
        if done.returncode:
            raise CstarError(f"The editor {editor!r} ended with {done.returncode}: nothing was sent.")
        edited = path.read_text(encoding="utf-8", errors="surrogatepass")
    if not edited.strip():
        raise CstarError("The edited data is empty: nothing was sent.")
    return edited


def keep_text(text: str) -> Path:
    """Save the text in a file of its own, so that no work is lost."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="cstar-", suffix=".json", delete=False, encoding="utf-8", errors="surrogatepass"
    ) as file:
        file.write(text)
    return Path(file.name)
