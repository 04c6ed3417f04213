"""`cstar login`, `logout`, `whoami`: which cloud the profile is for, and with which key."""

import os
import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cstar_cli import config
from cstar_cli.commands.options import ApiBase, KeptWire
from cstar_cli.errors import NotAllowed, UsageError
from cstar_cli.profiles import Login

if TYPE_CHECKING:
    from cstar_cli.resources import Identity


def login(
    api_key: Annotated[
        str | None,
        typer.Option(envvar="CSTAR_API_KEY", metavar="KEY|-", help="The key; - reads it from standard input."),
    ] = None,
    team: Annotated[
        str | None, typer.Option(envvar="CSTAR_TEAM_ID", metavar="ID", help="Refuse a key of any other team.")
    ] = None,
    insecure_http: Annotated[
        bool, typer.Option("--insecure-http", help="Allow http:// to another machine: the key can be read on its way.")
    ] = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
    wire: KeptWire = None,
) -> None:
    """Check an API key with its cloud and keep both in the profile.

    Without --api-key it asks for the key. From then on all commands use that cloud; cstar logout ends it.
    """
    base = config.api_base(api_base)
    if base.startswith("http://") and not config.is_loopback(base) and not insecure_http:
        raise UsageError(f"{base} would get the key unencrypted: use https://, or allow it with --insecure-http.")
    from cstar_cli.commands.saying import say

    home = config.home(os.environ)
    key = _key(api_key)
    identity = _ask(base, config.Credentials(team or "", key))
    if team not in (None, identity.team_id):
        raise NotAllowed(f"The key is of the team {identity.team_id}, not of {team}: nothing is kept.")
    home.profiles.log_in(home.profile_name, Login(base, identity.team_id, key, wire))
    say(f"Logged in to {base} as {_title(identity, key)}.", f"Team {identity.team_id}, profile {home.profile_name}")


def logout() -> None:
    """Forget the key and the cloud of the profile."""
    from cstar_cli.commands.saying import say

    home = config.home(os.environ)
    ended = home.profiles.log_out(home.profile_name)
    if ended is None:
        say(f"The profile {home.profile_name} is logged in nowhere.")
        return
    say(f"Logged out of {ended.api_base} (profile {home.profile_name}). The key stays valid until it is revoked.")


def whoami(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Say which cloud, team and key the commands use.

    The cloud itself is asked: what it says holds.
    """
    from cstar_cli.commands.saying import say, say_json

    home = config.home(os.environ)
    base = config.api_base(api_base)
    credentials = config.credentials(base, os.environ, home)
    identity = _ask(base, credentials)
    if json:
        wire = _kept_wire(home, base)
        say_json({"profile": home.profile_name, "apiBase": base, "wire": wire, **_fields(identity, credentials.token)})
        return
    say(
        f"Profile  {home.profile_name}",
        f"Cloud    {base}",
        f"Team     {identity.team_id}",
        f"Key      {_title(identity, credentials.token)}",
        *([f"Wire     {wire}"] if (wire := _kept_wire(home, base)) else []),
    )


def _kept_wire(home: config.Home, base: str) -> str | None:
    """Return the wire version that the profile keeps for this cloud, if it keeps one."""
    login = home.profile().login
    return login.wire if login is not None and login.api_base == base else None


def _ask(base: str, credentials: config.Credentials) -> "Identity":
    from cstar_cli.client.connect import client_for
    from cstar_cli.commands.saying import say_aside

    with client_for(base, credentials, say_aside) as client:
        return client.whoami()


def _key(given: str | None) -> str:
    """Return the key that was given, read or typed."""
    if given is None:
        if not sys.stdin.isatty():
            raise UsageError("Which API key? Give it with --api-key, or on standard input with --api-key -")
        given = _typed()
    elif given == "-":
        given = sys.stdin.readline()
    key = given.strip()
    if not re.fullmatch(r"[!-~]+", key):
        raise UsageError("The API key is empty or holds stray characters: give it as it was shown.")
    return key


def _typed() -> str:
    from getpass import getpass

    try:
        return getpass("API key: ", sys.stderr)
    except EOFError:
        return ""


def _title(identity: "Identity", key: str) -> str:
    """Return the key's name and hint, and what it may do."""
    from cstar_cli.api_keys import hint_of

    may = "read only" if identity.read_only else "read and write"
    if identity.key_id is None:
        return f"the token of the cloud's own home, {may}"
    return f"{identity.name or identity.key_id} ({hint_of(key)}), {may}"


def _fields(identity: "Identity", key: str) -> dict[str, object]:
    import msgspec

    from cstar_cli.api_keys import hint_of

    return {**msgspec.to_builtins(identity), "hint": None if identity.key_id is None else hint_of(key)}
