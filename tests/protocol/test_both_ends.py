"""Both machines over a link that is cut at any moment, with all that may happen at its ends.

The cloud restarts, a session expires, the application goes and comes back. What fails comes again, as the delivery's
next attempt, up to `MOST_ATTEMPTS` of them.
"""

import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from cstar_cli.protocol.commands import (
    Accepted,
    Concluded,
    Forward,
    HangUp,
    ListenerCommand,
    Open,
    Refill,
    RelayCommand,
    Send,
)
from cstar_cli.protocol.commands import Settle as SettleCommand
from cstar_cli.protocol.frames import (
    DEAD_AFTER_S,
    HEARTBEAT_S,
    Delivery,
    Frame,
    Heartbeat,
    Hello,
    Result,
    Welcome,
    decode,
    encode,
)
from cstar_cli.protocol.listener import QUEUED_BEYOND_SLOTS, ListenerProtocol
from cstar_cli.protocol.relay import LEASE_S, RelayProtocol

CONCURRENCY = 3
PUSH_AT_MOST = 4
MOST_ATTEMPTS = 3


@dataclass
class Store:
    """What outlives connections: the deliveries of each session in commit order, and what has come of them.

    `tried` counts the attempts of each; those in `again` have failed and wait for their next one.
    """

    sessions: list[str] = field(default_factory=list)
    open: str | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    target: dict[str, str] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    tried: Counter[str] = field(default_factory=Counter)
    again: set[str] = field(default_factory=set)

    def new_session(self) -> str:
        self.open = f"ses_{len(self.sessions)}"
        self.sessions.append(self.open)
        return self.open

    def append(self, size: int) -> None:
        if self.open:
            number = len(self.deliveries)
            self.deliveries.append(Delivery(f"dlv_{number:04}", f"evt_{number}", "a.b", 1, body=b"\n" * size))
            self.target[f"dlv_{number:04}"] = self.open

    def pending(self) -> list[Delivery]:
        """All that has no outcome yet, as its next attempt."""
        return [
            replace(delivery, attempt=self.tried[delivery.delivery_id] + 1)
            for delivery in self.deliveries
            if self.target[delivery.delivery_id] == self.open and delivery.delivery_id not in self.settled
        ]

    def due(self) -> list[Delivery]:
        return [delivery for delivery in self.pending() if delivery.delivery_id not in self.again]

    def settle(self, results: Iterable[Result]) -> Mapping[str, int | None]:
        """As the real store: what belongs to another session is left out, what is known already is recognised."""
        told: dict[str, int | None] = {}
        for result in results:
            id_ = result.delivery_id
            if self.target.get(id_) != self.open:
                continue
            if id_ not in self.settled and result.attempt == self.tried[id_] + 1:
                self.tried[id_] += 1
                self.again.discard(id_)
                if result.succeeded or result.attempt == MOST_ATTEMPTS:
                    self.settled.add(id_)
                else:
                    self.again.add(id_)
            told[id_] = None if id_ in self.settled else 1
        return told

    def expire(self) -> None:
        self.settled.update(delivery.delivery_id for delivery in self.pending())
        self.again.clear()
        self.open = None


@dataclass
class Link:
    """One connection, with the messages that are under way."""

    up: deque[bytes] = field(default_factory=deque)
    down: deque[bytes] = field(default_factory=deque)


class Tunnel(RuleBasedStateMachine):
    def __init__(self, concurrency: int = CONCURRENCY) -> None:
        super().__init__()
        self.now = 0.0
        self.store = Store()
        hello = Hello("u", ("*",), concurrency + QUEUED_BEYOND_SLOTS, retry_speed=60.0)
        self.listener = ListenerProtocol(hello, concurrency=concurrency)
        self.relay = RelayProtocol(self.now)
        self.link: Link | None = None
        self.welcomed = False
        self.results: list[Result] = []
        self.running: list[Delivery] = []
        self.started: list[tuple[str, int]] = []
        self.refused: set[str] = set()
        self.stood_still = False

    # what happens

    @rule(size=st.integers(0, 3))
    def an_event_is_stored(self, size: int) -> None:
        self.store.append(size)
        self.push()

    @precondition(lambda self: self.link is None)
    @rule()
    def the_listener_connects(self) -> None:
        self.link = Link()
        self.relay = RelayProtocol(self.now)
        self.obey(self.listener.connected(self.now))

    @precondition(lambda self: self.link is not None)
    @rule()
    def the_link_is_cut_or_the_cloud_restarts(self) -> None:
        self.link = None
        self.results = []
        self.listener.lost(self.now)

    @precondition(lambda self: self.results)
    @rule()
    def results_become_durable_and_nobody_hears_of_it(self) -> None:
        self.store.settle(self.results)
        self.the_link_is_cut_or_the_cloud_restarts()

    @precondition(lambda self: self.link is None and self.store.open)
    @rule()
    def the_session_expires(self) -> None:
        self.store.expire()

    @precondition(lambda self: self.store.again)
    @rule(data=st.data())
    def the_time_of_a_retry_comes(self, data: st.DataObject) -> None:
        self.store.again.discard(data.draw(st.sampled_from(sorted(self.store.again))))
        self.push()

    @precondition(lambda self: self.link and self.link.up)
    @rule()
    def the_cloud_gets_a_message(self) -> None:
        assert self.link
        self.serve(self.relay.received(decode(self.link.up.popleft()), self.now))

    @precondition(lambda self: self.link and self.link.down)
    @rule()
    def the_listener_gets_a_message(self) -> None:
        assert self.link
        self.obey(self.listener.received(decode(self.link.down.popleft()), self.now))

    @precondition(lambda self: self.results)
    @rule()
    def results_become_durable(self) -> None:
        results, self.results = self.results, []
        settled = self.store.settle(results)
        told = [r.delivery_id for r in results if not self.relay.has_later(r.delivery_id, r.attempt)]
        told = [id_ for id_ in dict.fromkeys(told) if id_ in settled]
        retries = {id_: at_ms for id_ in told if (at_ms := settled[id_]) is not None}
        self.serve(self.relay.settled(told, self.now, retries))
        self.push()

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def a_forward_finishes(self, data: st.DataObject) -> None:
        delivery = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        succeeded = data.draw(st.booleans())
        result = Result(delivery.delivery_id, delivery.attempt, succeeded, 200, None, 1, 1.0, body=delivery.body)
        self.obey(self.listener.finished(result, self.now))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def the_application_is_away_and_refuses_one(self, data: st.DataObject) -> None:
        delivery = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        self.started.remove((delivery.delivery_id, delivery.attempt))  # nothing of it came through
        self.refused.add(delivery.delivery_id)
        self.listener.hold()
        self.listener.put_back(delivery.delivery_id)

    @rule()
    def the_application_answers(self) -> None:
        before = len(self.started)
        self.obey(self.listener.release(self.now))
        first = [id_ for id_, attempt in self.started[before:] if attempt == 1]
        assert first == sorted(first)

    @rule(seconds=st.sampled_from([1.0, 3.0, 8.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.obey(self.listener.tick(self.now))
        if self.link:
            self.serve(self.relay.tick(self.now))

    @precondition(lambda self: self.link is not None)
    @rule()
    def the_listener_stands_still(self) -> None:
        self.now += DEAD_AFTER_S + 1
        self.stood_still = True

    @precondition(lambda self: self.link is not None and self.welcomed)
    @rule()
    def leases_run_out_while_both_are_heard(self) -> None:
        for _ in range(math.ceil(LEASE_S / HEARTBEAT_S)):
            self.now += HEARTBEAT_S
            self.serve(self.relay.received([Heartbeat()], self.now))
            self.obey(self.listener.received([Heartbeat()], self.now))
            if self.link:
                self.serve(self.relay.tick(self.now))

    # what must hold

    @invariant()
    def no_more_than_the_slots_run(self) -> None:
        assert len(self.running) == len(self.listener.ledger.running) <= CONCURRENCY

    @invariant()
    def nothing_is_forwarded_twice(self) -> None:
        assert len(set(self.started)) == len(self.started)

    @invariant()
    def first_attempts_start_in_commit_order(self) -> None:
        first = [id_ for id_, attempt in self.started if attempt == 1 and id_ not in self.refused]
        assert first == sorted(first)

    @invariant()
    def attempts_follow_each_other(self) -> None:
        place = {attempt: place for place, attempt in enumerate(self.started)}
        assert all(n == 1 or place[id_, n - 1] < place[id_, n] for id_, n in self.started)

    @invariant()
    def nothing_is_settled_before_it_is_forwarded(self) -> None:
        ours = {delivery_id for delivery_id, target in self.store.target.items() if target == self.store.open}
        assert self.store.settled & ours <= {delivery_id for delivery_id, _ in self.started}
        assert all((id_, tried) in self.started for id_, tried in self.store.tried.items() if tried)

    @invariant()
    def no_more_wait_for_a_retry_than_have_failed(self) -> None:
        assert len(self.listener.ledger.failed) <= sum(1 for tried in self.store.tried.values() if tried)

    def teardown(self) -> None:
        """Once the trouble is over, everything is forwarded and settled."""
        self.the_application_answers()
        if self.link is None:
            self.the_listener_connects()
        while self.settle_down():
            pass
        assert self.store.open
        assert self.store.pending() == []
        ledger = self.listener.ledger
        assert (len(ledger.running), len(ledger.unsettled), len(ledger.failed)) == (0, 0, 0)
        ours = [d.delivery_id for d in self.store.deliveries if self.store.target[d.delivery_id] == self.store.open]
        assert set(ours) <= {delivery_id for delivery_id, _ in self.started}
        assert self.relay.room == CONCURRENCY + QUEUED_BEYOND_SLOTS

    def settle_down(self, *, but_for_running: bool = False) -> bool:
        """Carry one thing on; False when all is quiet."""
        if self.link is None:
            self.the_listener_connects()
        elif self.link.up:
            self.the_cloud_gets_a_message()
        elif self.link.down:
            self.the_listener_gets_a_message()
        elif self.results:
            self.results_become_durable()
        elif self.running and not but_for_running:
            delivery = self.running.pop()
            result = Result(delivery.delivery_id, delivery.attempt, True, 200, None, 1, 1.0)
            self.obey(self.listener.finished(result, self.now))
        elif self.store.again:
            self.store.again.clear()
            self.push()
        else:
            return False
        return True

    # what the owners of the machines do

    def obey(self, commands: Sequence[ListenerCommand]) -> None:
        frames: list[Frame] = []
        for command in commands:
            match command:
                case Send(frame):
                    frames.append(frame)
                case Forward(delivery):
                    assert not self.stood_still, "the session may have ended"
                    self.running.append(delivery)
                    self.started.append((delivery.delivery_id, delivery.attempt))
                case HangUp():
                    return self.the_link_is_cut_or_the_cloud_restarts()
                case Accepted():
                    self.stood_still = False
                case Concluded():
                    pass
        if frames and self.link:
            self.link.up.append(encode(frames))

    def serve(self, commands: Sequence[RelayCommand]) -> None:
        frames: list[Frame] = []
        for command in commands:
            match command:
                case Send(frame):
                    frames.append(frame)
                case Open(hello):
                    self.welcome(hello)
                case SettleCommand(result):
                    self.results.append(result)
                case Refill():
                    self.push()
                case _:
                    assert isinstance(command, HangUp)
                    return self.the_link_is_cut_or_the_cloud_restarts()
        if frames and self.link:
            self.link.down.append(encode(frames))

    def welcome(self, hello: Hello) -> None:
        resumed = hello.session_id is not None and hello.session_id == self.store.open
        session_id = self.store.open if resumed else self.store.new_session()
        assert session_id
        pending = {delivery.delivery_id for delivery in self.store.pending()}
        holding = [id_ for id_ in hello.holding if id_ in pending] if resumed else []
        waiting = len(pending.difference(holding))
        self.serve(self.relay.accepted(Welcome(session_id, resumed, waiting), holding, self.now))
        self.welcomed = True
        self.push()

    def push(self) -> None:
        """As the relay does: what is due and not held, in commit order, as far as there is room."""
        while self.link and self.welcomed and (room := self.relay.room):
            due = [d for d in self.store.due() if d.delivery_id not in self.relay.held]
            due = due[: min(room, PUSH_AT_MOST)]
            if not due:
                return
            self.serve(self.relay.push(due, self.now))


def test_a_delivery_may_run_for_an_hour_and_others_wait_behind_it() -> None:
    tunnel = Tunnel(concurrency=1)
    tunnel.the_listener_connects()
    while tunnel.settle_down(but_for_running=True):
        pass
    for _ in range(1 + QUEUED_BEYOND_SLOTS):
        tunnel.an_event_is_stored(3)
    pushes = 0
    for _ in range(3600):
        tunnel.time_passes(1.0)
        assert tunnel.link
        pushes += b'"type":"event"' in b"".join(tunnel.link.down)
        while tunnel.settle_down(but_for_running=True):
            pass
        assert tunnel.link
    assert tunnel.started == [("dlv_0000", 1)]
    assert 59 <= pushes <= 61  # as their leases end, and not more often
    while tunnel.settle_down():
        pass
    assert tunnel.store.pending() == []
    assert tunnel.started == [(delivery.delivery_id, 1) for delivery in tunnel.store.deliveries]


Tunnel.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestTunnel = Tunnel.TestCase
