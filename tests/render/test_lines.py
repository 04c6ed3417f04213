import pytest
from msgspec.structs import replace

from cstar_cli.activity import Activity, CaughtUp, ChaosCounts, Forwarded, Overlap, Unheard
from cstar_cli.events.catalogue import names
from cstar_cli.render.lines import lines_of

from . import samples
from .samples import ASCII, ATTEMPTED, COLOURED, EVENT_ID, FAILED, PLAIN, REFUSED, SUCCEEDED


def test_a_success_is_one_line_with_time_type_id_status_and_duration() -> None:
    assert lines_of(SUCCEEDED, PLAIN) == [f"14:30:00 ✓ ticket.message_added  {EVENT_ID}  200   4.2 ms"]


@pytest.mark.parametrize("event_type", names())
@pytest.mark.parametrize("duration_ms", [0.1, 99.9, 999.4, 9999.0])
def test_a_success_fits_into_80_columns(event_type: str, duration_ms: float) -> None:
    [line] = lines_of(replace(SUCCEEDED, event_type=event_type, duration_ms=duration_ms), PLAIN)
    assert len(line) <= 80


def test_lines_of_all_types_are_aligned() -> None:
    lines = [lines_of(replace(SUCCEEDED, event_type=name), PLAIN)[0] for name in names()]
    assert len({line.index("evt_") for line in lines}) == 1


@pytest.mark.parametrize(
    ("duration_ms", "shown"),
    [(0.04, "0.0 ms"), (9.94, "9.9 ms"), (12.4, "12 ms"), (999.4, "999 ms"), (1250.0, "1.25 s"), (10000.0, "10.00 s")],
)
def test_durations_have_the_unit_that_suits_them(duration_ms: float, shown: str) -> None:
    assert lines_of(replace(SUCCEEDED, duration_ms=duration_ms), PLAIN)[0].endswith(f" {shown}")


def test_a_repeated_attempt_says_which_it_is() -> None:
    assert lines_of(replace(SUCCEEDED, attempt=3), PLAIN)[0].endswith("attempt 3")


def test_a_failure_that_is_tried_again_says_when() -> None:
    failed = replace(FAILED, attempt=2, next_attempt_at_ms=samples.NOW_MS + 5000)
    assert lines_of(failed, PLAIN)[0] == (
        f"14:30:00 ✗ ticket.message_added  {EVENT_ID}  500   4.2 ms attempt 2  Internal Server Error  retry at 14:30:05"
    )


def test_the_summary_counts_what_waited_for_a_retry() -> None:
    summary = replace(samples.SUMMARY, unfinished=0, waiting=2)
    assert lines_of(summary, PLAIN) == ["Stopped: 5 forwarded, 3 succeeded, 2 failed. 2 waited for a retry."]


@pytest.mark.parametrize(
    ("activity", "end"),
    [
        (replace(SUCCEEDED, chaos=("duplicate",)), "200   4.2 ms  chaos: duplicate"),
        (replace(SUCCEEDED, chaos=("shuffle",)), "chaos: out of order"),
        (replace(SUCCEEDED, chaos=("shuffle", "delay"), delay_ms=1234), "chaos: out of order, delayed 1.23 s"),
        (replace(FAILED, chaos=("delay",), delay_ms=50), "500   4.2 ms  chaos: delayed 50 ms  Internal Server Error"),
        (
            replace(REFUSED, chaos=("drop",), error="dropped by --chaos", duration_ms=0.0, hint=None),
            "---           dropped by --chaos",
        ),
    ],
)
def test_a_line_says_what_chaos_did(activity: Forwarded, end: str) -> None:
    assert lines_of(activity, PLAIN)[0].endswith(f"  {end}")


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (ChaosCounts(12, 2, 3, 5, 9), "Chaos: 12 duplicated (2 failed), 3 dropped, 5 out of order, 9 delayed."),
        (ChaosCounts(dropped=1), "Chaos: 1 dropped."),
        (ChaosCounts(), "Chaos: nothing done."),
    ],
)
def test_the_summary_says_what_chaos_did(counts: ChaosCounts, text: str) -> None:
    assert lines_of(replace(samples.SUMMARY, unfinished=0, chaos=counts), PLAIN) == [
        f"Stopped: 5 forwarded, 3 succeeded, 2 failed. {text}"
    ]


def test_a_failure_gives_the_reason_and_the_receivers_answer() -> None:
    line, body = lines_of(FAILED, PLAIN)
    assert line == f"14:30:00 ✗ ticket.message_added  {EVENT_ID}  500   4.2 ms  Internal Server Error"
    assert body == '    {"error": "no"}'


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (503, "answered 503", "Service Unavailable"),
        (301, "answered 301 (redirects are not followed)", "answered 301 (redirects are not followed)"),
        (599, None, "not a 2xx status"),
        (None, None, "no answer"),
        (None, "no answer within 10 s", "no answer within 10 s"),
    ],
)
def test_every_failure_has_a_reason(status: int | None, error: str | None, reason: str) -> None:
    assert lines_of(replace(FAILED, status=status, error=error), PLAIN)[0].endswith(f"  {reason}")


def test_a_refused_connection_shows_no_status_and_a_hint() -> None:
    line, hint = lines_of(samples.REFUSED, PLAIN)
    assert "  ---  " in line
    assert hint == "    Hint: [::1]:3000 would have answered"


def test_of_a_long_answer_the_first_300_characters_are_shown() -> None:
    _, body = lines_of(replace(FAILED, response_body="é".encode() * 5000), PLAIN)
    assert body == "    " + "é" * 300 + "…"


@pytest.mark.parametrize(
    "hostile",
    [
        replace(FAILED, response_body=b"\x1b]52;c;AAAA\x07\xc2\x9b2J\n\xe2\x80\xae"),
        replace(FAILED, error="\x1b[2J\u202e"),
        replace(FAILED, event_type="a.\x1b[2J", event_id="\x9b2J", hint="\x1b"),
    ],
)
def test_nothing_foreign_reaches_the_terminal_raw(hostile: Forwarded) -> None:
    text = "\n".join(lines_of(hostile, PLAIN))
    assert not set(text) & set("\x1b\x9b\x07\u202e")


def test_an_attempt_to_come_is_announced() -> None:
    _, again = lines_of(samples.ATTEMPTED, PLAIN)
    assert again == "    http://localhost:3000/webhook  retry at 14:31:00"


def test_a_last_failed_attempt_shows_where_it_went() -> None:
    _, where = lines_of(replace(samples.ATTEMPTED, next_attempt_at=None), PLAIN)
    assert where == "    http://localhost:3000/webhook"


STOPPED = replace(samples.ATTEMPTED, status=None, duration_ms=0.0, attempt=2, next_attempt_at=None)


@pytest.mark.parametrize(
    ("error", "reason"), [("canceled through the API", "canceled through the API"), (None, "canceled")]
)
def test_a_canceled_delivery_shows_why_and_no_duration_for_there_was_no_post(error: str | None, reason: str) -> None:
    line, where = lines_of(replace(STOPPED, outcome="canceled", error=error), PLAIN)
    assert line == f"14:30:00 ✗ {'ticket.created':20}  {EVENT_ID}  ---           {reason}"
    assert where == "    http://localhost:3000/webhook"


def test_what_stops_a_delivery_is_no_attempt_and_stands_where_an_answer_would() -> None:
    line, _ = lines_of(replace(STOPPED, error="the webhook was deleted"), PLAIN)
    assert line.endswith("  ---           the webhook was deleted")


def test_a_success_at_a_webhook_shows_its_url_beside_or_below() -> None:
    good = replace(
        samples.ATTEMPTED,
        target="whk_1",
        url="https://example.com/hook",
        status=200,
        outcome="succeeded",
        next_attempt_at=None,
    )
    [line] = lines_of(good, PLAIN)
    assert line.endswith("  200   4.2 ms  https://example.com/hook")
    assert lines_of(good, replace(COLOURED, columns=lambda: 80))[1] == "    \x1b[2mhttps://example.com/hook\x1b[0m"
    assert len(lines_of(good, replace(COLOURED, columns=lambda: 101))) == 1


def test_a_success_at_a_listener_needs_no_url() -> None:
    good = replace(samples.ATTEMPTED, status=200, outcome="succeeded", next_attempt_at=None)
    assert lines_of(good, PLAIN)[0].endswith(" ms")


def test_an_accepted_event_tells_listeners_from_webhooks() -> None:
    accepted = replace(samples.ACCEPTED, delivery_ids=("dlv_1", "dlv_2", "dlv_3"), webhooks=2)
    assert lines_of(accepted, PLAIN)[0].endswith("  → 1 listener, 2 webhooks")
    assert lines_of(replace(accepted, delivery_ids=("dlv_1",), webhooks=1), PLAIN)[0].endswith("  → 1 webhook")


@pytest.mark.parametrize(
    ("away", "webhooks", "to"),
    [
        (1, 2, "  → 1 listener (away), 2 webhooks"),
        (3, 0, "  → 3 listeners (away)"),
        (1, 0, "  → 3 listeners (1 away)"),
    ],
)
def test_an_accepted_event_says_which_listeners_are_away(away: int, webhooks: int, to: str) -> None:
    accepted = replace(samples.ACCEPTED, delivery_ids=("dlv_1", "dlv_2", "dlv_3"), webhooks=webhooks, away=away)
    assert lines_of(accepted, PLAIN)[0].endswith(to)


def test_an_attempt_of_another_day_shows_the_day() -> None:
    old = replace(samples.ATTEMPTED, time="2025-11-02T08:05:09.000Z", outcome="succeeded", next_attempt_at=None)
    assert lines_of(old, PLAIN)[0].startswith("11-02 08:05 ✓")


@pytest.mark.parametrize(
    ("deliveries", "to"), [((), "nobody"), (("dlv_1",), "1 listener"), (("dlv_1", "dlv_2"), "2 listeners")]
)
def test_an_accepted_event_says_how_many_listen(deliveries: tuple[str, ...], to: str) -> None:
    lines = lines_of(replace(samples.ACCEPTED, delivery_ids=deliveries), PLAIN)
    assert lines == [f"✓ {'ticket.created':20}  {EVENT_ID}  → {to}"]


def test_of_several_routes_each_line_says_which_it_was() -> None:
    success = replace(SUCCEEDED, route="billing")
    assert lines_of(success, PLAIN)[0].endswith("  200   4.2 ms  → billing")
    assert lines_of(success, replace(PLAIN, columns=lambda: 80))[1:] == ["    → billing"]
    failure = replace(FAILED, route="\x1b[2J", attempt=2)
    assert lines_of(failure, ASCII)[0].endswith("  4.2 ms  -> \\x1b[2J attempt 2  Internal Server Error")
    assert (
        lines_of(failure, replace(ASCII, columns=lambda: 80))[1] == "    -> \\x1b[2J  attempt 2  Internal Server Error"
    )


def test_several_routes_have_missed_deliveries_for_an_event_comes_to_each() -> None:
    [line] = lines_of(replace(samples.ALL_RECONNECTED, oldest_ms=None, newest_ms=None), PLAIN)
    assert line == "14:30:00 Reconnected: 3 deliveries came meanwhile."


@pytest.mark.parametrize(
    ("missed", "resumed", "took_over", "text"),
    [
        (0, True, False, "Reconnected: nothing was missed."),
        (0, False, False, "Reconnected, as a new session."),
        (1, True, False, "Reconnected: 1 event came meanwhile."),
        (3, True, True, "Reconnected; this process is the cloud now: 3 events came meanwhile."),
    ],
)
def test_a_reconnection_says_what_was_missed(missed: int, resumed: bool, took_over: bool, text: str) -> None:
    activity = replace(samples.RECONNECTED, missed=missed, resumed=resumed, took_over=took_over)
    assert lines_of(activity, PLAIN) == [f"14:30:00 {text}"]


@pytest.mark.parametrize(
    ("ago_s", "text"),
    [
        ((479, 20), "from 14:22:01 to 14:29:40"),
        ((20, 20), "at 14:29:40"),
        ((15 * 3600, 20), "from 12-09 23:30 to 14:29:40"),
    ],
)
def test_a_reconnection_says_from_when_to_when_events_came(ago_s: tuple[int, int], text: str) -> None:
    oldest_ms, newest_ms = (samples.NOW_MS - 1000 * seconds for seconds in ago_s)
    activity = replace(samples.RECONNECTED, oldest_ms=oldest_ms, newest_ms=newest_ms)
    assert lines_of(activity, PLAIN) == [f"14:30:00 Reconnected: 3 events came meanwhile, {text}."]


def test_an_application_that_is_away_is_named_once_and_a_hint_has_a_line_of_its_own() -> None:
    words = "14:30:00 Nothing listens on localhost:3000: events wait until it does."
    assert lines_of(samples.DOWN, PLAIN) == [words]
    assert lines_of(replace(samples.DOWN, hint="[::1]:3000 answers"), PLAIN) == [words, "    Hint: [::1]:3000 answers"]


@pytest.mark.parametrize(
    ("waited", "more", "again", "text"),
    [
        (14, False, True, "localhost:3000 answers again: delivering 14 events that waited."),
        (1, False, True, "localhost:3000 answers again: delivering 1 event that waited."),
        (64, True, True, "localhost:3000 answers again: delivering 64 or more events that waited."),
        (2, False, False, "localhost:3000 answers now: delivering 2 events that waited."),
        (0, False, False, "localhost:3000 answers now."),
    ],
)
def test_an_application_that_is_back_says_how_many_events_waited(
    waited: int, more: bool, again: bool, text: str
) -> None:
    assert lines_of(replace(samples.UP, waited=waited, more=more, again=again), PLAIN) == [f"14:30:00 {text}"]


def test_a_command_in_a_hint_has_a_line_of_its_own_where_there_is_no_room_beside_the_words() -> None:
    failed = replace(samples.FAILED, hint=f"to send it again: cstar events resend {EVENT_ID} --session laptop")
    wide = replace(PLAIN, columns=lambda: 200)
    assert lines_of(failed, wide)[-1] == f"    Hint: {failed.hint}"
    narrow = lines_of(failed, replace(PLAIN, columns=lambda: 80))
    assert narrow[-2:] == ["    Hint: to send it again:", f"    cstar events resend {EVENT_ID} --session laptop"]


def test_a_summary_says_how_many_were_not_forwarded() -> None:
    stopped = replace(samples.SUMMARY, unfinished=0, held=64)
    assert lines_of(stopped, PLAIN) == ["Stopped: 5 forwarded, 3 succeeded, 2 failed. 64 not delivered."]
    [line] = lines_of(replace(stopped, held_more=True), PLAIN)
    assert line.endswith(" failed. 64 or more not delivered.")


@pytest.mark.parametrize(
    ("held", "age_s", "text"),
    [
        (3, 1, "cstar listen --since 5m brings them"),
        (1, 240, "cstar listen --since 5m brings it"),
        (3, 241, "cstar listen --since 10m brings them"),
        (3, 5 * 3600, "cstar listen --since 6h brings them"),
        (3, 36 * 3600, "cstar listen --since 2d brings them"),
    ],
)
def test_a_summary_says_how_to_get_what_was_not_delivered(held: int, age_s: int, text: str) -> None:
    since_ms = samples.NOW_MS - 1000 * age_s
    summary = replace(samples.SUMMARY, unfinished=0, held=held, held_since_ms=since_ms)
    stopped = f"Stopped: 5 forwarded, 3 succeeded, 2 failed. {held} not delivered."
    assert lines_of(summary, PLAIN) == [stopped, f"    Hint: {text}"]


def test_what_nobody_heard_lately_is_counted_and_a_hint_says_how_to_get_it() -> None:
    unheard = Unheard(2, samples.NOW_MS - 240_000, samples.NOW_MS - 60_000)
    assert lines_of(unheard, PLAIN) == [
        "2 events came while nobody listened, from 14:26:00 to 14:29:00.",
        "    Hint: cstar listen --since 5m brings them",
    ]


def test_a_reconnection_says_what_was_skipped() -> None:
    activity = replace(samples.RECONNECTED, missed=0, skipped=12, oldest_ms=samples.NOW_MS, newest_ms=samples.NOW_MS)
    assert lines_of(activity, PLAIN) == ["14:30:00 Reconnected: skipped 12 events that came meanwhile, at 14:30:00."]


@pytest.mark.parametrize(
    ("events", "text"),
    [
        (0, "Nothing was missed since 13:30:00."),
        (1, "1 event was delivered to nobody, at 14:29:00: delivering now."),
        (7, "7 events were delivered to nobody, from 14:00:00 to 14:29:00: delivering now."),
    ],
)
def test_what_came_before_is_counted_from_when_to_when(events: int, text: str) -> None:
    newest_ms = samples.NOW_MS - 60_000
    oldest_ms = samples.NOW_MS - 1_800_000 if events > 1 else newest_ms
    activity = CaughtUp(samples.NOW_MS - 3_600_000, events, *((oldest_ms, newest_ms) if events else (None, None)))
    assert lines_of(activity, PLAIN) == [text]


@pytest.mark.parametrize(
    ("activity", "text"),
    [
        (Overlap(("x",), 0, now=True), "x listens now, too: events go to each that wants them."),
        (
            Overlap(("x",), 0, now=False),
            "x listens already: events go to each that wants them (--only-mine: only yours).",
        ),
        (
            Overlap(("x", "y"), 0, now=False, only_mine=True),
            "x and y listen already: what you trigger goes there as well.",
        ),
        (
            Overlap(("x", "y", "z", "v"), 5, now=False),
            "x, y, z and 6 more listen already: events go to each that wants them (--only-mine: only yours).",
        ),
        (Overlap(("\x1b[2J",), 0, now=True), "\\x1b[2J listens now, too: events go to each that wants them."),
    ],
)
def test_other_listeners_are_named_and_counted(activity: Overlap, text: str) -> None:
    assert lines_of(activity, PLAIN) == [text]


def test_a_summary_counts_what_was_forwarded() -> None:
    assert lines_of(samples.SUMMARY, PLAIN) == ["Stopped: 5 forwarded, 3 succeeded, 2 failed. 1 unfinished."]


@pytest.mark.parametrize("activity", samples.ALL)
def test_colours_are_all_that_coloured_lines_add(activity: Activity) -> None:
    import re

    coloured = "\n".join(lines_of(activity, COLOURED))
    assert re.sub(r"\x1b\[\d+m", "", coloured) == "\n".join(lines_of(activity, PLAIN))


@pytest.mark.parametrize("activity", samples.ALL)
def test_where_symbols_are_missing_lines_are_ascii(activity: Activity) -> None:
    assert "\n".join(lines_of(activity, ASCII)).isascii()


def test_success_is_green_and_failure_is_red() -> None:
    assert "\x1b[32m200\x1b[0m" in lines_of(SUCCEEDED, COLOURED)[0]
    assert "\x1b[31m500\x1b[0m" in lines_of(FAILED, COLOURED)[0]


def test_a_reason_that_the_terminal_has_no_room_for_has_a_line_of_its_own() -> None:
    failed = replace(FAILED, error="connection refused by 127.0.0.1:3000", status=None, response_body=b"")
    row, reason = lines_of(failed, replace(PLAIN, columns=lambda: 80))[:2]
    assert row.endswith(" ms")
    assert reason == "    connection refused by 127.0.0.1:3000"


def test_a_reason_stays_in_its_line_where_there_is_no_terminal() -> None:
    failed = replace(FAILED, error="x" * 100, status=None, response_body=b"")
    assert lines_of(failed, PLAIN)[0].endswith("x" * 100)


@pytest.mark.parametrize("reason", ["no answer within 10 s", "x" * 60])
def test_which_attempt_it_was_goes_below_with_the_reason_where_the_row_is_full(reason: str) -> None:
    failed = replace(FAILED, attempt=2, error=reason, status=None, response_body=b"")
    row, below = lines_of(failed, replace(PLAIN, columns=lambda: 80))[:2]
    assert row.endswith(" ms")
    assert len(row) <= 80
    assert below == f"    attempt 2  {reason}"


def test_a_later_success_at_a_webhook_keeps_to_the_terminal_too() -> None:
    retried = replace(
        ATTEMPTED, outcome="succeeded", status=200, attempt=2, target="whk_1", url="https://h/x", next_attempt_at=None
    )
    row, below = lines_of(retried, replace(PLAIN, columns=lambda: 80))
    assert len(row) <= 80
    assert below == "    attempt 2  https://h/x"
