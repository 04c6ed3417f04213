"""Where an option's value comes from: this run, or a file, or nowhere."""

from typing import Protocol


class Source(Protocol):
    """A place where values come from."""

    @property
    def name(self) -> str: ...


class Context(Protocol):
    """What tells it: typer's context does."""

    args: list[str]

    def get_parameter_source(self, name: str, /) -> Source | None: ...


def on_command_line(context: Context, name: str) -> bool:
    """Say whether the command line itself has the option: what settings say otherwise gives way."""
    return _source(context, name) == "COMMANDLINE"


def in_this_run(context: Context, name: str) -> bool:
    """Say whether this run gives an option, rather than a file."""
    return _source(context, name) in ("COMMANDLINE", "ENVIRONMENT")


def _source(context: Context, name: str) -> str:
    source = context.get_parameter_source(name)
    return "" if source is None else source.name
