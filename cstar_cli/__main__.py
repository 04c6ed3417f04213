"""Where `cstar` and `python -m cstar_cli` begin."""

import gc
import os
import sys

from cstar_cli.shortcut import answer

# Typer imports the first to open files; websockets the next two for its own development and for proxies; shutil the
# archives' formats, and subprocess the last of that line for texts; other standard modules what follows for foreign
# paths, globs, source code, deep copies and files sent through sockets; msgspec the last for schemas: with all that
# they load in turn.
UNUSED = (
    *("subprocess", "importlib.metadata", "urllib.request", "bz2", "lzma", "locale"),
    *("ntpath", "fnmatch", "tokenize", "copy", "array", "textwrap"),
)
UNUSED_OF_MSGSPEC = ("inspect", "msgpack", "toml", "yaml")


def main() -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends it as quietly as later."""
    try:
        if not _answered():
            gc.set_threshold(50_000)  # no command loads as much: imports make objects, and hardly any garbage
            from cstar_cli.deferred import defer, defer_answering, defer_own, load_without
            from cstar_cli.inspecting import ANSWERS

            defer(*UNUSED)
            if os.name != "nt":
                defer_answering("platform", system=lambda: os.uname().sysname)  # all that uuid asks
            defer_answering("inspect", **ANSWERS)
            defer_own("msgspec", *UNUSED_OF_MSGSPEC)
            load_without("typing_extensions", "msgspec")  # which takes from it what `typing` has as well
            if sys.argv[1:2] != ["listen"] or not _listened():
                from cstar_cli.main import run

                run()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        gc.freeze()  # the interpreter ends without looking through all that was loaded: a fifth of a short command


def _listened() -> bool:
    from cstar_cli.quick import listened

    return listened(sys.argv[2:], os.environ)


def _answered() -> bool:
    """Print what takes no command; whatever is in the way of that, the whole program finds too, and can tell."""
    try:
        text = answer(sys.argv[1:], os.environ)
        if text is None:
            return False
        os.write(sys.stdout.fileno(), text.encode())  # unbuffered: what fails leaves nothing behind
    except (OSError, AttributeError):
        return False
    return True


if __name__ == "__main__":
    main()
