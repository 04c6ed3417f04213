"""One connection of one listener, over a fake socket and a real store."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from cstar_cli.cloud.relay import TICK_S, Gone, Relay
from cstar_cli.cloud.sessions import Sessions
from cstar_cli.cloud.store.queries import AttemptQuery
from cstar_cli.cloud.store.sqlite.driver import SqliteStore
from cstar_cli.protocol.frames import (
    Bye,
    Delivery,
    Frame,
    Heartbeat,
    Hello,
    Refused,
    Result,
    Settled,
    Welcome,
    decode,
    encode,
)
from cstar_cli.protocol.relay import LEASE_S, MAX_UNSETTLED_BYTES

from .hurry import hurried_clock, hurried_loop
from .store.making import TEAM, URL, Clock, delivered, event, session


class Pipe:
    """A websocket without a network; while `stuck`, what is sent waits."""

    def __init__(self) -> None:
        self._up: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._down: asyncio.Queue[bytes] = asyncio.Queue()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._arrived: list[Frame] = []

    async def receive(self) -> bytes:
        message = await self._up.get()
        if message is None:
            raise Gone("closed by the listener")
        return message

    async def send(self, message: bytes) -> None:
        await self._flowing.wait()
        self._down.put_nowait(message)

    def say(self, *frames: Frame) -> None:
        self._up.put_nowait(encode(frames))

    def say_bytes(self, message: bytes) -> None:
        self._up.put_nowait(message)

    def cut(self) -> None:
        self._up.put_nowait(None)

    def get_stuck(self) -> None:
        self._flowing.clear()

    def sent_bytes(self) -> int:
        return sum(len(self._down.get_nowait()) for _ in range(self._down.qsize()))

    async def hear(self, count: int = 1) -> list[Frame]:
        """The next frames, without heartbeats."""
        while len(self._arrived) < count:
            frames = decode(await self._down.get())
            self._arrived += [frame for frame in frames if not isinstance(frame, Heartbeat)]
        heard, self._arrived = self._arrived[:count], self._arrived[count:]
        return heard

    async def hear_deliveries(self, count: int) -> list[str]:
        frames = await self.hear(count)
        assert all(isinstance(frame, Delivery) for frame in frames), frames
        return [frame.delivery_id for frame in frames if isinstance(frame, Delivery)]


class Room:
    """A store, its sessions, and as many relays as a test connects."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.sessions = Sessions(store, 120.0, lambda: 0.0, asyncio.sleep)
        self.now = 0.0
        self._tasks: list[asyncio.Task[Gone]] = []
        self._ticks: list[asyncio.Event] = []

    def connect(self) -> tuple[Pipe, "asyncio.Task[Gone]"]:
        """Start a relay whose clock is the test's: it beats when `pass_time` says so."""
        beat = asyncio.Event()
        self._ticks.append(beat)

        async def sleep(_: float) -> None:
            await beat.wait()
            beat.clear()

        return self._start(lambda: self.now, sleep)

    def connect_in_loop_time(self) -> tuple[Pipe, "asyncio.Task[Gone]"]:
        return self._start(hurried_clock(), asyncio.sleep)

    def _start(
        self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> tuple[Pipe, "asyncio.Task[Gone]"]:
        pipe = Pipe()
        task = asyncio.ensure_future(Relay(pipe, TEAM, self.store, self.sessions, clock, sleep).run())
        self._tasks.append(task)
        return pipe, task

    async def opened(self, window: int = 100) -> tuple[Pipe, str]:
        pipe, _ = self.connect()
        pipe.say(hello(window=window))
        [welcome] = await pipe.hear()
        assert isinstance(welcome, Welcome)
        return pipe, welcome.session_id

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for beat in self._ticks:
            beat.set()

    async def outcomes(self) -> list[tuple[str, str | None]]:
        attempts, _ = await self.store.attempts_after(TEAM, AttemptQuery(), 0, 1000)
        return [(attempt.outcome, attempt.error) for attempt in attempts]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.store.close()


def run(
    folder: Path,
    body: Callable[[Room], Awaitable[None]],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> None:
    async def main() -> None:
        room = Room(SqliteStore.open(folder / "cstar.db", Clock()))
        try:
            async with asyncio.timeout(None if loop_factory else 20):
                await body(room)
        finally:
            await room.close()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


def hello(session_id: str | None = None, *holding: str, window: int = 100, events: Sequence[str] = ()) -> Hello:
    return Hello(URL, tuple(events), window, session_id, holding)


def result(delivery_id: str, succeeded: bool = True) -> Result:
    return Result(delivery_id, 1, succeeded, 200 if succeeded else 500, None, 1, 1.0)


async def append(room: Room, count: int, body: bytes = b"{}") -> list[str]:
    return [delivery.id for _ in range(count) for delivery in await room.store.append_event(event(body=body))]


def test_a_hello_opens_a_session(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = room.connect()
        pipe.say(Hello("http://localhost:4000/", ("ticket.*",), 10))
        [welcome] = await pipe.hear()
        [opened] = await room.store.open_sessions()
        assert welcome == Welcome(opened.id, resumed=False, waiting=0)
        assert (opened.forward_to, opened.filter.patterns) == ("http://localhost:4000/", ("ticket.*",))
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


def test_no_more_than_the_window_is_pushed_until_results_come(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await room.opened(window=3)
        stored = await append(room, 5)
        assert await pipe.hear_deliveries(3) == stored[:3]
        pipe.say(result(stored[0]))
        assert await pipe.hear() == [Settled((stored[0],))]
        assert await pipe.hear_deliveries(1) == [stored[3]]

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
        assert await pipe.hear() == [Welcome(session_id, resumed=True, waiting=2)]
        assert await pipe.hear_deliveries(2) == [lost, *later]
        pipe.say(result(held))
        assert await pipe.hear() == [Settled((held,))]

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
        assert list(await room.store.open_sessions()) == []
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
        assert len(await room.store.open_sessions()) == 1
        assert (room.sessions.connected, room.store.wakeups.waiting) == (0, 0)

    run(tmp_path, check)


def test_whoever_does_not_say_hello_first_is_told_so(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(Heartbeat())
        assert await pipe.hear() == [Refused("say hello first", retry=False)]
        assert (await ended).code == 1008
        assert list(await room.store.open_sessions()) == []

    run(tmp_path, check)


def test_a_filter_that_is_none_is_refused_for_good(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(hello(events=["Not A Filter"]))
        [refused] = await pipe.hear()
        assert isinstance(refused, Refused)
        assert (refused.message[:14], refused.retry) == ("'Not A Filter'", False)
        assert (await ended).code == 1008

    run(tmp_path, check)


def test_garbage_ends_the_tunnel_and_nothing_else(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        healthy, _ = await room.opened()
        for garbage in (b"\xff\xfe", b"{}\n", b'{"type":"result"}\n', b'{"type":"x","body_bytes":9}\n', b"[" * 9999 + b"\n"):
            pipe, ended = room.connect()
            pipe.say(hello(events=["boss.*"]))
            await pipe.hear()
            pipe.say_bytes(garbage)
            gone = await ended
            assert gone.code == 1011
            assert len(gone.reason.encode()) <= 123
        stored = await append(room, 1)
        assert await healthy.hear_deliveries(1) == stored

    run(tmp_path, check)


def test_an_empty_message_and_unknown_frames_are_passed_over(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await room.opened()
        for message in (b"", b'{"type":"confetti"}\n', b'{"type":"welcome","session_id":"","resumed":true,"waiting":0}\n'):
            pipe.say_bytes(message)
        stored = await append(room, 1)
        assert await pipe.hear_deliveries(1) == stored

    run(tmp_path, check)


def test_a_lease_that_runs_out_is_pushed_again(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, _ = await room.opened()
        settled, unanswered = await append(room, 2)
        await pipe.hear(2)
        pipe.say(result(settled))
        await pipe.hear()
        for _ in range(int(LEASE_S / TICK_S)):
            pipe.say(Heartbeat())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            room.pass_time(TICK_S)
            await asyncio.sleep(0)
        assert await pipe.hear_deliveries(1) == [unanswered]

    run(tmp_path, check)


def test_a_silent_listener_is_hung_up(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(hello())
        await pipe.hear()
        room.pass_time(12.0)
        assert (await ended).reason == "nothing heard for 12 s"

    run(tmp_path, check)


def test_whoever_never_says_a_word_is_hung_up(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        _, ended = room.connect()
        room.pass_time(12.0)
        assert (await ended).reason == "nothing heard for 12 s"

    run(tmp_path, check)


def test_a_listener_that_does_not_read_is_hung_up(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect_in_loop_time()
        pipe.say(hello())
        await pipe.hear()
        pipe.get_stuck()
        await append(room, 1)
        while not ended.done():
            pipe.say(Heartbeat())
            await asyncio.sleep(1.0)
        assert ended.result().reason == "the listener doesn't read"

    run(tmp_path, check, hurried_loop)


def test_a_slow_listener_costs_bounded_memory_and_slows_nobody(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        slow, _ = await room.opened(window=1024)
        slow.get_stuck()
        fast, _ = await room.opened(window=1024)
        stored = await append(room, 24, body=b"x" * 1024 * 1024)
        for delivery_id in stored[1::2]:
            [pushed] = await fast.hear()
            assert isinstance(pushed, Delivery)
            assert pushed.delivery_id == delivery_id
            fast.say(result(delivery_id))
            assert await fast.hear() == [Settled((delivery_id,))]

    async def measure(room: Room) -> None:
        slow, _ = await room.opened(window=1024)
        await append(room, 24, body=b"x" * 1024 * 1024)
        await slow.hear(4)
        for _ in range(50):
            await room.store.count_due(await session(room.store, "boss.*"))
        assert slow.sent_bytes() <= MAX_UNSETTLED_BYTES

    run(tmp_path, check)
    (tmp_path / "second").mkdir()
    run(tmp_path / "second", measure)


def test_a_session_that_could_not_be_welcomed_is_away_and_not_lost(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        pipe, ended = room.connect()
        pipe.say(hello())
        while not room.sessions.connected:
            await asyncio.sleep(0)
        ended.cancel()
        with suppress(asyncio.CancelledError):
            await ended
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
