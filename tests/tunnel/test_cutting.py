"""Frames are cut where they end, however they come."""

import pytest
from websockets.frames import Frame, Opcode

from cstar_cli.tunnel.cutting import Cutter

SIZES = (0, 1, 125, 126, 127, 65535, 65536)


def framed(payload: bytes, opcode: Opcode = Opcode.BINARY, *, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=False)


@pytest.mark.parametrize("size", SIZES)
def test_a_whole_binary_message_is_told_with_the_length_of_its_head(size: int) -> None:
    payload = b"x" * size
    [(frame, head_bytes)] = Cutter().cut(framed(payload))
    assert head_bytes
    assert frame[head_bytes:] == payload


def test_messages_that_come_together_are_cut_apart() -> None:
    payloads = [b"x" * size for size in SIZES]
    parts = Cutter().cut(b"".join(map(framed, payloads)))
    assert [frame[head_bytes:] for frame, head_bytes in parts] == payloads


@pytest.mark.parametrize(
    "frame",
    [
        framed(b"ping", Opcode.PING),
        framed(b"\x03\xe8bye", Opcode.CLOSE),
        framed(b"text", Opcode.TEXT),
        framed(b"a part", fin=False),
        framed(b"the last part", Opcode.CONT),
        b"\x82\x86\0\0\0\0masked",
        b"\xc2" + framed(b"an extension's")[1:],
    ],
    ids=["ping", "close", "text", "first part", "last part", "masked", "extension"],
)
def test_all_else_is_for_a_parser(frame: bytes) -> None:
    assert next(Cutter().cut(frame))[1] == 0


@pytest.mark.parametrize("step", [1, 2, 3, 7, 100])
def test_what_comes_in_pieces_is_passed_on_in_order_and_none_is_taken_for_whole(step: int) -> None:
    stream = b"".join(framed(b"x" * size) for size in (0, 125, 126, 300)) + framed(b"p", Opcode.PING)
    cutter = Cutter()
    parts = [part for at in range(0, len(stream), step) for part in cutter.cut(stream[at : at + step])]
    assert b"".join(frame for frame, _ in parts) == stream
    for frame, head_bytes in parts:
        assert not head_bytes or frame == framed(frame[head_bytes:])


def test_after_a_frame_in_pieces_the_next_is_whole_again() -> None:
    cutter, stream = Cutter(), framed(b"x" * 1000) + framed(b"next")
    assert [head_bytes for _, head_bytes in cutter.cut(stream[:500])] == [0]
    assert [(frame[head_bytes:] if head_bytes else None) for frame, head_bytes in cutter.cut(stream[500:])] == [
        None,
        b"next",
    ]
