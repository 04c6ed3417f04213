"""`Meddling`: does to deliveries what chaos has for them: holds them back, drops them, posts them twice."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cstar_cli.activity import ChaosCounts, ChaosName, Forwarded
from cstar_cli.protocol.frames import Delivery, Result
from cstar_cli.protocol.listener import ListenerProtocol
from cstar_cli.tunnel.chaos import Chaos, Fate, LetGo, Shuffle
from cstar_cli.tunnel.link import Do
from cstar_cli.tunnel.surroundings import Surroundings

if TYPE_CHECKING:
    from cstar_cli.sender.posting import Cancelable, Spawn
    from cstar_cli.tunnel.forwarder import Done, Unanswered

QUIET_S = 1.0
"""After so long without another delivery, those that would be shuffled with it go."""

MOST_REMEMBERED = 10_000
"""Deliveries whose numbers are known when they come again."""

DROPPED = "dropped by --chaos"


class Meddling:
    """Stands between what comes and what is forwarded."""

    def __init__(self, chaos: Chaos, protocol: ListenerProtocol, around: Surroundings, do: Do, spawn: "Spawn") -> None:
        self._chaos = chaos
        self._protocol = protocol
        self._around = around
        self._do = do
        self._spawn = spawn
        self._shuffle = Shuffle(chaos.shuffle)
        self._came = 0
        self._courses: dict[str, _Course] = {}  # of deliveries that haven't succeeded, by their ids
        self._delayed: set[asyncio.Task[None]] = set()
        self._quiet: asyncio.Task[None] | None = None
        self._counted = Counter[str]()  # by the names that `ChaosCounts` has

    def counts(self) -> ChaosCounts:
        """Return what was done so far."""
        return ChaosCounts(**self._counted)

    def end(self) -> None:
        """Let nothing more go."""
        for task in (*self._delayed, self._quiet):
            if task is not None:
                task.cancel()

    def hold_back(self, delivery: Delivery) -> None:
        """Have a delivery that has come wait for its turn, among its neighbours and then by itself."""
        delivery_id = delivery.delivery_id
        known = self._courses.pop(delivery_id, None)
        if known is None:
            self._came += 1
        number = self._came if known is None else known.number
        course = _Course(number, self._chaos.fate(number, delivery.attempt))
        self._courses[delivery_id] = course
        if len(self._courses) > MOST_REMEMBERED:
            del self._courses[next(iter(self._courses))]
        if known is None:
            self._let_go(self._shuffle.take(delivery_id, number, course.fate.rank))
            self._wait_for_more()
        else:  # it comes again at a time of its own, and not among those that it came with at first
            self._let_go([LetGo(delivery_id, False)])

    def forward(self, delivery: Delivery, done: "Done", spawn: "Spawn") -> "Cancelable":
        """Post a delivery as the forwarder does, but not at all, once or twice."""
        course = self._courses.get(delivery.delivery_id)
        if course is None:
            return self.post(delivery, done, spawn)
        if course.fate.drop:
            return asyncio.get_running_loop().call_soon(self._drop, delivery, done)
        return _Posting(delivery, course, done, spawn, self)

    def post(self, delivery: Delivery, done: "Done", spawn: "Spawn") -> "Cancelable":
        """Post a delivery once."""
        return self._around.forward(delivery, done, spawn)

    def succeeded(self, delivery_id: str) -> None:
        """A delivery doesn't come again."""
        self._courses.pop(delivery_id, None)

    async def tell_duplicate(self, result: Result, forwarded: Forwarded) -> None:
        """Say what came of the second post."""
        self._counted["duplicated"] += 1
        self._counted["duplicates_failed"] += not result.succeeded
        self._around.report(replace(forwarded, chaos=("duplicate",)))

    def _let_go(self, these: Sequence[LetGo]) -> None:
        at_once: list[str] = []
        for each in these:
            course = self._courses.get(each.delivery_id)
            if course is None or each.delivery_id not in self._protocol.ledger.held:  # its session has ended
                continue
            course.moved = each.moved
            if course.fate.delay_ms:
                task = self._spawn(self._let_go_later(each, course.fate.delay_ms))
                self._delayed.add(task)
                task.add_done_callback(self._delayed.discard)
            else:
                self._counted["shuffled"] += each.moved
                at_once.append(each.delivery_id)
        if at_once:
            self._do(self._protocol.let_go(at_once, self._around.clock()))

    async def _let_go_later(self, this: LetGo, delay_ms: int) -> None:
        await asyncio.sleep(delay_ms / 1000)
        self._counted["shuffled"] += this.moved
        self._counted["delayed"] += 1
        self._do(self._protocol.let_go([this.delivery_id], self._around.clock()))

    def _wait_for_more(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = self._spawn(self._let_go_when_quiet()) if self._shuffle.holds else None

    async def _let_go_when_quiet(self) -> None:
        await asyncio.sleep(QUIET_S)
        self._quiet = None
        self._let_go(self._shuffle.let_go())

    def _drop(self, delivery: Delivery, done: "Done") -> None:
        self._counted["dropped"] += 1
        app, now_ms = self._around.app, self._around.now_ms()
        shown = Forwarded(
            time_ms=now_ms,
            event_id=delivery.event_id,
            event_type=delivery.event_type,
            delivery_id=delivery.delivery_id,
            attempt=delivery.attempt,
            url="" if app is None else app.url,
            status=None,
            duration_ms=0.0,
            outcome="failed",
            error=DROPPED,
            response_body=b"",
            chaos=("drop",),
        )
        done(Result(delivery.delivery_id, delivery.attempt, False, None, DROPPED, now_ms, 0.0), shown, None)


class _Course:
    """A delivery's way through: its number, what becomes of its attempt, whether another has overtaken it."""

    def __init__(self, number: int, fate: Fate) -> None:
        self.number = number
        self.fate = fate
        self.moved = False

    def marked(self, forwarded: Forwarded) -> Forwarded:
        """Return it with what was done to it before it was posted."""
        did: list[ChaosName] = []
        if self.moved:
            did.append("shuffle")
        if self.fate.delay_ms:
            did.append("delay")
        return replace(forwarded, chaos=tuple(did), delay_ms=self.fate.delay_ms) if did else forwarded


class _Posting:
    """A delivery's post, and the one after it where that has succeeded and is to be posted twice.

    The cloud hears of the first, and when the second is over: until then the delivery has its slot.
    """

    def __init__(self, delivery: Delivery, course: _Course, done: "Done", spawn: "Spawn", meddling: Meddling) -> None:
        self._delivery = delivery
        self._course = course
        self._done = done
        self._spawn = spawn
        self._meddling = meddling
        self._first: tuple[Result, Forwarded] | None = None
        self._under_way = meddling.post(delivery, self._posted, spawn)

    def cancel(self) -> None:
        """Give up; what came of the first post is told, if that is over."""
        self._under_way.cancel()
        self._tell_first()

    def _posted(self, result: Result, forwarded: Forwarded, unanswered: "Unanswered | None") -> None:
        shown = self._course.marked(forwarded)
        if not result.succeeded:
            self._done(result, shown, unanswered)
            return
        self._meddling.succeeded(result.delivery_id)
        self._first = result, shown
        if self._course.fate.duplicate:
            self._under_way = self._meddling.post(self._delivery, self._posted_again, self._spawn)
        else:
            self._tell_first()

    def _posted_again(self, result: Result, forwarded: Forwarded, _: "Unanswered | None") -> None:
        self._tell_first()
        # In a task, which ends the listener where it fails: this may be a socket's callback.
        self._spawn(self._meddling.tell_duplicate(result, forwarded))

    def _tell_first(self) -> None:
        first, self._first = self._first, None
        if first is not None:
            self._done(*first, None)
