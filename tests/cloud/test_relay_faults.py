"""What a relay bears: a store that is away, a session that goes on elsewhere, a listener that floods it."""

import asyncio
from pathlib import Path

import pytest

from cstar_cli.cloud.node import Node
from cstar_cli.cloud.pushing import Pusher, Pushing
from cstar_cli.cloud.relay import Relay
from cstar_cli.cloud.results import MAX_RESULTS
from cstar_cli.cloud.store.records import Session
from cstar_cli.events.filters import EventFilter
from cstar_cli.protocol.frames import Bye, Result, Settled, Welcome

from .relaying import GRACE_S, HandBeat, Pipe, Room, append, hello, result, run
from .store.making import TEAM, URL, due_to


async def resumed(room: Room, session_id: str, *holding: str) -> Pipe:
    pipe, _ = room.connect()
    pipe.say(hello(session_id, *holding))
    [welcome] = await pipe.hear()
    assert isinstance(welcome, Welcome)
    assert (welcome.session_id, welcome.resumed) == (session_id, True)
    return pipe


def test_a_store_that_is_away_costs_the_tunnel_and_no_result(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(hello())
        [welcome] = await pipe.hear()
        assert isinstance(welcome, Welcome)
        [delivery_id] = await append(room, 1)
        await pipe.hear()
        room.flaky.away = True
        pipe.say(result(delivery_id))
        gone = await ended
        assert (gone.code, gone.reason) == (1011, "The database can't be written: disk is full.")
        room.flaky.away = False
        pipe = await resumed(room, welcome.session_id, delivery_id)
        pipe.say(result(delivery_id))
        assert await pipe.hear() == [Settled((delivery_id,))]
        assert await room.outcomes() == [("succeeded", None)]

    run(tmp_path, check)


def test_who_comes_while_the_store_is_away_may_come_again(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, session_id = await room.opened()
        pipe.cut()
        room.flaky.away = True
        pipe, ended = room.connect()
        pipe.say(hello(session_id))
        assert (await ended).code == 1011
        room.flaky.away = False
        await resumed(room, session_id)

    run(tmp_path, check)


@pytest.mark.parametrize("is_resumed", [False, True])
def test_a_session_that_is_opened_while_its_tunnel_ends_is_away(tmp_path: Path, is_resumed: bool) -> None:
    async def check(room: Room) -> None:
        session_id = None
        if is_resumed:
            pipe, session_id = await room.opened()
        room.flaky.may_answer.clear()
        room.flaky.was_asked.clear()
        pipe, ended = room.connect()
        pipe.say(hello(session_id))
        await room.flaky.was_asked.wait()
        pipe.cut()
        room.flaky.may_answer.set()
        await ended
        assert room.sessions.connected == 0
        assert len(await room.open()) == 1
        await room.clock.advance(round(GRACE_S * 1000))
        await room.sessions.sweep()
        assert await room.open() == []

    run(tmp_path, check)


def test_a_store_that_goes_away_while_there_is_something_to_push_loses_nothing(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(hello())
        [welcome] = await pipe.hear()
        assert isinstance(welcome, Welcome)
        room.flaky.away = True
        stored = await append(room, 2)
        assert (await ended).code == 1011
        room.flaky.away = False
        pipe = await resumed(room, welcome.session_id)
        assert await pipe.hear_deliveries(2) == stored

    run(tmp_path, check)


def test_a_bye_while_the_store_is_away_ends_the_session_with_its_grace(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(hello())
        await pipe.hear()
        room.flaky.away = True
        pipe.say(Bye())
        assert (await ended).code == 1011
        room.flaky.away = False
        await room.sessions.sweep()
        assert len(await room.open()) == 1
        await room.clock.advance(round(GRACE_S * 1000))
        await room.sessions.sweep()
        assert await room.open() == []

    run(tmp_path, check)


def test_a_session_that_goes_on_at_another_node_is_hung_up_here(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(hello())
        [welcome] = await pipe.hear()
        assert isinstance(welcome, Welcome)
        elsewhere = await room.store.resume_session(welcome.session_id, TEAM, EventFilter.parse(()), URL)
        assert elsewhere
        stored = await append(room, 1)
        gone = await ended
        assert (gone.code, gone.reason) == (1001, "going away")
        await room.clock.advance(10 * round(GRACE_S * 1000))
        await room.sessions.sweep()
        due = await due_to(room.store, elsewhere, (), 10, 1000)
        assert [delivery.id for delivery in due] == stored

    run(tmp_path, check)


def test_a_session_that_ended_behind_its_listener_is_hung_up_too(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(hello())
        [welcome] = await pipe.hear()
        assert isinstance(welcome, Welcome)
        here = Session(welcome.session_id, TEAM, EventFilter.parse(()), URL, epoch=1)
        await room.store.end_session(here, "its node was thought dead")
        assert (await ended).reason == "going away"
        assert room.sessions.connected == 0

    run(tmp_path, check)


class BrokenPusher(Pusher):
    """One that takes no tunnel."""

    def add(self, tunnel: Pushing) -> None:
        raise RuntimeError("no more tunnels")


def test_a_tunnel_that_cannot_be_woken_ends(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        node = Node(room.store, room.sessions, lambda: 0.0, beat=HandBeat())
        pipe = Pipe()
        pipe.relay = Relay(pipe, TEAM, node)
        ended = asyncio.ensure_future(pipe.relay.run())
        await asyncio.sleep(0)
        pipe.say(hello())
        await pipe.hear()
        node.pusher = BrokenPusher(room.store)
        await append(room, 1)
        with pytest.raises(ExceptionGroup):
            await ended

    run(tmp_path, check)


@pytest.mark.parametrize(("count", "body"), [(MAX_RESULTS + 1, b""), (40, b"x" * 1024 * 1024)])
def test_more_results_than_can_be_stored_end_the_tunnel(tmp_path: Path, count: int, body: bytes) -> None:
    async def check(room: Room) -> None:
        healthy, _ = await room.opened()
        pipe, ended = room.connect()
        pipe.say(hello(events=["boss.*"]))
        await pipe.hear()
        pipe.say(*(Result(f"dlv_{n}", 1, True, 200, None, 1, 1.0, body=body) for n in range(count)))
        assert (await ended).reason == "more results than can be stored"
        stored = await append(room, 1)
        assert await healthy.hear_deliveries(1) == stored

    run(tmp_path, check)


def test_an_attempt_is_observed_once_when_it_is_durable(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, session_id = await room.opened()
        first, second = await append(room, 2)
        await pipe.hear(2)
        for delivery_id in (first, first, second, "dlv_none"):
            pipe.say(result(delivery_id))
            await asyncio.sleep(0)
        await pipe.hear(2)
        pipe.cut()
        pipe = await resumed(room, session_id, first)
        pipe.say(result(first))
        await pipe.hear()
        assert room.observed == [(session_id, first), (session_id, second)]

    run(tmp_path, check)
