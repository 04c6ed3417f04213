"""The help of every command as the program makes it, in the form of `cstar_cli/help.txt`."""

import contextlib
import io
import os
import tempfile
from unittest.mock import patch

from cstar_cli.main import app

from .project import TREE


def help_texts() -> str:
    """Return each command's help behind its name, which follows a form feed."""
    with tempfile.TemporaryDirectory() as home:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CSTAR_")}
        with patch.dict(os.environ, {**kept, "CSTAR_HOME": home, "COLUMNS": "80"}, clear=True):
            return "".join(f"\fcstar{name and f' {name}'}\n{_help(name)}" for name in TREE)


def _help(name: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        app([*name.split(), "--help"], prog_name="cstar", standalone_mode=False)
    return printed.getvalue()


if __name__ == "__main__":
    print(help_texts(), end="")
