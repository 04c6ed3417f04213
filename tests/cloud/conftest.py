import asyncio
import importlib.util
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from .serving import Serve, There, options, serving

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
if importlib.util.find_spec("uvloop"):
    import uvloop

    LOOPS["uvloop"] = uvloop.new_event_loop


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Runs a coroutine function with a cloud that serves, to the end."""

    def run(body: Callable[[There], Awaitable[None]]) -> None:
        async def main() -> None:
            async with serving(options(tmp_path)) as there:
                await body(there)

        asyncio.run(main())

    return run


@pytest.fixture(params=list(LOOPS))
def runner(request: pytest.FixtureRequest) -> asyncio.Runner:
    """Each event loop that a cloud is run on."""
    return asyncio.Runner(loop_factory=LOOPS[request.param])
