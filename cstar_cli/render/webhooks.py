"""Registered URLs as people see them."""

from collections.abc import Iterable

from cstar_cli.render.endpoints import wanted
from cstar_cli.render.facts import STATUS_COLOURS, facts
from cstar_cli.render.output import Output
from cstar_cli.render.safe import harmless
from cstar_cli.render.tables import Text, Url, table
from cstar_cli.render.times import clock_of, duration_text
from cstar_cli.resources import Deleted, Recovery, Trial, Webhook


def webhooks(records: Iterable[Webhook], output: Output) -> None:
    """Show all webhooks, one a row."""
    table(
        ("Webhook", "State", "URL and events"),
        (
            (
                record.id,
                Text(state := _state(record), STATUS_COLOURS[state]),
                (Url(record.url), wanted(record.events, record.wire)),
            )
            for record in records
        ),
        output,
    )


def webhook(record: Webhook, output: Output) -> None:
    """Show all that is known of a webhook."""

    def time(text: str | None) -> str | None:
        return text and clock_of(text, output.look)

    state = _state(record)
    facts(
        (
            ("Webhook", record.id, None),
            ("Name", record.name, None),
            ("URL", record.url, "bold"),
            ("Events", ", ".join(record.events), None),
            ("Wire", record.wire, None),
            ("State", state, STATUS_COLOURS[state]),
            ("Why", record.disabled_reason, "red"),
            ("Failing since", time(record.failing_since), "yellow"),
            ("Created", time(record.created_at), None),
            ("Changed", time(record.updated_at) if record.updated_at != record.created_at else None, None),
            ("Old secret", _until(time(record.previous_secret_valid_until)), "yellow"),
            ("Signing secret", record.signing_secret, None),
        ),
        output,
    )


def trial(record: Trial, output: Output) -> None:
    """Show what came of a test delivery, on one line."""
    look = output.look
    mark = look.paint("green", look.symbol("✓")) if record.success else look.paint("red", look.symbol("✗"))
    took = "" if record.response_time_ms is None else f"  {duration_text(record.response_time_ms)}"
    why = f"  {look.paint('red', harmless(record.error))}" if record.error and not record.success else ""
    where = f"{harmless(record.event)} {look.symbol('→')} {harmless(record.url)}"
    output.line(f"{mark} {record.status or '---'}{took}  {where}{why}")


def recovery(record: Recovery, output: Output) -> None:
    """Show how many deliveries are tried again."""
    what = "1 failed delivery is" if record.recovered == 1 else f"{record.recovered} failed deliveries are"
    output.line(f"{what} tried again.")


def deleted(record: Deleted, output: Output) -> None:
    """Show that something is no more."""
    output.line(f"Deleted {harmless(record.id)}.")


def _state(record: Webhook) -> str:
    if not record.is_active:
        return "disabled"
    return "failing" if record.failing_since else "active"


def _until(time: str | None) -> str | None:
    return time and f"signs too, until {time}"
