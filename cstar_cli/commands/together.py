"""Several listeners as one: a session for each route, and one cloud for all of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from msgspec.structs import astuple, replace

from cstar_cli.activity import ChaosCounts, Summary
from cstar_cli.commands.account import Account, Routed
from cstar_cli.commands.listening import Listening, Output, new_process, real_listener
from cstar_cli.tunnel.connection import CloudAddress, Unreachable

StartCloud = Callable[[bool], AbstractAsyncContextManager[object]]


@asynccontextmanager
async def real_listeners(
    routes: Sequence[Routed], address: CloudAddress, output: Output, start_cloud: StartCloud | None
) -> AsyncIterator["Together"]:
    """Yield a listener for all routes that is ready to `run`."""
    account = Account(routes, output.report)
    cloud = None if start_cloud is None else SharedCloud(start_cloud)
    start = None if cloud is None else cloud.start
    process = new_process()
    async with AsyncExitStack() as stack:
        listeners: list[Listening] = []
        for number, route in enumerate(routes):
            own = replace(output, report=account.of(number), route=route.name)
            listener = real_listener(route.options, address, own, start, process)
            listeners.append(await stack.enter_async_context(listener))
        try:
            yield Together(listeners, cloud)
        finally:
            account.tell_early()


class Together:
    """Runs, stops and sums up several listeners."""

    def __init__(self, listeners: Sequence[Listening], cloud: "SharedCloud | None") -> None:
        self._listeners = listeners
        self._cloud = cloud

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return any(listener.stopping for listener in self._listeners)

    def stop(self) -> None:
        """Have all finish what is in flight; a second call ends at once."""
        for listener in self._listeners:
            listener.stop()

    async def run(self) -> Summary:
        """Listen until stopped. What ends one of them ends all, as in `Listener.run`."""
        async with AsyncExitStack() as stack:
            if self._cloud is not None:
                await stack.enter_async_context(self._cloud)  # it ends when all have said goodbye to it
            async with asyncio.TaskGroup() as group:
                running = [group.create_task(listener.run()) for listener in self._listeners]
        each = [task.result() for task in running]
        return Summary(
            forwarded=sum(summary.forwarded for summary in each),
            succeeded=sum(summary.succeeded for summary in each),
            failed=sum(summary.failed for summary in each),
            unfinished=sum(summary.unfinished for summary in each),
            waiting=sum(summary.waiting for summary in each),
            held=sum(summary.held for summary in each),
            held_more=any(summary.held_more for summary in each),
            retried=sum(summary.retried for summary in each),
            held_since_ms=min(filter(None, (summary.held_since_ms for summary in each)), default=None),
            chaos=_chaos_of(each),
        )


def _chaos_of(each: Sequence[Summary]) -> ChaosCounts | None:
    counts = [astuple(summary.chaos) for summary in each if summary.chaos is not None]
    return ChaosCounts(*map(sum, zip(*counts, strict=True))) if counts else None


class SharedCloud:
    """The cloud that whichever listener first finds none starts, in a task of its own, for all of them."""

    def __init__(self, start_cloud: StartCloud) -> None:
        self._start_cloud = start_cloud
        self._group = asyncio.TaskGroup()
        self._started: asyncio.Future[None] | None = None
        self._over = asyncio.Event()

    async def __aenter__(self) -> None:
        await self._group.__aenter__()

    async def __aexit__(self, *failure: object) -> None:
        self._over.set()
        await self._group.__aexit__(*failure)  # type: ignore[arg-type]  # what we are given it takes

    @asynccontextmanager
    async def start(self, take_over: bool) -> AsyncIterator[None]:
        """Start the cloud, or wait for whoever is about to; it outlives the `async with`.

        Raises Unreachable when another process was first, or it runs already: dial again, after a while.
        """
        if self._started is None:
            self._started = asyncio.get_running_loop().create_future()
            self._group.create_task(self._run(take_over, self._started))
        elif self._started.done():
            raise Unreachable("the cloud inside this process does not answer")
        await asyncio.shield(self._started)
        yield

    async def _run(self, take_over: bool, started: asyncio.Future[None]) -> None:
        try:
            async with self._start_cloud(take_over):
                started.set_result(None)
                await self._over.wait()
        except Exception as error:
            if started.done():
                raise
            self._started = None
            started.set_exception(error)
