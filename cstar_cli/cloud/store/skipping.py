"""A session's backlog is ended in batches that hold nobody up."""

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from cstar_cli.cloud.store.records import Backlog

SKIPPED_AT_ONCE = 500


async def skip(waiting: Backlog, skip_some: Callable[[int], Awaitable[int]]) -> Backlog:
    """End what waited, by what ends at most so many at once and returns how many; tell of those that were ended."""
    skipped = 0
    while skipped < waiting.count:
        some = await skip_some(min(SKIPPED_AT_ONCE, waiting.count - skipped))
        if not some:
            break
        skipped += some
    return replace(waiting, count=skipped)
