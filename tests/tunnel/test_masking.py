"""What a client sends is what the other side's parser reads."""

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol, State

from cstar_cli.tunnel.masking import masked


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_a_message_is_read_as_it_was(size: int) -> None:
    message = bytes(number % 251 for number in range(size))
    server = Protocol(SERVER, state=State.OPEN)
    server.receive_data(masked(message))
    [frame] = server.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.BINARY, True, message)


def test_each_message_has_a_mask_of_its_own() -> None:
    assert len({masked(b"the same")[2:6] for _ in range(100)}) > 90
