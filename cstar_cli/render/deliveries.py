"""Deliveries as people see them, and what was said in each attempt."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus

from cstar_cli.render.facts import STATUS_COLOURS, facts
from cstar_cli.render.lines import attempt_rows, was_posted
from cstar_cli.render.output import Colour, Output
from cstar_cli.render.safe import harmless
from cstar_cli.render.tables import Text, Url, Words, table
from cstar_cli.render.times import clock_of, duration_text
from cstar_cli.resources import Delivery, DeliveryInFull, Exchange, Headers

_INDENT = "    "


def deliveries(records: Iterable[Delivery], output: Output) -> None:
    """Show deliveries, one a row."""
    table(
        ("Delivery", "Status", "Event type and URL", "Made"),
        (
            (
                record.id,
                (Text(record.status, STATUS_COLOURS.get(record.status)), _attempts(record.attempt_count)),
                (
                    Words(record.event_type),
                    Url(f"{record.url} ({record.target_name})" if record.target_name else record.url),
                ),
                clock_of(record.created_at, output.look),
            )
            for record in records
        ),
        output,
    )


def delivery(record: Delivery, output: Output) -> None:
    """Show all that is known of a delivery."""
    _facts(record, record.attempt_count, output)


def _facts(record: Delivery, posts: int, output: Output) -> None:
    again = record.next_attempt_at and f"retry at {clock_of(record.next_attempt_at, output.look)}"
    facts(
        (
            ("Delivery", record.id, None),
            ("Event", f"{record.event_id}  {record.event_type}", None),
            ("To", record.url, "bold"),
            ("Target", "  ".join(filter(None, (record.target, record.target_name))), None),
            ("Status", f"{record.status} after {_attempts(posts)}", STATUS_COLOURS.get(record.status)),
            ("Next", again if record.attempt_count else None, "yellow"),
            ("Made", clock_of(record.created_at, output.look), None),
        ),
        output,
    )


def delivery_in_full(record: DeliveryInFull, output: Output) -> None:
    """Show a delivery and each attempt: what was sent, what was answered, how long it took."""
    _facts(record, sum(map(was_posted, record.attempts)), output)
    body: str | None = None
    for exchange in record.attempts:
        output.line("")
        for line in _exchange(exchange, exchange.request_body == body, output):
            output.line(line)
        body = exchange.request_body


def _exchange(exchange: Exchange, same_body: bool, output: Output) -> Iterator[str]:
    look = output.look
    stopped = "Canceled" if exchange.outcome == "canceled" else "Stopped"
    yield look.paint("bold", f"Attempt {exchange.attempt}" if was_posted(exchange) else stopped)
    yield from attempt_rows(exchange, look)
    timing = _timing(exchange)
    if timing:
        yield _INDENT + look.paint("dim", timing)
    if exchange.request_headers:
        body = "(the same body)" if same_body else exchange.request_body
        yield from _message(">", "cyan", f"POST {exchange.url}", exchange.request_headers, body, output)
    if exchange.status is not None:
        status = f"{exchange.status} {_phrase(exchange.status)}".rstrip()
        yield from _message("<", "green", status, exchange.response_headers, exchange.response_body, output)


def _message(sign: str, colour: Colour, first: str, headers: Headers, body: str, output: Output) -> Iterator[str]:
    """Yield a request or an answer as it goes over the wire, each line after a sign of who says it."""
    lines = [first, *(f"{name}: {value}" for name, value in headers)]
    if body:
        lines += ["", *body.splitlines()]
    for line in lines:
        yield f"{_INDENT}{output.look.paint(colour, sign)} {harmless(line)}".rstrip()


def _timing(exchange: Exchange) -> str:
    times = (
        ("connect", exchange.connect_ms),
        ("first byte", exchange.first_byte_ms),
        ("total", exchange.duration_ms if exchange.request_headers else None),
    )
    return ", ".join(f"{name} {duration_text(ms)}" for name, ms in times if ms is not None)


def _attempts(count: int) -> str:
    return f"{count} attempt{'' if count == 1 else 's'}"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
