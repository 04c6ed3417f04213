"""Who is woken when something is committed."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable

WEBHOOKS = "webhooks"  # the topic of deliveries to webhooks: something may be due
ANNOUNCEMENTS = "announcements"  # the topic of what is to be told to sessions

Wake = Callable[[], None]


class Wakeups:
    """Topics that listeners wait on; a topic is a session's id, `attempts_of(team)`, `WEBHOOKS`, or `ANNOUNCEMENTS`.

    A wake-up says "look again", never what has changed: the store is what is read.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, set[Wake]] = defaultdict(set)

    @property
    def waiting(self) -> int:
        """How many have joined, over all topics."""
        return sum(map(len, self._waiting.values()))

    @property
    def topics(self) -> Collection[str]:
        """What is waited on."""
        return tuple(self._waiting)

    def join(self, topic: str) -> asyncio.Event:
        """Return an event that is set at each wake-up of the topic, until it leaves; it starts set."""
        event = asyncio.Event()
        event.set()
        self.call(topic, event.set)
        return event

    def leave(self, topic: str, event: asyncio.Event) -> None:
        self.call_no_more(topic, event.set)

    def call(self, topic: str, wake: Wake) -> None:
        """Have `wake` called at each wake-up of the topic."""
        self._waiting[topic].add(wake)

    def call_no_more(self, topic: str, wake: Wake) -> None:
        self._waiting[topic].discard(wake)
        if not self._waiting[topic]:
            del self._waiting[topic]

    def wake(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for wake in tuple(self._waiting.get(topic, ())):
                wake()

    def wake_all(self) -> None:
        """Wake everyone, whatever they wait on."""
        self.wake(tuple(self._waiting))


def attempts_of(team_id: str) -> str:
    """The topic of a team's attempts."""
    return f"attempts:{team_id}"
