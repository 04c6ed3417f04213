"""`cstar cloud keys`: a team's API keys, through a cloud's API or, for who runs it, right in its database."""

import re
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cstar_cli import config
from cstar_cli.commands.completing import ids
from cstar_cli.commands.options import ApiBase, Json, NoColor
from cstar_cli.errors import CstarError, UsageError

if TYPE_CHECKING:
    from cstar_cli.commands.team_keys import Keys
    from cstar_cli.render.output import Output
    from cstar_cli.resources import ApiKey

DEFAULT_NAME = "API key"
MAX_NAME_CHARS = 100
_KEY_ID = re.compile(r"key_[A-Za-z0-9_-]{1,100}")
_TEAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

app = typer.Typer(help="Make, list and revoke API keys of a team.", no_args_is_help=True, rich_markup_mode=None)

Database = Annotated[
    str | None, typer.Option(metavar="PATH|URL", help="Work right in this database, without a cloud's API.")
]
Team = Annotated[str | None, typer.Option(metavar="ID", help="The team, with --database.")]


@app.callback()
def keys() -> None:
    """Make, list and revoke API keys of a team."""


@app.command("create")
def create_command(
    name: Annotated[str, typer.Option(metavar="TEXT", help="What the key is for.")] = DEFAULT_NAME,
    publishable: Annotated[bool, typer.Option("--publishable", help="Make a pk_… key, which only reads.")] = False,
    database: Database = None,
    team: Annotated[
        str | None, typer.Option(metavar="ID", help="The team, with --database. [default: a new one]")
    ] = None,
    json: Json = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Make a key and print it, this once."""
    if not (0 < len(name) <= MAX_NAME_CHARS and name.isprintable()):
        raise UsageError(f"--name must be 1 to {MAX_NAME_CHARS} characters that can be seen.")
    if database is not None and team is None:
        team = str(uuid.uuid4())
    cloud = "URL" if database is not None else config.api_base(api_base)
    create(_keys(database, team, api_base), name, read_only=publishable, json=json, cloud=cloud)


@app.command("list")
def list_command(
    database: Database = None,
    team: Team = None,
    json: Json = False,
    no_color: NoColor = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """List the keys that aren't revoked, the newest first."""
    show_all(_keys(database, team, api_base), json=json, no_color=no_color)


@app.command("revoke")
def revoke_command(
    key: Annotated[
        str,
        typer.Argument(metavar="ID", help="The key's id, like key_…; not the key itself.", autocompletion=ids("key")),
    ],
    database: Database = None,
    team: Team = None,
    json: Json = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Revoke a key for good: within seconds it opens nothing any more."""
    if not _KEY_ID.fullmatch(key):  # it may be the key itself: don't repeat it
        raise UsageError("That is not the id of an API key, which is like key_…: cstar cloud keys list shows them.")
    revoke(_keys(database, team, api_base), key, json=json)


def create(keys: "Keys", name: str, *, read_only: bool, json: bool, cloud: str) -> None:
    """Make a key: it alone goes to stdout, so that a script can keep it."""
    from cstar_cli.commands.saying import say, say_aside, say_json

    made = keys.create(name, read_only)
    if json:
        say_json({**_fields(made), "teamId": keys.team_id, "key": made.key})
        return
    say_aside(f"{made.id} {_may(made)} for the team {keys.team_id}. The key is shown this once:")
    say(made.key or "")
    say_aside(f"Log in with it: cstar login --api-base {cloud}")


def show_all(keys: "Keys", *, json: bool, no_color: bool) -> None:
    """Show the keys, one a line."""
    from cstar_cli.commands.saying import say_aside, say_json
    from cstar_cli.render.console import open_console

    found = keys.all()
    if json:
        for key in found:
            say_json(_fields(key))
    elif found:
        _table(found, open_console(no_color=no_color).out)
    if not found:
        say_aside(f"The team {keys.team_id} has no API keys: cstar cloud keys create makes one.")


def revoke(keys: "Keys", key_id: str, *, json: bool) -> None:
    """End a key. Raises CstarError when the team has none such."""
    from cstar_cli.commands.saying import say, say_json

    if not keys.revoke(key_id):
        raise CstarError(f"The team {keys.team_id} has no API key {key_id}: cstar cloud keys list shows them.")
    if json:
        say_json({"id": key_id, "revoked": True})
    else:
        say(f"{key_id} is revoked.")


def _keys(database: str | None, team: str | None, api_base: str) -> "Keys":
    from cstar_cli.commands.team_keys import KeysOfCloud, KeysOfStore

    if database is None:
        if team is not None:
            raise UsageError("--team goes with --database: a cloud's API has the team of the key that asks.")
        return KeysOfCloud(api_base)
    if team is None:
        raise UsageError("Whose keys? Give --team with --database.")
    if not _TEAM.fullmatch(team):
        raise UsageError(f"{team!r} is no team's id: take letters, digits, _ and -.")
    return KeysOfStore(database, team)


def _fields(key: "ApiKey") -> dict[str, object]:
    """Return what may be shown at any time."""
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "readOnly": key.read_only,
        "createdAt": key.created_at,
    }


def _table(found: Sequence["ApiKey"], output: "Output") -> None:
    from cstar_cli.render.tables import Words, table

    table(
        ("Id", "Key", "Name", "May", "Created"),
        [(key.id, key.hint, Words(key.name), _may(key), key.created_at) for key in found],
        output,
    )


def _may(key: "ApiKey") -> str:
    return "reads" if key.read_only else "reads and writes"
