"""A tunnel whose listener wants a wire version: what was made in another one comes as that has it."""

import asyncio
from pathlib import Path

from msgspec.structs import replace

from cstar_cli.cloud.outbox import Gone
from cstar_cli.events.envelope import Event, build_event
from cstar_cli.events.wires import body_in
from cstar_cli.protocol.frames import Delivery, Refused, Welcome

from .relaying import Pipe, Room, hello, result, run
from .store.making import T0_MS, TEAM

OLD, NEW = "2025-12", "2026-03"


def made(version: str = OLD, data: str = "1") -> Event:
    event = build_event("ticket.created", {"id": data}, TEAM, T0_MS)
    return replace(event, body=body_in(version, event.body, OLD), wire=version)


async def opened(room: Room, version: str, session_id: str | None = None) -> tuple[Pipe, Welcome]:
    pipe, _ = room.connect()
    pipe.say(hello(session_id, retry_speed=60.0, wire=version))
    [welcome] = await pipe.hear()
    assert isinstance(welcome, Welcome)
    return pipe, welcome


async def body_of(pipe: Pipe) -> bytes:
    [delivery] = await pipe.hear()
    assert isinstance(delivery, Delivery)
    return delivery.body


def test_the_same_event_goes_to_each_listener_in_its_version(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        (old, _), (new, welcome) = await opened(room, OLD), await opened(room, NEW)
        assert welcome.heeds == ("wire",)
        for version in (OLD, NEW):
            event = made(version)
            await room.store.append_event(event)
            bodies = [await body_of(old), await body_of(new)]
            assert bodies[0].endswith(b'"data":{"id":"1"}}')
            assert bodies[1].endswith(b'"data":{"ticket":{"id":"1"}}}')
            assert event.body in bodies

    run(tmp_path, check)


def test_a_listener_of_2026_03_has_six_retries(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, welcome = await opened(room, NEW)
        assert welcome.retry_waits_ms == (500, 2000, 10_000, 60_000, 360_000, 1_440_000)
        [delivery] = await room.store.append_event(made())
        body = await body_of(pipe)
        for attempt in range(1, 7):
            pipe.say(result(delivery.id, succeeded=False, attempt=attempt))
            await pipe.hear()
            await room.clock.advance(2_000_000)
            room.pass_time(0)
            pipe.relay.wake()
            [again] = await pipe.hear()
            assert isinstance(again, Delivery)
            assert (again.attempt, again.body) == (attempt + 1, body)

    run(tmp_path, check)


def test_what_waits_while_a_listener_is_away_comes_as_it_wants_it_when_it_is_back(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, welcome = await opened(room, OLD)
        pipe.cut()
        await room.store.append_event(made())
        pipe, back = await opened(room, NEW, welcome.session_id)
        assert back.resumed
        assert b'"ticket":{' in await body_of(pipe)

    run(tmp_path, check)


def test_a_body_that_grows_over_a_mebibyte_by_translation_still_comes(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await opened(room, NEW)
        event = made(data="x" * (1024 * 1024 - 120))
        await room.store.append_event(event)
        assert len(await body_of(pipe)) == len(event.body) + len('{"ticket":}')

    run(tmp_path, check)


def test_a_wire_version_that_there_is_not_is_refused(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(hello(wire="2027-01"))
        [refused] = await pipe.hear()
        assert isinstance(refused, Refused)
        assert refused.message.startswith("There is no wire version '2027-01'")
        assert not refused.retry
        assert isinstance(await asyncio.wait_for(ended, 5), Gone)

    run(tmp_path, check)
