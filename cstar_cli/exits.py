"""The one place where an error becomes an exit code."""

import os
import sys
from collections.abc import Callable

from cstar_cli.errors import CstarError, ExitCode


def run_to_exit(body: Callable[[], object]) -> None:
    """Run it, with all standard streams open; where it fails, say why and exit with one of `ExitCode`."""
    _open_what_is_closed()
    try:
        body()
    except CstarError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        _complain(error.strerror or str(error))
        sys.exit(ExitCode.FAILED)
    except Exception as bug:
        if os.environ.get("CSTAR_DEBUG"):
            raise
        _complain(f"This is a bug in cstar ({type(bug).__name__}: {bug}). CSTAR_DEBUG=1 shows where it is.")
        sys.exit(ExitCode.FAILED)


def _complain(message: str) -> None:
    """Say why it ends; what a cloud or a receiver has put into the message can't steer the terminal."""
    if not message:
        return
    from cstar_cli.render.safe import harmless

    line = f"cstar: {harmless(message)}"
    if sys.stderr.isatty():
        from cstar_cli.render.folding import folded
        from cstar_cli.render.output import columns

        line = "\n".join(folded(line, columns()))
    print(line, file=sys.stderr)  # noqa: T201  # no renderer exists when an error ends it all


def _open_what_is_closed() -> None:
    """Give a standard stream that our caller has closed (`>&-`) to nobody, before another file gets its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
