"""`cstar deliveries`: every event on its way to every target, and each attempt."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cstar_cli.commands.asking import asks
from cstar_cli.commands.completing import ids
from cstar_cli.commands.ids import EVENT, SESSION, SESSION_NAME, WEBHOOK, of_kind
from cstar_cli.commands.options import DeliveryId, EventGlobs, Limit

if TYPE_CHECKING:
    from cstar_cli.commands.dialogue import Dialogue

app = typer.Typer(help="See and steer each event's way to its targets.", no_args_is_help=True, rich_markup_mode=None)


class Status(StrEnum):
    """What has become of a delivery."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@app.callback()
def deliveries() -> None:
    """See and steer each event's way to its targets."""


@asks(app, "list")
def index(
    talk: "Dialogue",
    status: Annotated[Status | None, typer.Option(help="Only deliveries in this state.")] = None,
    events: EventGlobs = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="ID|NAME|URL",
            help="Only those to this webhook, session or URL.",
            autocompletion=ids(WEBHOOK, SESSION, SESSION_NAME),
        ),
    ] = None,
    event: Annotated[
        str | None,
        typer.Option(
            metavar="evt_…", help="Only those of this event.", callback=of_kind(EVENT), autocompletion=ids(EVENT)
        ),
    ] = None,
    limit: Limit = 20,
) -> None:
    """List deliveries, the newest first."""
    from cstar_cli.commands.session_names import target_of
    from cstar_cli.render.deliveries import deliveries as view
    from cstar_cli.resources import Delivery

    query = talk.query(events=events, status=status, target=target_of(talk.client, target), event_id=event)
    none = "No such delivery." if query else "No deliveries yet: make an event with cstar trigger ticket.created"
    talk.show_all(talk.records("/deliveries", query, limit), Delivery, view, none)


@asks(app, "show")
def show(talk: "Dialogue", delivery: DeliveryId) -> None:
    """Show one delivery and every attempt: request, answer, timing, error."""
    from cstar_cli.render.deliveries import delivery_in_full as view
    from cstar_cli.resources import DeliveryInFull

    talk.show(talk.get(f"/deliveries/{delivery}"), DeliveryInFull, view)


@asks(app, "retry")
def retry(talk: "Dialogue", delivery: DeliveryId) -> None:
    """Try a delivery again now, whether it has failed or waits."""
    from cstar_cli.render.deliveries import delivery as view
    from cstar_cli.resources import Delivery

    talk.show(talk.post(f"/deliveries/{delivery}/retry", {}), Delivery, view)


@asks(app, "cancel")
def cancel(talk: "Dialogue", delivery: DeliveryId) -> None:
    """Stop a delivery that waits for its next attempt."""
    from cstar_cli.render.deliveries import delivery as view
    from cstar_cli.resources import Delivery

    talk.show(talk.post(f"/deliveries/{delivery}/cancel", {}), Delivery, view)
