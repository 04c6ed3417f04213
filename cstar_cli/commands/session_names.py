"""Open sessions by the names that `listen --name` gave them."""

import re
from typing import TYPE_CHECKING

from cstar_cli.errors import CstarError, UsageError

if TYPE_CHECKING:
    from cstar_cli.client.api import ApiClient

MOST_SHOWN = 5


def checked_name(text: str) -> str:
    """Return what a session can be called; raises UsageError for other text."""
    from cstar_cli.protocol.frames import SESSION_NAME

    if not re.fullmatch(SESSION_NAME, text):
        raise UsageError(
            f"--name {text!r} is no name for a session: take up to 50 letters, digits, hyphens and dots, like laptop-2."
        )
    return text


def session_of(client: "ApiClient", text: str) -> str:
    """Return the id of the open session that is called so; an id is returned as it is."""
    from cstar_cli.commands.ids import SESSION, checked_id
    from cstar_cli.protocol.frames import SESSION_NAME

    return _named(client, text) if re.fullmatch(SESSION_NAME, text) else checked_id(text, SESSION)


def target_of(client: "ApiClient", text: str | None) -> str | None:
    """Return what the API takes as a target: ids and URLs as they are, for the name of an open session its id."""
    from cstar_cli.protocol.frames import SESSION_NAME

    return _named(client, text) if text is not None and re.fullmatch(SESSION_NAME, text) else text


def _named(client: "ApiClient", name: str) -> str:
    from cstar_cli.client.answers import read
    from cstar_cli.resources import Session

    found = [read(record, Session, client.api_base) for record in client.records("/sessions", {"name": name})]
    # One that was killed is open for a while: whoever is connected is meant.
    meant = [session for session in found if session.connected] or found
    if not meant:
        raise CstarError(f"No open session is called {name}: cstar sessions list shows them.")
    if len(meant) > 1:
        ids = ", ".join(session.id for session in meant[:MOST_SHOWN])
        raise UsageError(f"{len(meant)} open sessions are called {name}: give the id of one, like {ids}.")
    return meant[0].id
