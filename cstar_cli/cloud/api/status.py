"""Who asks, and who serves."""

import msgspec
from starlette.requests import Request

from cstar_cli import __version__
from cstar_cli.cloud.api.answers import Time
from cstar_cli.cloud.api.guard import identity_of
from cstar_cli.cloud.api.operations import cloud_of
from cstar_cli.cloud.store.open import is_url
from cstar_cli.events.envelope import iso


class Whoami(msgspec.Struct, rename="camel"):
    """Whose the token is; `keyId` and `name` are null for the own token of the home that the cloud runs in."""

    team_id: str
    key_id: str | None
    name: str | None
    read_only: bool


class NodeHealth(msgspec.Struct):
    """The node that serves; to an API key `database` says only of which kind that is."""

    status: str
    version: str
    pid: int
    embedded: bool
    database: str
    sessions: int
    started_at: Time


async def whoami(request: Request) -> Whoami:
    identity = identity_of(request.scope)
    assert identity  # the route isn't public
    return Whoami(team_id=identity.team_id, key_id=identity.key_id, name=identity.name, read_only=identity.read_only)


async def health(request: Request) -> NodeHealth:
    cloud = cloud_of(request)
    identity = identity_of(request.scope)
    kind = "PostgreSQL" if is_url(cloud.options.database) else "SQLite"
    return NodeHealth(
        status="ok",
        version=__version__,
        pid=cloud.pid,
        embedded=cloud.embedded,
        database=cloud.database if identity and identity.key_id is None else kind,
        sessions=cloud.sessions.connected,
        started_at=iso(cloud.started_at_ms),
    )
