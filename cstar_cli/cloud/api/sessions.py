"""Looking up the open sessions of `cstar listen`."""

from starlette.requests import Request

from cstar_cli.cloud.api import views
from cstar_cli.cloud.api.operations import Listed, cloud_of, team_of
from cstar_cli.cloud.api.parameters import SessionsQuery


async def index(request: Request, query: SessionsQuery) -> Listed[views.Session]:
    """List the sessions of listeners that are connected, or may still come back."""
    page = query.wanted_page()
    found = await cloud_of(request).store.sessions(team_of(request), query.name, page)
    return Listed([views.session(session) for session in found[: page.size]], query, more=len(found) > page.size)
