"""The files' settings as the defaults of the commands' options."""

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import typer

from cstar_cli import config
from cstar_cli.errors import UsageError

SHARED = ("api_base",)


def default_map(app: typer.Typer) -> dict[str, Any]:
    """Return what Typer takes as its defaults: top-level keys for every command, a table for the command it names.

    Raises UsageError for a key or table that no command has.
    """
    home = config.home(os.environ)
    try:
        folder = Path.cwd()
    except FileNotFoundError:  # it was deleted: no project is there
        folder = home.path
    settings = config.file_settings(folder, home)
    if not settings:
        return {}
    shared = {key: value for key, value in settings.items() if not isinstance(value, dict)}
    for key in shared:
        if key not in SHARED:
            raise UsageError(f"Unknown key {key!r} in {_WHERE}: put it into a table like [listen]. {_valid(SHARED)}")
    commands = _commands(app)
    defaults: dict[str, Any] = {}
    for name, table in settings.items():
        if isinstance(table, dict) and name not in commands:
            raise UsageError(f"Unknown table [{name}] in {_WHERE}. {_valid(commands)}")
    for name, callbacks in commands.items():
        table = settings.get(name)
        own = _checked(name, table if isinstance(table, dict) else {}, callbacks)
        plain = callbacks.get("")
        defaults[name] = {**shared, **own} if plain else {sub: {**shared, **own} for sub in callbacks}
    return defaults


def _commands(app: typer.Typer) -> dict[str, dict[str, Callable[..., Any]]]:
    """Return each command's functions by subcommand; a command without subcommands has the one named ``""``."""
    found: dict[str, dict[str, Callable[..., Any]]] = {}
    for command in app.registered_commands:
        if command.name and command.callback:
            found[command.name] = {"": command.callback}
    for group in app.registered_groups:
        if group.name and group.typer_instance:
            registered = group.typer_instance.registered_commands
            found[group.name] = {sub.name: sub.callback for sub in registered if sub.name and sub.callback}
    return found


def _checked(name: str, table: Mapping[str, object], callbacks: Mapping[str, Callable[..., Any]]) -> dict[str, object]:
    """Return the table's settings, each one that an option of the command takes; text for a list becomes a list."""
    options = {key: option for callback in callbacks.values() for key, option in _options(callback).items()}
    own: dict[str, object] = {}
    for written, value in table.items():
        key = written.replace("-", "_")
        if key not in options:
            raise UsageError(f"Unknown key {written!r} in [{name}] of {_WHERE}. {_valid(options)}")
        if isinstance(value, dict) or value is None:
            raise UsageError(f"{key!r} in [{name}] of {_WHERE} must be a value, not a table.")
        takes_several = "list[" in str(options[key].annotation)
        if isinstance(value, list) and not takes_several:
            raise UsageError(f"{key!r} in [{name}] of {_WHERE} must be one value, not a list.")
        own[key] = [value] if takes_several and not isinstance(value, list) else value
    return own


def _options(callback: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(callback).parameters)


def _valid(names: Iterable[str]) -> str:
    return f"Valid are: {', '.join(sorted(names))}."


_WHERE = "cstar.toml or config.toml"
