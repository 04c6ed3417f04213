"""A store that can be away, and counts what is asked of it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import cast

from cstar_cli.cloud.store.interface import Store, StoreUnavailable


class Flaky:
    """While it is `away`, whatever is asked of it fails and nothing happens; it answers when it `may_answer`."""

    def __init__(self, store: Store) -> None:
        self.away = False
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.calls: Counter[str] = Counter()
        self.as_store = cast(Store, _Facet(store, self._asked, self.may_answer))

    def _asked(self, name: str) -> bool:
        self.calls[name] += 1
        self.was_asked.set()
        return self.away


class _Facet:
    def __init__(self, real: object, away: Callable[[str], bool], may_answer: asyncio.Event) -> None:
        self._real = real
        self._away = away
        self._may_answer = may_answer

    def __getattr__(self, name: str) -> object:
        real = getattr(self._real, name)
        if name == "wakeups":
            return real
        if name in ("webhooks", "queue", "accounts"):
            return _Facet(real, self._away, self._may_answer)
        method = cast(Callable[..., Awaitable[object]], real)

        async def ask(*args: object, **kwargs: object) -> object:
            if self._away(name):
                raise StoreUnavailable("The database can't be written: disk is full.")
            answer = await method(*args, **kwargs)
            await self._may_answer.wait()
            return answer

        return ask
