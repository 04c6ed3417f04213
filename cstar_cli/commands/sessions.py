"""`cstar sessions`: who listens."""

from typing import TYPE_CHECKING

import typer

from cstar_cli.commands.asking import asks
from cstar_cli.commands.options import Limit

if TYPE_CHECKING:
    from cstar_cli.commands.dialogue import Dialogue

app = typer.Typer(help="See who listens.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def sessions() -> None:
    """See who listens."""


@asks(app, "list")
def index(talk: "Dialogue", limit: Limit = 20) -> None:
    """List the open sessions of cstar listen, the newest first."""
    from cstar_cli.render.sessions import sessions as view
    from cstar_cli.resources import Session

    none = "Nobody listens: start cstar listen"
    talk.show_all(talk.records("/sessions", most=limit), Session, view, none)
