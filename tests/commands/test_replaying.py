"""When the deliveries of a recording are sent again: in virtual time, and to nobody."""

import asyncio

from cstar_cli.commands.replaying import Around, Due, Pace, Replay, Replayed, in_order
from cstar_cli.recording.format import Answer, Delivery
from cstar_cli.recording.resending import Again
from cstar_cli.sender.outcome import Failure, Outcome
from tests.tunnel.virtual_time import virtually

GOOD = Outcome(200, (), b"", None, "", None, None, 1.0)
FAILED = Outcome(500, (), b"", None, "", None, None, 1.0)
REFUSED = Outcome(None, (), b"", Failure.REFUSED, "connection refused", None, None, 1.0)


def recorded(number: int, answer: Answer | None = None) -> Delivery:
    return Delivery(number, "", f"evt_{number}", "ticket.created", f"dlv_{number}", 1, "2025-12", "", (), answer=answer)


class Receiver:
    """Takes so many seconds for each; `started` are the times at which each began."""

    def __init__(self, takes_s: float = 0, outcome: Outcome = GOOD) -> None:
        self.started: list[tuple[int, float]] = []
        self.seen: list[Replayed] = []
        self.takes_s = takes_s
        self.outcome = outcome

    def replay(self, pace: Pace) -> Replay:
        clock = asyncio.get_running_loop().time
        return Replay(Around(lambda due: recorded(due.number), self._send, self.seen.append, clock), pace)

    async def _send(self, delivery: Delivery) -> Replayed:
        self.started.append((delivery.number, asyncio.get_running_loop().time()))
        await asyncio.sleep(self.takes_s)
        return Replayed(delivery, Again("", "", (), b""), 0, self.outcome)


def due(*seconds: float) -> list[Due]:
    return [Due(1_000_000 + round(second * 1000), number, 0) for number, second in enumerate(seconds, 1)]


@virtually
async def test_deliveries_start_as_far_apart_as_they_did() -> None:
    receiver = Receiver(takes_s=7)
    await receiver.replay(Pace(1.0, 32)).run(due(0, 2, 2.5, 60))
    assert receiver.started == [(1, 0), (2, 2), (3, 2.5), (4, 60)]


@virtually
async def test_ten_times_faster_is_a_tenth_of_the_time() -> None:
    receiver = Receiver()
    await receiver.replay(Pace(10.0, 32)).run(due(0, 2, 60))
    assert receiver.started == [(1, 0), (2, 0.2), (3, 6)]


@virtually
async def test_as_fast_as_possible_there_are_as_many_in_flight_as_may() -> None:
    receiver = Receiver(takes_s=1)
    await receiver.replay(Pace(None, 2)).run(due(0, 100, 200, 300, 400))
    assert receiver.started == [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2)]


@virtually
async def test_what_is_late_is_sent_in_its_order_and_the_times_after_it_hold() -> None:
    receiver = Receiver(takes_s=3)
    await receiver.replay(Pace(1.0, 1)).run(due(0, 1, 2, 20))
    assert receiver.started == [(1, 0), (2, 3), (3, 6), (4, 20)]


@virtually
async def test_it_ends_when_nobody_is_there() -> None:
    receiver = Receiver(outcome=REFUSED)
    replay = receiver.replay(Pace(1.0, 32))
    await replay.run(due(0, 10, 20))
    assert (receiver.started, replay.unreachable) == ([(1, 0)], REFUSED)


@virtually
async def test_an_interruption_sends_nothing_more_and_waits_for_what_is_in_flight() -> None:
    receiver = Receiver(takes_s=5)
    replay = receiver.replay(Pace(1.0, 32))
    asyncio.get_running_loop().call_later(3, replay.stop)
    await replay.run(due(0, 10))
    assert (receiver.started, len(receiver.seen), asyncio.get_running_loop().time()) == ([(1, 0)], 1, 5)


@virtually
async def test_a_second_interruption_gives_up_what_is_in_flight() -> None:
    receiver = Receiver(takes_s=500)
    replay = receiver.replay(Pace(None, 1))
    for after_s in (1, 2):
        asyncio.get_running_loop().call_later(after_s, replay.stop)
    await replay.run(due(0, 0))
    assert (len(receiver.seen), asyncio.get_running_loop().time()) == (0, 2)


@virtually
async def test_a_recording_of_nothing_is_over_at_once() -> None:
    receiver = Receiver()
    await receiver.replay(Pace(1.0, 1)).run([])
    assert receiver.started == []


def test_the_order_is_that_of_the_starts_whatever_ended_first() -> None:
    lines = [Due(2, 3, 0), Due(1, 2, 1), Due(1, 1, 2)]
    assert [each.number for each in in_order(lines)] == [1, 2, 3]


def test_worse_is_what_fails_and_had_not_failed() -> None:
    sent = Again("", "", (), b"")
    for outcome, answer, worse in (
        (FAILED, Answer(200, 1), True),
        (FAILED, None, True),
        (FAILED, Answer(500, 1, "answered 500"), False),
        (GOOD, Answer(500, 1, "answered 500"), False),
    ):
        assert Replayed(recorded(1, answer), sent, 0, outcome).went_worse is worse
