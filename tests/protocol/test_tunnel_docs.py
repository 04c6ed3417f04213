"""`docs/tunnel.md` shows frames as they are on the wire."""

import re
from pathlib import Path

import pytest

from cstar_cli.protocol import frames
from cstar_cli.protocol.frames import Frame, decode, encode

PAGE = (Path(__file__).parents[2] / "docs" / "tunnel.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example)[:24])
def test_each_example_is_exactly_what_we_send(example: str) -> None:
    assert encode(decode(example.encode())) == example.encode()


def test_every_frame_has_its_example() -> None:
    shown = {type(frame) for example in EXAMPLES for frame in decode(example.encode())}
    assert shown == set(Frame.__args__)


@pytest.mark.parametrize(
    "fact",
    [
        frames.SUBPROTOCOL,
        f"{frames.HEARTBEAT_S:.0f} seconds",
        f"{frames.DEAD_AFTER_S:.0f} seconds",
        f"{frames.MAX_MESSAGE_BYTES // 2**20} MiB",
    ],
)
def test_the_page_has_the_constants_of_the_code(fact: str) -> None:
    assert fact in PAGE
