"""The listener's ledger: which deliveries it holds, and how far each has come.

A delivery is *queued* until one of `concurrency` slots is free, *running* while it is forwarded, *unsettled* until the
cloud says that the result is durable. What is *set aside* waits before it is queued until it is let go, in whichever
order that is. All four are held, and a repeat of any is recognised by its delivery id and never forwarded again.

What has failed may come again as the delivery's next attempt. It isn't held meanwhile, and is taken like any other.

When the session has ended, all that is held is void: what runs may finish, its result is nobody's any more.

Memory is bounded whatever the cloud pushes: what comes beyond `MOST_HELD` is left to be pushed again.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from cstar_cli.protocol.frames import Delivery, Result

MOST_HELD = 4096  # far more than a cloud that keeps to the window pushes


class Ledger:
    """Deliveries by their state. Others read what is in each, and move nothing but by the methods."""

    def __init__(self, *, concurrency: int, most: int | None, sets_aside: bool) -> None:
        """At most `most` deliveries are started, where it is given, each until it isn't tried again."""
        self.held: dict[str, None] = {}  # the ids of the next four in the order of arrival, without the void
        self.aside: dict[str, Delivery] = {}
        self.queued: deque[Delivery] = deque()
        self.running: dict[str, Delivery] = {}
        self.unsettled: dict[str, Result] = {}
        self.failed: set[str] = set()  # those that wait for their next attempt, elsewhere
        self.given_up: list[Delivery] = []  # were queued, and never will be started, since it was closed
        self.sets_aside = sets_aside
        self.is_limited = most is not None
        self._slots = concurrency if most is None else min(concurrency, most)
        self._left = most
        self._begun: set[str] = set()  # those of `most` that aren't at their end
        self._void: set[str] = set()  # those that run for a session which has ended
        self._is_closed = False

    def take(self, delivery: Delivery) -> bool:
        """Queue what has come, or set it aside; return whether it is new and has room."""
        delivery_id = delivery.delivery_id
        if delivery_id in self.held or self._is_closed or len(self.held) >= MOST_HELD:
            return False
        self.held[delivery_id] = None
        self.failed.discard(delivery_id)
        if self.sets_aside:
            self.aside[delivery_id] = delivery
        else:
            self.queued.append(delivery)
        return True

    def let_go(self, delivery_ids: Iterable[str]) -> None:
        """Queue those of these that are set aside still, as if they came now."""
        for delivery_id in delivery_ids:
            delivery = self.aside.pop(delivery_id, None)
            if delivery is not None:
                self.held[delivery_id] = self.held.pop(delivery_id)
                self.queued.append(delivery)

    def start(self) -> Sequence[Delivery]:
        """Return those whose turn it is, as many as there are slots: they run now."""
        started: list[Delivery] = []
        while self.queued and len(self.running) < self._slots:
            delivery = self.queued.popleft() if self._left is None else self._next_of(self._left)
            if delivery is None:
                break
            self.running[delivery.delivery_id] = delivery
            started.append(delivery)
        return started

    def put_back(self, delivery_id: str) -> None:
        """Queue again what was started: its turn has not come yet."""
        delivery = self.running.pop(delivery_id)
        is_void = delivery_id in self._void
        if is_void or delivery.attempt == 1:
            self._begun.discard(delivery_id)
        if is_void:
            self._void.discard(delivery_id)
        elif self._is_closed:
            del self.held[delivery_id]
            self._give_up(delivery)
        else:
            self.queued.append(delivery)

    def sort(self) -> None:
        """Have the first to arrive queue first."""
        place = {delivery_id: number for number, delivery_id in enumerate(self.held)}
        self.queued = deque(sorted(self.queued, key=lambda delivery: place[delivery.delivery_id]))

    def finish(self, result: Result) -> bool:
        """Keep the result of what ran; return False where it is void."""
        delivery_id = result.delivery_id
        self.running.pop(delivery_id, None)
        if delivery_id in self._void:
            self._void.discard(delivery_id)
            return False
        self.unsettled[delivery_id] = result
        return True

    def settle(self, delivery_ids: Iterable[str]) -> Sequence[Result]:
        """Forget results and return them; what has none yet isn't meant, but an attempt before it."""
        settled: list[Result] = []
        for delivery_id in delivery_ids:
            result = self.unsettled.pop(delivery_id, None)
            if result is not None:
                self.held.pop(delivery_id, None)
                settled.append(result)
        return settled

    def await_retry(self, delivery_id: str) -> None:
        """What has failed and is settled comes again."""
        self.failed.add(delivery_id)

    def conclude(self, delivery_id: str) -> bool:
        """Count a delivery that isn't tried again; return whether it was the last of `most`."""
        if self._left is None:
            return False
        self._begun.discard(delivery_id)
        self._left -= 1
        self._slots = min(self._slots, self._left)
        return not self._left

    def void(self) -> None:
        """The session has ended: forget what is held; what runs for it may finish."""
        self._drop_waiting()
        self.unsettled.clear()
        self._void |= self.running.keys()
        self.held.clear()
        self.failed.clear()
        self._begun &= self.running.keys()

    def close(self) -> None:
        """Take nothing more, and give up what waits for its turn."""
        self._is_closed = True
        for delivery in (*self.queued, *self.aside.values()):
            self._give_up(delivery)
        self._drop_waiting()

    def _next_of(self, left: int) -> Delivery | None:
        """Take the first that may be started: where `most` are begun, these alone, which come again."""
        for place, delivery in enumerate(self.queued):
            if delivery.delivery_id in self._begun or len(self._begun) < left:
                del self.queued[place]
                self._begun.add(delivery.delivery_id)
                return delivery
        return None

    def _give_up(self, delivery: Delivery) -> None:
        if delivery.attempt == 1:
            self.given_up.append(delivery)
        else:
            self.failed.add(delivery.delivery_id)

    def _drop_waiting(self) -> None:
        for delivery in (*self.queued, *self.aside.values()):
            del self.held[delivery.delivery_id]
        self.queued.clear()
        self.aside.clear()
