"""The files' settings, and the profile's, as the defaults of the commands' options."""

import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, get_args

import msgspec
import typer

from cstar_cli import config
from cstar_cli.commands import tree
from cstar_cli.commands.options import WIRE_VARIABLE
from cstar_cli.errors import NotAllowed, UsageError, meant
from cstar_cli.profiles import DEFAULT_PROFILE, profile_name

if TYPE_CHECKING:
    from cstar_cli.positions import Path

SHARED = ("api_base", "profile", "wire")
TABLES = tuple(name for name in tree.PLACES if name != config.ROUTES)
# Where this one sends a key that the user types, no project may say.
_NO_PROJECTS = "login"
_WRITES_THE_FILE = "init"
REPORTS_FAULTS = "doctor"
"""The command that tells what is wrong with the files as it tells all else, and needs none of them."""
# Files that are written, or replaced: a project that somebody else has made may not say which of yours.
_WRITTEN = {
    "listen": ("env_file", "ready_file", "record", "force"),
    "check": ("junit",),
}

Settings = Mapping[str, object]
Callbacks = Mapping[str, Callable[..., Any]]


class Misplaced(UsageError):
    """A key, or its value, that no command takes; `path` leads to it."""

    def __init__(self, path: "Path", message: str) -> None:
        super().__init__(message)
        self.path = path


class Chosen(msgspec.Struct, frozen=True):
    """The profile's name, and what Typer takes as the defaults of the command's options."""

    profile: str
    defaults: dict[str, Any]


def choose(command: str, named: str | None, env: Mapping[str, str] = os.environ) -> Chosen:
    """Return what holds for a run of this command of the root; `named` is the profile of a flag or the environment.

    Raises UsageError for a key or table that no command has; `init`, which writes the file, looks into none.
    """
    if command == _WRITES_THE_FILE:
        return Chosen(profile_name(named or DEFAULT_PROFILE), {})
    home = _any_profiles(env)
    users, projects = config.user_settings(home), config.project_settings(config.folder(home))
    return _chosen(command, named, env, users, projects)


def choose_without_files(command: str, named: str | None, env: Mapping[str, str] = os.environ) -> Chosen:
    """Return what would hold if no settings file were there."""
    return _chosen(command, named, env, {}, {})


def _any_profiles(env: Mapping[str, str]) -> config.Home:
    """Return the home folder, before a profile is chosen."""
    return config.home({**env, config.PROFILE_VARIABLE: ""})


def _chosen(
    command: str, named: str | None, env: Mapping[str, str], users: dict[str, object], projects: dict[str, object]
) -> Chosen:
    home = _any_profiles(env)
    profile = profile_name(named or str(config.merged(users, projects).get("profile", DEFAULT_PROFILE)))
    found = home.profiles.find(profile)
    if found is not None and found.login is not None:
        kept = {} if found.login.wire is None else {"wire": found.login.wire}
        users = {"api_base": found.login.api_base, **kept, **users}
    if env.get("CSTAR_API_KEY"):
        trusted = config.api_base(str(users.get("api_base", config.DEFAULT_API_BASE)))
        projects = _without_foreign(projects, trusted)
    try:
        defaults = _defaults(command, config.merged(users, _without_written(projects)))
    except Misplaced as fault:
        raise _located(fault, home) from None
    return Chosen(profile, _defaults(command, users) if command == _NO_PROJECTS else defaults)


def keys() -> list[str]:
    """Return all keys that a file may have, those of commands behind their table's name."""
    return [*SHARED, *(f"{name}.{key}" for name in TABLES for key in _table_options(name))]


def known_key(text: str) -> str:
    """Return a key as it is spelled; raises UsageError for one that no file may have."""
    key = text.replace("-", "_")
    table, _, name = key.partition(".")
    if key in SHARED or (table in TABLES and name in _table_options(table)):
        return key
    if name and table in TABLES:
        raise UsageError(f"There is no setting {text!r}. {_valid(f'{table}.{each}' for each in _table_options(table))}")
    if table == config.ROUTES:
        raise UsageError("Routes are written in the file itself: cstar init makes one, cstar config edit changes it.")
    tables = ", ".join(f"{each}.…" for each in TABLES)
    raise UsageError(f"There is no setting {text!r}. Valid are: {', '.join(SHARED)}, {tables}.")


def check(document: Settings, key: str = "") -> None:
    """Raise UsageError for what no command takes; the value of `key` is also held to what its option takes."""
    _defaults("", document)
    table, _, name = key.rpartition(".")
    if table:
        value = _checked(table, document[table], _commands(tree.load(table)))[name]  # type: ignore[arg-type]  # checked
        _convert(table, name, value)


def _convert(table: str, name: str, value: object) -> None:
    """Have the option look at a value as it would at its flag's."""
    command = tree.command(table)
    leaves = getattr(command, "commands", {"": command}).values()
    for option in (option for leaf in leaves for option in leaf.params if option.name == name):
        try:
            option.type_cast_value(typer.Context(command), value)
        except typer.BadParameter as error:
            raise UsageError(f"{table}.{name}: {tree.in_plain_words(error.message)}") from error


def _table_options(name: str) -> list[str]:
    return [*{key: None for callback in _commands(tree.load(name)).values() for key in _options(callback)}]


def _defaults(command: str, settings: Settings) -> dict[str, Any]:
    """Return top-level keys and the command's table as its defaults; each table is checked, whomever it is for."""
    if not settings:
        return {}
    shared = {key: value for key, value in settings.items() if not isinstance(value, dict) and key != config.ROUTES}
    for key, value in shared.items():
        if _are_tables(value):
            told = " Did you mean [[routes]]?" if meant(key, [config.ROUTES]) else ""
            raise Misplaced((key, 0), f"Unknown tables [[{key}]].{told} Only routes are many tables.")
        if key not in SHARED:
            advice = f"{meant(key, SHARED)} Keys of commands stand in tables like [listen]. {_valid(SHARED)}"
            raise Misplaced((key,), f"Unknown key {key!r}.{advice}")
        if key == "wire":
            _check_wire(value)
    own: dict[str, object] = {}
    for name, table in settings.items():
        if isinstance(table, dict):
            if name == config.ROUTES:
                raise Misplaced((name,), "Routes are tables: begin each with [[routes]], in two brackets.")
            if name not in TABLES:
                near = meant(name, [*TABLES, config.ROUTES]).replace("'routes'", "[[routes]]")
                raise Misplaced((name,), f"Unknown table [{name}].{near} {_valid([*TABLES, config.ROUTES])}")
            checked = _checked(name, table, _commands(tree.load(name)))
            own = checked if name == command else own
    if command not in tree.PLACES:
        return {}
    place = tree.load(command)
    if not isinstance(place, typer.Typer):
        return {command: {**_taken(shared, place), **own}}
    # A group within a group has no table: what a key is for, and where it is made, is said each time.
    inner = {
        name: {below: _taken(shared, callback) for below, callback in _commands(group).items()}
        for name, group in _groups(place).items()
    }
    outer = {name: {**_taken(shared, callback), **own} for name, callback in _commands(place).items()}
    return {command: {**outer, **inner}}


def _taken(shared: Settings, callback: Callable[..., Any]) -> Settings:
    """Return what a command takes of the values for all: its `wire` may be one of its own, as its variable shows."""
    if "wire" not in shared:
        return shared
    option = _options(callback).get("wire")
    declared = () if option is None else get_args(option.annotation)
    is_for_all = any(getattr(each, "envvar", None) == WIRE_VARIABLE for each in declared)
    return shared if is_for_all else {key: value for key, value in shared.items() if key != "wire"}


def _check_wire(value: object) -> None:
    from cstar_cli.events.wires import checked_name

    try:
        checked_name(str(value))
    except UsageError as error:
        raise Misplaced(("wire",), str(error)) from None


def _are_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _without_foreign(projects: Settings, trusted: str) -> dict[str, object]:
    """Return a project's settings; where one would have the environment's key sent elsewhere, using it is refused."""

    def safe(key: str, value: object) -> object:
        if isinstance(value, dict):
            return {inner: safe(inner, below) for inner, below in value.items()}
        if key.replace("-", "_") != "api_base":
            return value
        base = config.api_base(str(value))
        if base == trusted or config.is_loopback(base):
            return value

        def refuse() -> NoReturn:
            raise NotAllowed(
                f"cstar.toml would have CSTAR_API_KEY sent to {value}: if that is right, say so with CSTAR_API_BASE."
            )

        return refuse

    return {key: safe(key, value) for key, value in projects.items()}


def _without_written(projects: Settings) -> Settings:
    """Return a project's settings; where one would have a file written, using it is refused."""
    return {table: _safe(own, _WRITTEN.get(table, ())) for table, own in projects.items()}


def _safe(own: object, written: Sequence[str]) -> object:
    if not written or not isinstance(own, dict):
        return own

    def safe(key: str, value: object) -> object:
        option = key.replace("-", "_")
        if option not in written:
            return value

        def refuse() -> NoReturn:
            flag = f"--{option.replace('_', '-')}"
            raise NotAllowed(f"A project's cstar.toml can't have files written: leave {option} out there, use {flag}.")

        return refuse

    return {key: safe(key, value) for key, value in own.items()}


def _commands(place: tree.Place) -> Callbacks:
    """Return the functions of a group by their names, or the one function that a command is."""
    if not isinstance(place, typer.Typer):
        return {"": place}
    return {
        command.name: command.callback for command in place.registered_commands if command.name and command.callback
    }


def _groups(group: typer.Typer) -> dict[str, typer.Typer]:
    return {
        below.name: below.typer_instance for below in group.registered_groups if below.name and below.typer_instance
    }


def _checked(name: str, table: Settings, callbacks: Callbacks) -> dict[str, object]:
    """Return the table's settings, each one that an option of the command takes; text for a list becomes a list."""
    options = {key: option for callback in callbacks.values() for key, option in _options(callback).items()}
    own: dict[str, object] = {}
    for written, value in table.items():
        key = written.replace("-", "_")
        if key not in options:
            advice = f"{meant(key, options)} {_valid(options)}"
            raise Misplaced((name, written), f"Unknown key {written!r} in [{name}].{advice}")
        if isinstance(value, dict) or value is None:
            raise Misplaced((name, written), f"{key!r} in [{name}] must be a value, not a table.")
        takes_several = "list[" in str(options[key].annotation)
        if isinstance(value, list) and not takes_several:
            raise Misplaced((name, written), f"{key!r} in [{name}] must be one value, not a list.")
        own[key] = [value] if takes_several and not isinstance(value, list) else value
    return own


def _options(callback: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(callback, eval_str=True).parameters
    return {name: each for name, each in parameters.items() if each.annotation is not typer.Context}


def _valid(names: Iterable[str]) -> str:
    return f"Valid are: {', '.join(sorted(names))}."


def _located(fault: Misplaced, home: config.Home) -> UsageError:
    """Return the error with its file, line and column: the project's where that has such a key."""
    from cstar_cli.files import read
    from cstar_cli.positions import TomlFile

    for path in config.settings_files(config.folder(home), home):
        file = TomlFile(str(path), read(path))
        if file.has(fault.path):
            return file.fault(fault.path, str(fault))
    return fault
