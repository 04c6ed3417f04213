"""What each driver promises; one suite of tests holds them all to it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from cstar_cli.cloud.store.accounts import Allowance, ApiKey, Begun, StoredAnswer
from cstar_cli.cloud.store.meeting import Announcement
from cstar_cli.cloud.store.queries import AttemptQuery, DeliveryQuery, DueQuery, Page
from cstar_cli.cloud.store.records import (
    Arrival,
    Attempt,
    AttemptOutcome,
    Backlog,
    Delivery,
    Due,
    Exchange,
    ListedEvent,
    OpenSession,
    Session,
    Settled,
    Traits,
    WaitsMs,
)
from cstar_cli.cloud.store.wakeups import Wakeups
from cstar_cli.cloud.store.webhooks import (
    Claimed,
    NewWebhook,
    QueueStats,
    Settlement,
    Webhook,
    WebhookChange,
)
from cstar_cli.errors import CstarError, UsageError
from cstar_cli.events.envelope import Event
from cstar_cli.events.filters import EventFilter

NO_RETRIES: WaitsMs = {}
NO_TRAITS = Traits()


class StoreUnavailable(CstarError):
    """The store can't write or read now (a full disk, say): nothing of what was asked has happened."""


class MalformedCursor(UsageError):
    """What was given as a cursor is none of this store's."""


class Conflict(CstarError):
    """What was asked doesn't go with how things are now; the message says why."""


class Unknown(Conflict):
    """What was asked names something that the team doesn't have."""


class SessionMoved(CstarError):
    """The session has ended, or goes on over another connection."""


class Webhooks(Protocol):
    """Registered URLs. What isn't the team's doesn't exist for it."""

    async def create(self, team_id: str, webhook: NewWebhook) -> Webhook:
        """Register it; one that has its id already is returned as it is."""
        ...

    async def get(self, team_id: str, webhook_id: str) -> Webhook | None: ...

    async def list(self, team_id: str, page: Page) -> Sequence[Webhook]:
        """Return one page, newest first, and one more when there is a next page."""
        ...

    async def change(self, team_id: str, webhook_id: str, change: WebhookChange) -> Webhook | None:
        """Change it. Enabling it forgets why it was disabled and since when it fails."""
        ...

    async def rotate(self, team_id: str, webhook_id: str, secret: str, overlap_ms: int) -> Webhook | None:
        """Give it a new secret, unless it has that already; the one so far stays valid for the overlap."""
        ...

    async def delete(self, team_id: str, webhook_id: str) -> bool: ...


class Queue(Protocol):
    """Deliveries to webhooks: claimed by a node, posted, settled. Due times and leases are by the store's clock."""

    async def claim(
        self, busy: Mapping[str, int], per_webhook: int, limit: int, most_bytes: int, lease_ms: int
    ) -> Claimed:
        """Lease what is due: at most `limit`, and of no webhook more than `per_webhook` less what is busy there.

        Webhooks take turns, each one's oldest first. A delivery whose lease has run out is due again. One whose webhook
        is deleted or not active fails here for good, with an attempt in the log that says why.
        """
        ...

    async def settle(self, settlements: Sequence[Settlement], disable_after_ms: int) -> Collection[str]:
        """Record the attempts and return the ids of the deliveries whose outcome is durable, now or already.

        One with a stale lease is left out. A failure without retry that comes when every attempt of the webhook has
        failed for `disable_after_ms` disables it.
        """
        ...

    async def release(self, leases: Mapping[str, int]) -> None:
        """Give back deliveries (id → lease) that were claimed and never posted: they are due at once."""
        ...

    async def resend(
        self, team_id: str, event_id: str, target: str | None, origin: str | None = None
    ) -> Sequence[Delivery] | None:
        """Make new deliveries of an event: to one target, or to all that match now; None when there is no such event.

        Who takes only events of one origin gets it when this comes from there (or it, where that isn't known).
        Raises Conflict when the target is unknown, not active or ended.
        """
        ...

    async def retry(self, team_id: str, delivery_id: str) -> Delivery | None:
        """Make a delivery due now, with a fresh schedule of retries unless it was pending. Raises Conflict."""
        ...

    async def cancel(self, team_id: str, delivery_id: str, reason: str) -> Delivery | None:
        """End a pending delivery; an attempt that is under way is still recorded. Raises Conflict."""
        ...

    async def recover(self, team_id: str, webhook_id: str, since_ms: int) -> int | None:
        """Retry all failed deliveries of a webhook that were made since then, and return how many; see `retry`.

        Tests, which went to this webhook `only`, stay as they are.
        """
        ...

    async def cap_waits(self, longest_ms: int, wire: str | None = None) -> None:
        """Make nothing wait longer than that from now: the clock may have been set back.

        With a wire version, only what endpoints wait for that want this one.
        """
        ...

    async def stats(self) -> QueueStats: ...


class Accounts(Protocol):
    """API keys, what they may still ask, and answers to ask for again."""

    async def create_key(self, key: ApiKey) -> ApiKey:
        """Store it, with its time of creation; one that has its id already is returned as it is."""
        ...

    async def keys(self, team_id: str, page: Page) -> Sequence[ApiKey]:
        """Return a page of the team's keys that aren't revoked, and the one after it if there is one, newest first."""
        ...

    async def find_key(self, hash: str) -> ApiKey | None:
        """Return the key unless it is revoked."""
        ...

    async def revoke_key(self, team_id: str, key_id: str) -> bool: ...

    async def allow(self, key_id: str, window_ms: int, limit: int, wanted: int) -> Allowance:
        """Take up to so many of the requests that the key has left in the current window of the store's clock."""
        ...

    async def begin(self, team_id: str, key: str, fingerprint: str, seed: str, patience_ms: int) -> Begun:
        """Note that a request is being done; whoever was doing it and hasn't finished for that long is dead."""
        ...

    async def finish(self, team_id: str, key: str, answer: StoredAnswer) -> None: ...

    async def abandon(self, team_id: str, key: str) -> None:
        """Give up a request without an answer: the same one is done again when it next comes, with the same seed.

        The seed is kept since what it came to may be unknown (a connection cut at the commit).
        """
        ...


class Store(Protocol):
    """Every method that changes something returns when the change is durable, and raises StoreUnavailable else."""

    wakeups: Wakeups

    @property
    def webhooks(self) -> Webhooks: ...

    @property
    def queue(self) -> Queue: ...

    @property
    def accounts(self) -> Accounts: ...

    async def close(self) -> None: ...

    async def ping(self) -> None:
        """Return when the store can be read and written; raises StoreUnavailable."""
        ...

    async def append_event(self, event: Event, only: str | None = None) -> Sequence[Delivery]:
        """Store the event with one pending delivery for each open session and active webhook of its team that matches.

        A session that takes only events of one origin gets no other.

        With `only`, it goes to that webhook alone, once, without retries, whatever it subscribes to and whether or not
        it is active. An event that has its id already isn't stored again: its deliveries are returned.
        """
        ...

    async def append_events(self, events: Sequence[Event]) -> Sequence[Sequence[Delivery]]:
        """Store many events at once, as `append_event` does each, and answer each one's deliveries."""
        ...

    async def forget(self, before_ms: int, limit: int) -> int:
        """Remove up to so many events made before that time with their deliveries and attempts, unless one is pending.

        Returns how many; answers kept for an `Idempotency-Key` go after 24 hours, ended sessions with their age.
        """
        ...

    async def open_session(
        self, team_id: str, filter: EventFilter, forward_to: str, traits: Traits = NO_TRAITS
    ) -> Session: ...

    async def resume_session(
        self, session_id: str, team_id: str, filter: EventFilter, forward_to: str, traits: Traits = NO_TRAITS
    ) -> Session | None:
        """Return the session in its next epoch, with the filter, URL and traits of now; None when it isn't open."""
        ...

    async def catch_up(self, session: Session, since_ms: int, goes_on: Callable[[], bool]) -> Session:
        """Open a session of epoch 0, with deliveries of what was made since then and no listener was given.

        These come first, in the order in which their events were committed. It is made in parts, while it `goes_on`.
        Raises SessionMoved.
        """
        ...

    async def arrive(self, session: Session, within_ms: int | None = None) -> Arrival:
        """Tell what a session finds that was just opened, and announce it to some of its neighbours.

        These are connected sessions, opened before by other listeners, that get some of its events: however many there
        are, few are looked at, and fewer told. Its backlog is all that waits for it. Unheard is, of the newest events,
        what it would have been brought of so long before it was opened; without a time nothing is.
        """
        ...

    async def announcements(self) -> Sequence[Announcement]:
        """Take what is still to be told to sessions that are connected to this node: to which one, and who has come."""
        ...

    async def sessions(self, team_id: str, name: str | None, page: Page) -> Sequence[OpenSession]:
        """Return one page of the open sessions (of that name, if one is given), newest first, as `events` does."""
        ...

    async def names_of(self, session_ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of those of these sessions that have one and aren't forgotten."""
        ...

    async def missed_since(self, session_id: str, team_id: str, unheard_ms: int) -> int | None:
        """Return since when the listener of a session that has ended may have missed events; None where it wasn't away.

        That is when it was left, and so long before, or when the first delivery was made that waited for it in vain.
        """
        ...

    async def end_session(self, session: Session, reason: str) -> None:
        """Close the session unless it has gone on in a later epoch; its pending deliveries fail with the reason."""
        ...

    async def leave_session(self, session: Session) -> None:
        """Note that nobody is connected now, unless it has gone on in a later epoch: its grace begins."""
        ...

    async def end_lost_sessions(self, grace_ms: int, reason: str) -> int:
        """End the sessions whose grace is over, or whose node is gone for that long; return how many."""
        ...

    async def due(self, queries: Sequence[DueQuery]) -> Sequence[Due | Exception]:
        """Answer each session's deliveries to push, as asked, in commit order; at least one if there is any.

        One that failed before is among them from the time of its retry on. The answer to one session may be an error of
        its own: SessionMoved, or why it couldn't be read.
        """
        ...

    async def still_pending(self, session: Session, delivery_ids: Collection[str]) -> Collection[str]:
        """Return those of these deliveries that are the session's and have no outcome yet."""
        ...

    async def backlog(self, session: Session, without: Collection[str]) -> Backlog:
        """Tell about the session's deliveries that were never tried, without those that its listener has."""
        ...

    async def skip(self, session: Session, without: Collection[str]) -> Backlog:
        """Cancel what `backlog` tells of, and tell of it; what comes later stays.

        A session that has gone on in a later epoch keeps it all.
        """
        ...

    async def settle(
        self, session: Session, outcomes: Sequence[AttemptOutcome], waits_ms: WaitsMs = NO_RETRIES
    ) -> Settled:
        """Record the attempts; answer the deliveries whose outcome is durable, and which of these are tried again.

        One that fails stays pending for the wait that its run of attempts has come to, and fails where there is none.
        An outcome reported before is recognised; one from a stale epoch, or for somebody else's delivery, is left out.
        """
        ...

    async def event(self, team_id: str, event_id: str) -> Event | None: ...

    async def events(self, team_id: str, filter: EventFilter, page: Page) -> Sequence[ListedEvent]:
        """Return one page, newest first, and one more when there is a next page."""
        ...

    async def delivery(self, team_id: str, delivery_id: str) -> Delivery | None: ...

    async def deliveries(self, team_id: str, query: DeliveryQuery, page: Page) -> Sequence[Delivery]:
        """Return one page, newest first, and one more when there is a next page."""
        ...

    async def exchanges_of(self, delivery_id: str) -> Sequence[Exchange]: ...

    async def attempts_after(
        self, team_id: str, query: AttemptQuery, cursor: str, limit: int
    ) -> tuple[Sequence[Attempt], str]:
        """Return matching attempts in commit order, and the cursor up to which all have been looked at.

        Raises MalformedCursor.
        """
        ...

    async def last_attempts(self, team_id: str, query: AttemptQuery, lines: int) -> tuple[Sequence[Attempt], str]:
        """Return the latest matching attempts in commit order, and the cursor to go on after."""
        ...

    async def cursor_before(self, team_id: str, since_ms: int) -> str:
        """Return the cursor after which every attempt recorded at `since_ms` or later comes."""
        ...
