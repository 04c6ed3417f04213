"""`cstar config`: the settings that hold here, and the files they are in."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from cstar_cli import config
from cstar_cli.commands import settings
from cstar_cli.commands.options import NoColor
from cstar_cli.errors import CstarError, UsageError

app = typer.Typer(help="See and change settings.", no_args_is_help=True, rich_markup_mode=None)


_SECRETS = ("secret", "api_key")
_HIDDEN = "(hidden)"


class Setting(NamedTuple):
    """One setting of a file, as `listen.forward_to`; `origin` is the file."""

    key: str
    value: object
    origin: Path


def complete_key(incomplete: str) -> list[str]:
    """Return the keys that begin so, for the shell."""
    return [key for key in settings.keys() if key.startswith(incomplete)]  # noqa: SIM118  # a function's name


Key = Annotated[
    str, typer.Argument(metavar="KEY", help="Like api_base, or listen.forward_to.", autocompletion=complete_key)
]
Project = Annotated[bool, typer.Option("--project", help="The project's cstar.toml, not your config.toml.")]


@app.callback()
def group() -> None:
    """See and change settings."""


@app.command("list")
def index(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    no_color: NoColor = False,
) -> None:
    """List the settings of the files that hold here, and where each stands."""
    from cstar_cli.render.console import open_console
    from cstar_cli.render.tables import Url, Words, table

    found = [_without_secret(each) for each in _effective().values()]
    console = open_console(no_color=no_color)
    if json:
        for each in found:
            _print_json(each)
    elif found:
        rows = ((each.key, Words(shown(each.value)), Url(str(each.origin))) for each in found)
        table(("Setting", "Value", "From"), rows, console.out)
    else:
        console.err.line("No file has any setting: set one with cstar config set listen.forward_to 4000/webhook")


@app.command("get")
def get(key: Key) -> None:
    """Print the value of a setting; exit 1 where no file has it."""
    from cstar_cli.commands.saying import say

    wanted = settings.known_key(key)
    found = _effective().get(wanted)
    if found is None:
        raise CstarError(f"No file sets {wanted}.")
    say(shown(found.value))


@app.command("set")
def put(
    key: Key,
    value: Annotated[str, typer.Argument(metavar="VALUE", help='Text, a number, true, or a list: \'["a", "b"]\'.')],
    project: Project = False,
) -> None:
    """Set a value in your config.toml; comments and all else in it stay as they are."""
    from cstar_cli.commands.saying import say

    wanted = settings.known_key(key)
    document = _document(file := _file(project))
    table, _, name = wanted.rpartition(".")
    place = document.setdefault(table, {}) if table else document
    place[_spelled(place, name)] = _value(value)
    settings.check(document.unwrap(), wanted)
    _save(file, document)
    say(f"{wanted} = {shown(_value(value))}   in {file}")


@app.command("unset")
def unset(key: Key, project: Project = False) -> None:
    """Take a setting out of your config.toml."""
    from cstar_cli.commands.saying import say

    wanted = settings.known_key(key)
    document = _document(file := _file(project))
    table, _, name = wanted.rpartition(".")
    place = document.get(table, {}) if table else document
    if (spelled := _spelled(place, name)) not in place:
        raise CstarError(f"{file} has no {wanted}.")
    del place[spelled]
    _save(file, document)
    say(f"{wanted} is no longer set in {file}")


@app.command("path")
def path(project: Project = False) -> None:
    """Print the file's path."""
    from cstar_cli.commands.saying import say

    say(str(_file(project)))


@app.command("edit")
def edit(project: Project = False) -> None:
    """Change the file in $VISUAL or $EDITOR."""
    import tomllib

    from cstar_cli.commands.editor import changed_text, keep_text
    from cstar_cli.commands.saying import say

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("config edit needs a terminal: use cstar config set, or write the file itself.")
    file = _file(project)
    text = changed_text(_text_of(file) or '# [listen]\n# forward_to = "http://localhost:3000/webhook"\n', ".toml")
    if text is None:
        say("Nothing changed.")
        return
    try:
        settings.check(document := tomllib.loads(text))
        if config.ROUTES in document:
            _names_of_routes(document[config.ROUTES], file, text)
    except (tomllib.TOMLDecodeError, CstarError) as error:
        raise UsageError(f"{error} Nothing was saved; what you wrote is in {keep_text(text, '.toml')}") from None
    _write(file, text)
    say(f"Saved {file}.")


def _without_secret(setting: Setting) -> Setting:
    """Return the setting as it may be shown to whoever looks over one's shoulder; `config get` tells all."""
    return setting._replace(value=_HIDDEN) if setting.key.rpartition(".")[2] in _SECRETS else setting


def shown(value: object) -> str:
    """Return a value as TOML would have it, text without its quotes."""
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case list():
            from json import dumps

            return dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _effective() -> dict[str, Setting]:
    """Return what the files set, by key; of two that set the same, the project's."""
    home = config.home(os.environ)
    both = ((home.path / "config.toml", config.user_settings(home)), *_project())
    return {each.key: each for file, document in both for each in _flat(document, file)}


def _project() -> Iterator[tuple[Path, Mapping[str, object]]]:
    folder = config.folder(config.home(os.environ))
    file = config.project_file(folder)
    if file is not None:
        yield file, config.project_settings(folder)


def _flat(document: Mapping[str, object], file: Path) -> Iterator[Setting]:
    settings.check(document)
    for key, value in document.items():
        if key == config.ROUTES:
            yield Setting(key, _names_of_routes(value, file, _text_of(file)), file)
        elif isinstance(value, dict):
            yield from (Setting(f"{key}.{name.replace('-', '_')}", inner, file) for name, inner in value.items())
        else:
            yield Setting(key.replace("-", "_"), value, file)


def _names_of_routes(written: object, file: Path, text: str) -> list[str]:
    """Return their names alone, for they may hold secrets. Raises UsageError for wrong ones."""
    from cstar_cli.positions import TomlFile
    from cstar_cli.tunnel.routes import parse

    return [route.name for route in parse(written, TomlFile(str(file), text))]


def _file(project: bool) -> Path:
    home = config.home(os.environ)
    if not project:
        return home.path / "config.toml"
    folder = config.folder(home)
    return config.project_file(folder) or folder / "cstar.toml"


def _document(file: Path) -> Any:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(_text_of(file))
    except TOMLKitError as error:
        raise UsageError(f"{file}: {error}.") from error


def _text_of(file: Path) -> str:
    from cstar_cli.files import read

    try:
        return read(file)
    except FileNotFoundError:
        return ""


def _save(file: Path, document: Any) -> None:
    import tomlkit

    _write(file, tomlkit.dumps(document))


def _write(file: Path, text: str) -> None:
    from cstar_cli.files import write_private, write_shared

    if file.name == "cstar.toml":
        write_shared(file, text)
    else:
        write_private(file, text)


def _spelled(table: Mapping[str, object], name: str) -> str:
    """Return the key as the table has it, with dashes perhaps."""
    return next((key for key in table if key.replace("-", "_") == name), name)


def _value(text: str) -> object:
    """Return what the text is in TOML: a number, a truth value, a list; anything else is text."""
    import tomllib

    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, bool | int | float | list | str) else text


def _print_json(setting: Setting) -> None:
    from cstar_cli.commands.saying import say_json

    say_json({"key": setting.key, "value": setting.value, "origin": str(setting.origin)})
