"""What is due to sessions that ask together is what each of them gets that asks alone."""

from cstar_cli.cloud.store.interface import SessionMoved, Store
from cstar_cli.cloud.store.queries import DueQuery
from cstar_cli.cloud.store.records import Due, Session
from cstar_cli.events.filters import EventFilter

from .making import TEAM, URL, Clock, Within, event, outcome, session

WAITS_MS = (1000, 5000, 30_000)


async def with_a_retry(store: Store, of: str) -> Session:
    """A session whose first delivery has failed, and waits."""
    to = await session(store, of)
    [delivery] = await store.append_event(event(of))
    await store.settle(to, [outcome(delivery, 500)], {delivery.id: WAITS_MS})
    return to


async def alone(store: Store, query: DueQuery) -> Due | Exception:
    [answer] = await store.due([query])
    return answer


def told(answers: list[Due | Exception]) -> list[object]:
    return ["moved" if isinstance(one, Exception) else (list(one.deliveries), one.wait_ms) for one in answers]


def test_a_crowd_is_told_what_each_of_it_would_be_told_alone(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        both = await with_a_retry(store, "ticket.created")
        one = [await session(store, "ticket.created") for _ in range(3)]
        two = await session(store, "ticket.*")
        idle, limited = await session(store, "boss.*"), await session(store, "ticket.*")
        retrying, waiting = await with_a_retry(store, "run.failed"), await with_a_retry(store, "agent.created")
        await store.append_event(event("ticket.created", body=b'{"n":1}'))
        await store.append_event(event("ticket.closed", body=b'{"n":2}'))
        queries = [DueQuery(to, (), 10, 1000) for to in (*one, two, idle, retrying, waiting, both)]
        queries.append(DueQuery(limited, (), 1, 1000))
        [held] = (await alone(store, DueQuery(one[0], (), 10, 1000))).deliveries  # type: ignore[union-attr]
        queries.append(DueQuery(one[0], (held.id,), 10, 1000))
        queries.append(DueQuery(one[1], (), 0, 1000))
        ended = await session(store, "ticket.created")
        await store.end_session(ended, "over")
        queries.append(DueQuery(ended, (), 10, 1000))
        for wait_ms in (0, 1000):
            await clock.advance(wait_ms)
            together = list(await store.due(queries))
            assert told(together) == told([await alone(store, query) for query in queries])

    within(check)


def test_of_one_session_that_is_asked_for_twice_only_its_last_connection_gets_anything(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        before = await session(store)
        after = await store.resume_session(before.id, TEAM, EventFilter(), URL)
        assert after
        [delivery] = await store.append_event(event())
        queries = [DueQuery(to, (), 10, 1000) for to in (before, after, await session(store))]
        moved, due, nothing = await store.due(queries)
        assert isinstance(moved, SessionMoved)
        assert not isinstance(due, Exception)
        assert ([each.id for each in due.deliveries], told([nothing])) == ([delivery.id], [([], None)])

    within(check)
