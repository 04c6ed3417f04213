"""Where `cstar` and `python -m cstar_cli` begin."""

import os
import sys

from cstar_cli import __version__

USUAL_COLUMNS = 80


def main() -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends it as quietly as later."""
    try:
        if _answers_at_once(sys.argv[1:]):
            return
        from cstar_cli.main import run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


def _answers_at_once(arguments: list[str]) -> bool:
    """Answer what is the same every time; loading the command tree for it would take ten times as long."""
    try:
        match arguments:
            case ["--version"]:
                os.write(1, f"cstar {__version__}\n".encode())
            case ["--help" | "-h"] if _columns() >= USUAL_COLUMNS:
                with open(os.path.join(os.path.dirname(__file__), "help.txt"), "rb") as text:  # noqa: PTH118,PTH120,PTH123
                    os.write(1, text.read())
            case _:
                return False
    except OSError:  # nobody reads, or the disk is full: the command tree ends in its own way
        return False
    return True


def _columns() -> int:
    """Return how wide the output is, as the help of the command tree is told."""
    try:
        return int(os.environ.get("COLUMNS", 0)) or os.get_terminal_size(1).columns or USUAL_COLUMNS
    except (ValueError, OSError):
        return USUAL_COLUMNS


if __name__ == "__main__":
    main()
