"""The commands of `cstar`, each loaded when it is named: start-up is what a user feels at every one of them."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast

import typer
from typer._click.exceptions import ClickException
from typer.core import TyperCommand, TyperGroup

PLACES = {
    "listen": "listen.listen",
    "trigger": "trigger.trigger",
    "wait": "wait.wait",
    "replay": "replay.replay",
    "logs": "logs.app",
    "webhooks": "webhooks.app",
    "events": "events.app",
    "deliveries": "deliveries.app",
    "sessions": "sessions.app",
    "types": "types.app",
    "fixtures": "fixtures.app",
    "scenario": "scenario.app",
    "sign": "sign.sign",
    "verify": "verify.verify",
    "snippet": "snippet.snippet",
    "check": "check.check",
    "login": "login.login",
    "logout": "login.logout",
    "whoami": "login.whoami",
    "cloud": "cloud.app",
    "routes": "routes.app",
    "init": "init.init",
    "config": "config.app",
    "doctor": "doctor.doctor",
    "completion": "completion.app",
}
"""Where each command (a function) or group (a Typer) is, in the order of the root's help."""

RUNS_ANOTHER = "listen"
"""The command that takes one of the user's behind `--`."""

Place = typer.Typer | Callable[..., Any]

_NUMBERS = {"int": "whole number", "int range": "whole number", "float": "number", "float range": "number"}


def load(name: str) -> Place:
    """Return the command or group of that name, one of PLACES."""
    module, _, attribute = PLACES[name].partition(".")
    place: Place = getattr(import_module(f"cstar_cli.commands.{module}"), attribute)
    return place


def command(name: str) -> Any:
    """Return the command or group of that name as click has it."""
    place = load(name)
    above = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    if isinstance(place, typer.Typer):
        above.add_typer(place, name=name)
    else:
        above.command(name, cls=RunsAnother if name == RUNS_ANOTHER else None)(place)
    return typer.main.get_group(above).commands[name]


class RunsAnother(TyperCommand):
    """A command that finds another one, with its arguments, in `context.args`: what stands behind `--`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        super().parse_args(ctx, args[:at])  # refuses what is left over before
        ctx.args = args[at + 1 :]
        if args[at:] and not ctx.args and not ctx.resilient_parsing:
            ctx.fail("There is no command behind --.")
        return [*ctx.args]

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        return [] if ctx.args else super().shell_complete(ctx, incomplete)


class Tree(TyperGroup):
    """The root's group: it knows the names of its commands, and loads what is asked for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = cast(MutableMapping[str, Any], _Loaded())

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _harmless_errors():
            return super().make_context(*arguments, **options)

    def invoke(self, context: Any) -> Any:
        with _harmless_errors():
            return super().invoke(context)


@contextmanager
def _harmless_errors() -> Iterator[None]:
    """Make plain what a usage error says, and harmless what it quotes of the command line: typer shows it as it is."""
    try:
        yield
    except ClickException as error:
        from cstar_cli.render.safe import harmless

        error.message = harmless(in_plain_words(error.message))
        raise


def in_plain_words(message: str) -> str:
    """Return what typer says of a wrong value, with numbers called what people call them."""
    for kind, words in _NUMBERS.items():
        message = message.replace(f"' is not a valid {kind}.", f"' is not a {words}.")
    return message


class _Loaded(Mapping[str, Any]):
    """Commands by name, made when they are looked up."""

    def __getitem__(self, name: str) -> Any:
        if name not in PLACES:
            raise KeyError(name)
        return command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(PLACES)

    def __len__(self) -> int:
        return len(PLACES)
