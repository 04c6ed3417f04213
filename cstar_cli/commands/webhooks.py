"""`cstar webhooks`: the URLs that a cloud delivers to."""

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, Annotated

import typer

from cstar_cli.clock import now_ms
from cstar_cli.commands.asking import asks
from cstar_cli.commands.completing import complete_any_type, complete_globs
from cstar_cli.commands.options import NewWire, WebhookId, Wire
from cstar_cli.errors import CstarError, UsageError
from cstar_cli.events.wires import DEFAULT

if TYPE_CHECKING:
    from cstar_cli.commands.dialogue import Dialogue

app = typer.Typer(help="Register URLs that events are delivered to.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def webhooks() -> None:
    """Register URLs that events are delivered to."""


Url = typer.Option(metavar="URL", help="Where events are posted to: http or https.")
Events = typer.Option(
    "--events",
    "-e",
    metavar="GLOBS",
    help="The types to deliver: ticket.*, *.created, !ticket.updated.",
    autocompletion=complete_globs,
)


@asks(app, "create")
def create(
    talk: "Dialogue",
    url: Annotated[str, Url],
    events: Annotated[list[str], Events],
    name: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A name to know it by. [default: the URL's host]")
    ] = None,
    wire: Wire = DEFAULT,
) -> None:
    """Register a URL for events; shows its signing secret once."""
    from cstar_cli.render.webhooks import webhook as view
    from cstar_cli.resources import Webhook

    request: dict[str, object] = {"url": url, "events": _patterns(talk, events)}
    if name is not None:
        request["name"] = name
    if wire != DEFAULT:  # which an older cloud, that has no other, doesn't know by its name
        request["wire"] = wire
    made = talk.show(talk.post("/webhooks", request), Webhook, view)
    talk.say(
        f"The signing secret is shown this once: keep it where the receiver finds it. "
        f"Then try it out: cstar webhooks test {made.id}"
    )


@asks(app, "list")
def index(talk: "Dialogue") -> None:
    """List the registered URLs, the newest first."""
    from cstar_cli.render.webhooks import webhooks as view
    from cstar_cli.resources import Webhook

    none = "No webhooks yet: register a URL with cstar webhooks create --url https://… --events 'ticket.*'"
    talk.show_all(talk.records("/webhooks"), Webhook, view, none)


@asks(app, "show")
def show(talk: "Dialogue", webhook: WebhookId) -> None:
    """Show one webhook, and why it is disabled if it is."""
    from cstar_cli.render.webhooks import webhook as view
    from cstar_cli.resources import Webhook

    talk.show(talk.get(f"/webhooks/{webhook}"), Webhook, view)


@asks(app, "update")
def update(
    talk: "Dialogue",
    webhook: WebhookId,
    url: Annotated[str | None, Url] = None,
    events: Annotated[list[str] | None, Events] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="A name to know it by.")] = None,
    new_wire: NewWire = None,
) -> None:
    """Change a webhook's URL, events, name or wire version."""
    wanted = {"url": url, "events": _patterns(talk, events) if events else None, "name": name, "wire": new_wire}
    changes = {key: value for key, value in wanted.items() if value is not None}
    if not changes:
        raise UsageError("Nothing to change: give --url, --events, --name or --wire.")
    _change(talk, webhook, changes)


@asks(app, "enable")
def enable(talk: "Dialogue", webhook: WebhookId) -> None:
    """Deliver to a disabled webhook again."""
    _change(talk, webhook, {"isActive": True})


@asks(app, "disable")
def disable(talk: "Dialogue", webhook: WebhookId) -> None:
    """Deliver nothing more to a webhook, and stop its retries."""
    _change(talk, webhook, {"isActive": False})


@asks(app, "delete")
def delete(
    talk: "Dialogue", webhook: WebhookId, yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False
) -> None:
    """Delete a webhook for good, and stop its retries."""
    from cstar_cli.render.webhooks import deleted as view
    from cstar_cli.resources import Deleted, Webhook

    if not yes:
        if talk.typed is None:
            raise UsageError(f"There is nobody to ask: to delete {webhook} for good, add --yes.")
        url = talk.read(talk.get(f"/webhooks/{webhook}"), Webhook).url
        if not talk.asks(f"Delete {webhook} ({url}) and stop its retries?"):
            raise CstarError("Nothing was deleted.")
    talk.show(talk.delete(f"/webhooks/{webhook}"), Deleted, view)


@asks(app, "test")
def try_out(
    talk: "Dialogue",
    webhook: WebhookId,
    event: Annotated[
        str | None,
        typer.Option(
            metavar="TYPE",
            help="The event type. [default: the first that it subscribes to]",
            autocompletion=complete_any_type,
        ),
    ] = None,
) -> None:
    """Deliver one event now, without retries; exit 1 if it fails."""
    from cstar_cli.render.webhooks import trial as view
    from cstar_cli.resources import Trial

    request = {} if event is None else {"event": event}
    seen = talk.show(talk.post(f"/webhooks/{webhook}/test", request), Trial, view)
    if not seen.success:
        why = seen.error or (f"answered {seen.status}" if seen.status else "no answer")
        raise CstarError(f"The test delivery failed: {why}. See: cstar deliveries show {seen.delivery_id}")


@asks(app, "rotate-secret")
def rotate_secret(
    talk: "Dialogue",
    webhook: WebhookId,
    overlap: Annotated[
        str, typer.Option(metavar="TIME", help="How long the old one stays valid; a second rotation ends that.")
    ] = "24h",
) -> None:
    """Give a webhook a new signing secret; shows it once."""
    from cstar_cli.commands.durations import seconds
    from cstar_cli.render.webhooks import webhook as view
    from cstar_cli.resources import Webhook

    overlap_s = ceil(seconds("--overlap", overlap, "0s", "30d"))
    talk.show(talk.post(f"/webhooks/{webhook}/rotate-secret", {"overlapSeconds": overlap_s}), Webhook, view)
    old = (
        f"For {overlap} cStar's own signature is still made with the old one, and webhook-signature with both."
        if overlap_s
        else "The old one is no longer valid."
    )
    talk.say(f"The new secret is shown this once: give it to the receiver. {old}")


@asks(app, "recover")
def recover(
    talk: "Dialogue",
    webhook: WebhookId,
    since: Annotated[str, typer.Option(metavar="2h|TIME", help="Those made since then: so long ago, or a time.")],
) -> None:
    """Try all failed deliveries to a webhook again."""
    from cstar_cli.commands.durations import moment
    from cstar_cli.render.webhooks import recovery as view
    from cstar_cli.resources import Recovery

    start = moment(since, now_ms())
    talk.show(talk.post(f"/webhooks/{webhook}/recover", {"since": start}), Recovery, view)


def _change(talk: "Dialogue", webhook: str, changes: Mapping[str, object]) -> None:
    from cstar_cli.render.webhooks import webhook as view
    from cstar_cli.resources import Webhook

    talk.show(talk.patch(f"/webhooks/{webhook}", changes), Webhook, view)


def _patterns(talk: "Dialogue", events: list[str]) -> tuple[str, ...]:
    """Return the patterns of repeated options and comma lists; nothing at all is not taken for everything."""
    from cstar_cli.events.filters import EVERYTHING, EventFilter

    if not "".join(events).strip(", "):
        raise UsageError("--events is empty: name the types to deliver, like 'ticket.*', or '*' for all.")
    patterns = EventFilter.parse(events).patterns
    # The cloud itself refuses a type that it doesn't know; a wildcard may be for types of the team's own.
    wildcards = (pattern for pattern in patterns if "*" in pattern)
    for warning in EventFilter((EVERYTHING, *wildcards)).warnings():
        talk.say(warning)
    return patterns
