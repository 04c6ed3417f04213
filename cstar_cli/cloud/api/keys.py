"""A team's API keys.

A secret key and the home's own token may make and revoke the keys of their team; a publishable one may see them, as
it may see all that its team has. A key may revoke itself: whoever has found one that leaked can put an end to it.
"""

import msgspec
from starlette.requests import Request

from cstar_cli.api_keys import NewKey, new_api_key
from cstar_cli.cloud.api import bodies
from cstar_cli.cloud.api.answers import Time, invalid, missing
from cstar_cli.cloud.api.operations import Listed, cloud_of, team_of
from cstar_cli.cloud.api.parameters import PageQuery
from cstar_cli.cloud.api.seeding import random_bytes, seeded
from cstar_cli.cloud.store.accounts import ApiKey as StoredKey
from cstar_cli.events.envelope import iso_ms, new_id

DEFAULT_NAME = "API key"


class NewApiKey(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A key to make: a secret one, or a publishable one, which only reads."""

    name: bodies.Name = DEFAULT_NAME
    read_only: bool = False


class ApiKey(msgspec.Struct, rename="camel"):
    """A key of a team; `hint` is its beginning and end."""

    id: str
    name: str
    hint: str
    read_only: bool
    created_at: Time


class CreatedApiKey(ApiKey, rename="camel"):
    """A fresh key, shown in this answer alone."""

    key: str


class RevokedApiKey(msgspec.Struct):
    """A key that opens nothing any more, on any node after 5 seconds."""

    id: str
    revoked: bool


async def index(request: Request, query: PageQuery) -> Listed[ApiKey]:
    """Show the keys that aren't revoked, newest first."""
    page = query.wanted_page()
    found = await cloud_of(request).store.accounts.keys(team_of(request), page)
    return Listed([_shown(key) for key in found[: page.size]], query, more=len(found) > page.size)


async def create(request: Request, body: NewApiKey) -> CreatedApiKey:
    """Make a key. The key itself is shown in this answer alone: what is stored is its hash."""
    cloud = cloud_of(request)
    fresh = _fresh_key(request, body.read_only)
    wanted = StoredKey(
        id=new_id("key", random_bytes(request, "api key")),
        team_id=team_of(request),
        name=bodies.check_name(body.name),
        hash=fresh.hash,
        hint=fresh.hint,
        read_only=body.read_only,
        created_at_ms=cloud.now_ms(),
    )
    stored = await cloud.store.accounts.create_key(wanted)
    if stored.hash != fresh.hash:
        raise invalid("conflict", "Another token has made this key with the same Idempotency-Key.", http_status=409)
    request.state.shown_once = True
    shown = _shown(stored)
    return CreatedApiKey(shown.id, shown.name, shown.hint, shown.read_only, shown.created_at, key=fresh.key)


async def revoke(request: Request) -> RevokedApiKey:
    """End a key, maybe the one that asks; nodes that have just seen it let it in for 5 seconds more at most."""
    key_id = request.path_params["key_id"]
    if not await cloud_of(request).store.accounts.revoke_key(team_of(request), key_id):
        raise missing(f"No API key {key_id}.")
    return RevokedApiKey(id=key_id, revoked=True)


def _fresh_key(request: Request, read_only: bool) -> NewKey:
    """Make the key; the same one when the request comes again, from its seed and the caller's token.

    The seed is in the database and the token isn't: who reads the database can't make the key.
    """
    seed: str | None = request.state.seed
    if seed is None:
        return new_api_key(read_only)
    return new_api_key(read_only, seeded(f"{seed} {request.headers['authorization']}", "api key"))


def _shown(key: StoredKey) -> ApiKey:
    return ApiKey(key.id, key.name, key.hint, key.read_only, iso_ms(key.created_at_ms))
