import asyncio
import gc
import importlib.util
from collections.abc import Iterator

import pytest

from cstar_cli.sender.parse_h11 import H11Reader

from .receivers import BeginningSender, Setup

SETUPS = {"h11-asyncio": Setup(H11Reader, asyncio.new_event_loop)}
if importlib.util.find_spec("httptools"):
    from cstar_cli.sender.parse_httptools import HttptoolsReader

    SETUPS["begun-asyncio"] = Setup(HttptoolsReader, asyncio.new_event_loop, BeginningSender)
    SETUPS["httptools-asyncio"] = Setup(HttptoolsReader, asyncio.new_event_loop)
    if importlib.util.find_spec("uvloop"):
        import uvloop

        SETUPS["httptools-uvloop"] = Setup(HttptoolsReader, uvloop.new_event_loop)
        SETUPS["begun-uvloop"] = Setup(HttptoolsReader, uvloop.new_event_loop, BeginningSender)


@pytest.fixture(params=list(SETUPS))
def setup(request: pytest.FixtureRequest) -> Iterator[Setup]:
    """Each parser, on each event loop that it is used with; a socket left open is an error."""
    yield SETUPS[request.param]
    gc.collect()
