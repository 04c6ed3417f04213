"""What is sent is what the other side's parser reads."""

from collections.abc import Callable

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, SERVER, Protocol, Side, State

from cstar_cli.framing import framed, masked


@pytest.mark.parametrize(("sent_as", "reader"), [(masked, SERVER), (framed, CLIENT)])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_message_is_read_as_it_was(size: int, sent_as: Callable[[bytes], bytes], reader: Side) -> None:
    message = bytes(number % 251 for number in range(size))
    other = Protocol(reader, state=State.OPEN)
    other.receive_data(sent_as(message) + sent_as(b"the next"))
    read = [(each.opcode, each.fin, bytes(each.data)) for each in other.events_received() if isinstance(each, Frame)]
    assert read == [(Opcode.BINARY, True, message), (Opcode.BINARY, True, b"the next")]


def test_each_message_has_a_mask_of_its_own() -> None:
    assert len({masked(b"the same")[2:6] for _ in range(100)}) > 90
