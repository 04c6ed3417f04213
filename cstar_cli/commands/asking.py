"""Commands that ask a cloud something and show its answer."""

import inspect
from collections.abc import Callable

import typer

from cstar_cli import config
from cstar_cli.commands.options import ApiBase, Json, NoColor

_SHARED = {"json": (Json, False), "no_color": (NoColor, False), "api_base": (ApiBase, config.DEFAULT_API_BASE)}

Ask = Callable[..., None]


def asks(app: typer.Typer, name: str) -> Callable[[Ask], Ask]:
    """Register a function as a command: it is given a Dialogue and its own parameters, the command takes `_SHARED` too.

    The function itself is returned as it is, for whoever has a Dialogue.
    """

    def register(ask: Ask) -> Ask:
        def command(*, json: bool, no_color: bool, api_base: str, **own: object) -> None:
            from cstar_cli.commands.dialogue import dialogue

            with dialogue(api_base, json=json, no_color=no_color) as talk:
                ask(talk, **own)

        _, *own = inspect.signature(ask).parameters.values()
        shared = [
            inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for option, (annotation, default) in _SHARED.items()
        ]
        command.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]  # what typer reads
        command.__annotations__ = {}
        command.__doc__ = ask.__doc__
        app.command(name)(command)
        return ask

    return register
