"""What waits for a listener: over a socket that is a list."""

import pytest

from cstar_cli.cloud.outbox import MESSAGE_BYTES, Gone, Outbox
from cstar_cli.protocol.frames import DEAD_AFTER_S, Delivery, Heartbeat, decode


class Socket:
    def __init__(self) -> None:
        self.is_writable = True
        self.written: list[bytes] = []

    def write(self, message: bytes) -> None:
        self.written.append(message)

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class There:
    def __init__(self) -> None:
        self.now = 0.0
        self.socket = Socket()
        self.outbox = Outbox(self.socket, lambda: self.now)


def delivery(body: bytes) -> Delivery:
    return Delivery("dlv_1", "evt_1", "ticket.created", 1, len(body), body)


def test_what_is_said_together_is_one_message() -> None:
    there = There()
    there.outbox.send([Heartbeat(), Heartbeat()])
    assert [len(decode(message)) for message in there.socket.written] == [2]


def test_large_bodies_part_messages_and_keep_their_order() -> None:
    there = There()
    large = delivery(b"x" * MESSAGE_BYTES)
    there.outbox.send([delivery(b"1"), large, delivery(b"2"), large])
    bodies = [[len(frame.body) for frame in decode(message)] for message in there.socket.written]  # type: ignore[union-attr]  # deliveries all
    assert bodies == [[1, MESSAGE_BYTES], [1, MESSAGE_BYTES]]


def test_nothing_is_written_until_the_listener_reads_again() -> None:
    there = There()
    there.socket.is_writable = False
    there.outbox.send([Heartbeat()])
    there.outbox.send([Heartbeat()])
    assert there.socket.written == []
    there.socket.is_writable = True
    there.outbox.flush()
    assert [len(decode(message)) for message in there.socket.written] == [2]


def test_what_waits_too_long_ends_the_tunnel() -> None:
    there = There()
    there.socket.is_writable = False
    there.outbox.send([Heartbeat()])
    there.now = DEAD_AFTER_S - 1
    there.outbox.send([Heartbeat()])
    there.outbox.check()
    there.now = DEAD_AFTER_S
    with pytest.raises(Gone, match="the listener doesn't read"):
        there.outbox.check()


def test_a_listener_that_reads_at_times_is_not_stuck() -> None:
    there = There()
    for _ in range(3):
        there.socket.is_writable = False
        there.outbox.send([Heartbeat()])
        there.now += DEAD_AFTER_S - 1
        there.outbox.check()
        there.socket.is_writable = True
        there.outbox.flush()
    assert len(there.socket.written) == 3
