"""The options of `listen` that `cstar_cli.quick` reads, as typer makes them, in the form of `cstar_cli/quick.txt`."""

from typing import Any

from cstar_cli.commands import tree

NUMBERS = {"int range": "whole", "float range": "number"}


def quick_options() -> str:
    """Return a line for each of those options: kind, parameter, variable, flags."""
    return "".join(
        f"{kind} {option.name} {option.envvar or '-'} {' '.join(option.opts)}\n"
        for option in tree.command("listen").params
        if (kind := _kind(option)) is not None
    )


def _kind(option: Any) -> str | None:
    if option.callback is not None or option.secondary_opts or option.name == "help":
        return None
    if option.is_flag:
        return "flag"
    of = option.type
    if of.name == "str" and option.nargs == 1:
        return "texts" if option.multiple else "text"
    if option.multiple:
        return None
    if of.name == "path":
        return None if of.exists or of.resolve_path or of.writable else "path"
    if of.name not in NUMBERS or of.min_open or of.max_open or of.clamp:
        return None
    return f"{NUMBERS[of.name]}:{_bound(of.min)}..{_bound(of.max)}"


def _bound(number: float | None) -> str:
    return "" if number is None else f"{number:g}"


if __name__ == "__main__":
    print(quick_options(), end="")
