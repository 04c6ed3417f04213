"""One connection of one listener, from its hello to its end: over a fake socket and a real store."""

import asyncio
import json
import logging
from pathlib import Path

import pytest

from cstar_cli.cloud import logs
from cstar_cli.cloud.announcing import announce
from cstar_cli.cloud.relay import _filter
from cstar_cli.cloud.sessions import CATCHING_UP_TOGETHER, OPENED_TOGETHER
from cstar_cli.cloud.store.queries import Page
from cstar_cli.cloud.store.records import AttemptOutcome, Session
from cstar_cli.events.filters import EventFilter
from cstar_cli.protocol.frames import (
    DEAD_AFTER_S,
    Bye,
    Delivery,
    Hello,
    Joined,
    Settled,
    Welcome,
)

from .relaying import GRACE_S, Room, append, hello, result, run
from .store.making import T0_MS, TEAM, URL, event
from .streams import Writes


def test_a_hello_opens_a_session(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = room.connect()
        pipe.say(Hello("http://localhost:4000/", ("ticket.*",), 10))
        [welcome] = await pipe.hear()
        assert list(await room.store.append_event(event("boss.spawned"))) == []
        [delivery] = await room.store.append_event(event("ticket.created"))
        assert welcome == Welcome(delivery.target, resumed=False, waiting=0)
        assert delivery.url == "http://localhost:4000/"
        assert room.sessions.connected == 1

    run(tmp_path, check)


def test_a_crowd_of_hellos_takes_turns(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        for _ in range(OPENED_TOGETHER):
            await room.sessions.opening.acquire()
        pipe, _ = room.connect()
        pipe.say(hello())
        await room.store.ping()
        assert room.sessions.connected == 0
        room.sessions.opening.release()
        await pipe.hear()
        assert room.sessions.connected == 1

    run(tmp_path, check)


def test_what_is_stored_is_pushed_in_commit_order(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await room.opened()
        stored = await append(room, 20)
        assert await pipe.hear_deliveries(20) == stored

    run(tmp_path, check)


def test_a_pushed_delivery_is_the_stored_one(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await room.opened()
        made = event("boss.spawned", body=b'{"raw":"\xc3\xa9\n"}')
        [delivery] = await room.store.append_event(made)
        [pushed] = await pipe.hear()
        assert pushed == Delivery(
            delivery.id, made.id, "boss.spawned", 1, body_bytes=len(made.body), body=b'{"raw":"\xc3\xa9\n"}'
        )

    run(tmp_path, check)


def test_a_result_is_durable_before_it_is_settled(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await room.opened()
        [delivery_id] = await append(room, 1)
        await pipe.hear()
        pipe.say(result(delivery_id))
        assert await pipe.hear() == [Settled((delivery_id,))]
        assert await room.outcomes() == [("succeeded", None)]

    run(tmp_path, check)


def test_a_result_told_twice_is_settled_twice_and_recorded_once(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await room.opened()
        [delivery_id] = await append(room, 1)
        await pipe.hear()
        for _ in range(2):
            pipe.say(result(delivery_id))
            assert await pipe.hear() == [Settled((delivery_id,))]
        assert len(await room.outcomes()) == 1

    run(tmp_path, check)


def test_a_resumed_session_gets_again_what_it_does_not_hold(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, session_id = await room.opened()
        settled, held, lost = await append(room, 3)
        await pipe.hear(3)
        pipe.say(result(settled))
        await pipe.hear()
        pipe.cut()
        later = await append(room, 1)
        pipe, _ = room.connect()
        pipe.say(hello(session_id, held))
        assert await pipe.hear() == [Welcome(session_id, True, 2, T0_MS, T0_MS)]
        assert await pipe.hear_deliveries(2) == [lost, *later]
        pipe.say(result(held))
        assert await pipe.hear() == [Settled((held,))]

    run(tmp_path, check)


def test_a_listener_of_the_latest_skips_what_came_while_it_was_away(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, session_id = await room.opened()
        [held] = await append(room, 1)
        await pipe.hear()
        pipe.cut()
        await append(room, 3)
        pipe, _ = room.connect()
        pipe.say(Hello(URL, (), 100, session_id, (held,), latest=True))
        assert await pipe.hear() == [Welcome(session_id, True, 0, T0_MS, T0_MS, skipped=3, heeds=("latest",))]
        later = await append(room, 1)
        assert await pipe.hear_deliveries(1) == later
        assert {outcome for outcome, _ in await room.outcomes()} == {"canceled"}

    run(tmp_path, check)


def test_a_new_session_brings_what_came_before_it_then_what_comes(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        before = [event(at_ms=T0_MS - ago_ms) for ago_ms in (5000, 3000, 1000)]
        await room.store.append_events(before)
        pipe, _ = room.connect()
        pipe.say(Hello(URL, (), 100, since_ms=T0_MS - 4000))
        [welcome] = await pipe.hear()
        assert isinstance(welcome, Welcome)
        assert (welcome.waiting, welcome.oldest_ms, welcome.newest_ms) == (2, T0_MS - 3000, T0_MS - 1000)
        await append(room, 1)
        brought = [frame.event_id for frame in await pipe.hear(3) if isinstance(frame, Delivery)]
        assert brought[:2] == [each.id for each in before[1:]]
        pipe.cut()
        pipe, _ = room.connect()
        pipe.say(Hello(URL, (), 100, welcome.session_id, since_ms=T0_MS - 9000))
        again = (await pipe.hear())[0]
        assert isinstance(again, Welcome)
        assert (again.resumed, again.waiting) == (True, 3)

    run(tmp_path, check)


def test_a_listener_that_goes_before_it_has_caught_up_is_done_with(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        await append(room, 1)
        for _ in range(CATCHING_UP_TOGETHER):
            await room.sessions.catching_up.acquire()
        pipe, task = room.connect()
        pipe.say(Hello(URL, (), 100, since_ms=0))
        while not room.sessions.connected:
            await room.store.ping()
        pipe.cut()
        room.sessions.catching_up.release()
        await task
        assert await room.open() == []
        await room.clock.advance(round(GRACE_S * 1000))
        await room.sessions.sweep()
        assert await room.store.sessions(TEAM, None, Page()) == []

    run(tmp_path, check)


def test_a_listener_that_goes_as_it_has_caught_up_is_away(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        await append(room, 1)
        pipe, task = room.connect()
        for _ in range(CATCHING_UP_TOGETHER):
            await room.sessions.catching_up.acquire()
        pipe.say(Hello(URL, (), 100, since_ms=0))
        while not room.sessions.connected:
            await room.store.ping()
        room.flaky.may_answer.clear()
        room.sessions.catching_up.release()
        while not await room.open():
            pass
        pipe.cut()
        room.flaky.may_answer.set()
        await task
        [session] = await room.store.sessions(TEAM, None, Page())
        assert not session.is_connected

    run(tmp_path, check)


def test_a_listener_is_not_taken_for_dead_while_nobody_reads_what_it_says(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        for _ in range(CATCHING_UP_TOGETHER):
            await room.sessions.catching_up.acquire()
        pipe, _ = room.connect()
        pipe.say(Hello(URL, (), 100, since_ms=0))
        while not room.sessions.connected:
            await room.store.ping()
        room.pass_time(DEAD_AFTER_S + 1)
        room.sessions.catching_up.release()
        assert isinstance((await pipe.hear())[0], Welcome)

    run(tmp_path, check)


async def away_for_too_long(room: Room) -> str:
    """A session whose listener was given one event, then gone for longer than its grace, while two came."""
    pipe, session_id = await room.opened()
    [settled] = await append(room, 1)
    await pipe.hear()
    pipe.say(result(settled))
    await pipe.hear()
    pipe.cut()
    await room.until_idle(1)
    await room.clock.advance(1000)
    await room.store.append_events([event(at_ms=room.clock.now_ms)])
    await room.clock.advance(round(GRACE_S * 1000))
    await room.sessions.sweep()
    await room.store.append_events([event(at_ms=room.clock.now_ms)])
    return session_id


def test_what_came_in_a_gap_that_the_session_has_not_outlived_comes_all_the_same(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        session_id = await away_for_too_long(room)
        pipe, _ = room.connect()
        pipe.say(hello(session_id))
        [welcome] = await pipe.hear()
        assert isinstance(welcome, Welcome)
        assert (welcome.resumed, welcome.waiting) == (False, 2)
        assert (welcome.oldest_ms, welcome.newest_ms) == (T0_MS + 1000, room.clock.now_ms)
        assert len(await pipe.hear_deliveries(2)) == 2

    run(tmp_path, check)


def test_what_waited_before_a_gap_that_the_session_has_not_outlived_comes_as_well(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, session_id = await room.opened()
        [answered] = await append(room, 1)
        await pipe.hear()
        pipe.say(result(answered, succeeded=False))
        await pipe.hear()
        await room.clock.advance(60_000)
        held = event(at_ms=room.clock.now_ms)
        await room.store.append_event(held)
        await pipe.hear()
        await room.clock.advance(3_600_000)  # while the application is away
        pipe.cut()
        await room.until_idle(1)
        await room.clock.advance(round(GRACE_S * 1000))
        await room.sessions.sweep()
        pipe, _ = room.connect()
        pipe.say(hello(session_id))
        [welcome] = await pipe.hear()
        assert isinstance(welcome, Welcome)
        assert (welcome.resumed, welcome.waiting, welcome.oldest_ms) == (False, 1, held.created_at_ms)

    run(tmp_path, check)


def test_who_takes_the_latest_alone_skips_what_came_in_such_a_gap_and_is_told(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        session_id = await away_for_too_long(room)
        pipe, _ = room.connect()
        pipe.say(Hello(URL, (), 100, session_id, latest=True))
        [welcome] = await pipe.hear()
        assert isinstance(welcome, Welcome)
        assert (welcome.resumed, welcome.waiting, welcome.skipped) == (False, 0, 2)
        assert (welcome.oldest_ms, welcome.newest_ms) == (T0_MS + 1000, room.clock.now_ms)
        await room.clock.advance(1)
        later = event(at_ms=room.clock.now_ms)
        await room.store.append_event(later)
        [frame] = await pipe.hear()
        assert isinstance(frame, Delivery)
        assert frame.event_id == later.id

    run(tmp_path, check)


def test_two_listeners_are_told_of_each_other_once(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        announcing = asyncio.create_task(announce(room.store, room.sessions))
        first, session_id = await room.opened()
        await room.clock.advance(1)
        second, _ = room.connect()
        second.say(Hello(URL, (), 100, name="laptop"))
        [welcome] = await second.hear()
        assert isinstance(welcome, Welcome)
        assert (welcome.others, welcome.more_others) == ((URL,), 0)
        assert await first.hear() == [Joined("laptop")]
        second.cut()
        second, _ = room.connect()
        second.say(Hello(URL, (), 100, welcome.session_id, name="laptop"))
        assert await second.hear() == [Welcome(welcome.session_id, True, 0)]
        first.cut()
        first, _ = room.connect()
        first.say(hello(session_id))
        assert await first.hear() == [Welcome(session_id, True, 0)]
        announcing.cancel()

    run(tmp_path, check)


def test_a_result_whose_settlement_was_lost_is_settled_on_resume(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, session_id = await room.opened()
        [delivery_id] = await append(room, 1)
        await pipe.hear()
        pipe.say(result(delivery_id))
        await pipe.hear()
        pipe.cut()
        pipe, _ = room.connect()
        pipe.say(hello(session_id, delivery_id), result(delivery_id))
        assert await pipe.hear(2) == [Welcome(session_id, True, 0), Settled((delivery_id,))]
        assert len(await room.outcomes()) == 1

    run(tmp_path, check)


def test_a_resumed_session_has_the_filter_of_now(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, session_id = await room.opened()
        pipe.cut()
        pipe, _ = room.connect()
        pipe.say(hello(session_id, events=["boss.*"]))
        await pipe.hear()
        assert await append(room, 1) == []

    run(tmp_path, check)


def test_an_unknown_session_becomes_a_new_one(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = room.connect()
        pipe.say(hello("ses_none", "dlv_none"))
        [welcome] = await pipe.hear()
        assert isinstance(welcome, Welcome)
        assert not welcome.resumed
        assert welcome.session_id != "ses_none"

    run(tmp_path, check)


def test_a_later_connection_displaces_the_earlier(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        first, ended = room.connect()
        first.say(hello())
        [welcome] = await first.hear()
        assert isinstance(welcome, Welcome)
        second, _ = room.connect()
        second.say(hello(welcome.session_id))
        gone = await ended
        assert (gone.code, gone.reason) == (1001, "going away")
        assert room.sessions.connected == 1
        stored = await append(room, 1)
        await second.hear()
        assert await second.hear_deliveries(1) == stored

    run(tmp_path, check)


def test_a_result_of_the_displaced_connection_does_not_count(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        first, session_id = await room.opened()
        [delivery_id] = await append(room, 1)
        await first.hear()
        second, _ = room.connect()
        second.say(hello(session_id))
        await second.hear(2)
        first.say(result(delivery_id))
        second.say(result(delivery_id, succeeded=False))
        assert await second.hear() == [Settled((delivery_id,))]
        assert await room.outcomes() == [("failed", None)]

    run(tmp_path, check)


def test_bye_ends_the_session_and_fails_what_is_unanswered(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(hello())
        await pipe.hear()
        await append(room, 1)
        await pipe.hear()
        pipe.say(Bye())
        assert (await ended).code == 1000
        assert await room.open() == []
        assert await room.outcomes() == [("failed", "the listener ended before it answered this")]
        assert room.sessions.connected == 0

    run(tmp_path, check)


def test_a_result_that_comes_with_the_bye_counts(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(hello())
        await pipe.hear()
        [delivery_id] = await append(room, 1)
        await pipe.hear()
        pipe.say(result(delivery_id), Bye())
        await ended
        assert await room.outcomes() == [("succeeded", None)]

    run(tmp_path, check)


def test_a_cut_leaves_the_session_open(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(hello())
        await pipe.hear()
        pipe.cut()
        assert (await ended).reason == "closed by the listener"
        assert len(await room.open()) == 1
        assert (room.sessions.connected, room.store.wakeups.waiting) == (0, 0)

    run(tmp_path, check)


def test_two_sessions_get_each_their_own(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        one, _ = await room.opened()
        two, two_id = await room.opened()
        await delivered_to_both(room)
        [first] = await one.hear_deliveries(1)
        [second] = await two.hear_deliveries(1)
        stored = await room.store.delivery(TEAM, second)
        assert stored
        assert (stored.target, first != second) == (two_id, True)
        one.say(result(second))
        one.say(result(first))
        assert await one.hear() == [Settled((first,))]

    async def delivered_to_both(room: Room) -> None:
        assert len(await room.store.append_event(event())) == 2

    run(tmp_path, check)


def test_an_event_takes_one_look_at_the_store(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = room.connect()
        pipe.say(hello())
        await pipe.hear()
        await room.store.ping()
        before = room.flaky.calls["due"]
        [made] = await append(room, 1)
        assert await pipe.hear_deliveries(1) == [made]
        pipe.say(result(made))
        assert await pipe.hear() == [Settled((made,))]
        await room.store.ping()
        assert room.flaky.calls["due"] == before + 1

    run(tmp_path, check)


def test_the_results_that_are_settled_together_are_one_write_to_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Writes()
    monkeypatch.setattr(logs.LOGGER, "handlers", [logs.Lines(logs.json_line, stream)])

    def observe(_: Session, outcome: AttemptOutcome) -> None:
        logs.info("attempt", delivery_id=outcome.delivery_id)

    async def check(room: Room) -> None:
        pipe, _ = room.connect(observe)
        pipe.say(hello())
        await pipe.hear()
        stored = await append(room, 10)
        assert await pipe.hear_deliveries(10) == stored
        with caplog.at_level(logging.INFO, "cstar.cloud"):
            pipe.say(*map(result, stored))
            assert await pipe.hear() == [Settled(tuple(stored))]
        [written] = stream.writes
        assert [json.loads(line)["delivery_id"] for line in written.splitlines()] == stored

    run(tmp_path, check)


@pytest.mark.parametrize(
    ("patterns", "is_shared"), [(("ticket.*", "!ticket.closed"), True), (("ticket.*",) * 400, False)]
)
def test_who_wants_the_same_shares_a_filter_that_is_short(patterns: tuple[str, ...], is_shared: bool) -> None:
    assert _filter(patterns) == EventFilter.parse(patterns)
    assert (_filter(patterns) is _filter(patterns)) == is_shared
