"""The log of attempts: by filter, by cursor and by time."""

import pytest

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.queries import AttemptQuery, StatusFilter
from cstar_cli.events.filters import EventFilter

from .making import (
    T0_MS,
    TEAM,
    TYPES,
    Clock,
    Within,
    delivered,
    deliveries_of,
    ids,
    one_of_each_status,
    outcome,
    session,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("succeeded", (200, 204)),
        ("failed", (301, 404, 500, None)),
        ("2xx", (200, 204)),
        ("4XX", (404,)),
        ("404", (404,)),
        ("405", ()),
        ("1xx", ()),
    ],
)
def test_attempts_are_filtered_by_status(within: Within[None], text: str, found: tuple[int | None, ...]) -> None:
    async def check(store: Store) -> None:
        made = await one_of_each_status(store)
        query = AttemptQuery(status=StatusFilter.parse(text))
        wanted = [made[status].id for status in found]
        assert deliveries_of((await store.attempts_after(TEAM, query, "0", 100))[0]) == wanted
        assert deliveries_of((await store.last_attempts(TEAM, query, 100))[0]) == wanted

    within(check)


def test_attempts_are_filtered_by_type(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        made = {type: await delivered(store, type) for type in TYPES}
        await store.settle(to, [outcome(delivery) for delivery in made.values()])
        query = AttemptQuery(events=EventFilter.parse(["ticket.*", "!ticket.closed"]))
        attempts, _ = await store.attempts_after(TEAM, query, "0", 100)
        assert deliveries_of(attempts) == [made["ticket.created"].id]

    within(check)


def test_attempts_after_a_cursor_are_those_committed_later(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        made = [await delivered(store) for _ in range(5)]
        await store.settle(to, [outcome(delivery) for delivery in made])
        attempts, cursor = await store.attempts_after(TEAM, AttemptQuery(), "0", 100)
        assert deliveries_of(attempts) == ids(made)
        assert cursor == attempts[-1].cursor
        later, cursor_then = await store.attempts_after(TEAM, AttemptQuery(), attempts[2].cursor, 100)
        assert (deliveries_of(later), cursor_then) == (ids(made[3:]), cursor)

    within(check)


def test_nothing_new_leaves_the_cursor_where_it_is(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        assert await store.attempts_after(TEAM, AttemptQuery(), "0", 100) == ([], "0")
        await one_of_each_status(store)
        _, cursor = await store.attempts_after(TEAM, AttemptQuery(), "0", 100)
        assert await store.attempts_after(TEAM, AttemptQuery(), cursor, 100) == ([], cursor)

    within(check)


def test_what_does_not_match_is_passed_over_for_good(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await one_of_each_status(store)
        none_match = AttemptQuery(status=StatusFilter.parse("418"))
        attempts, cursor = await store.attempts_after(TEAM, none_match, "0", 100)
        assert (list(attempts), cursor) == ([], (await store.attempts_after(TEAM, AttemptQuery(), "0", 100))[1])

    within(check)


def test_a_limited_read_goes_on_where_it_stopped(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = await one_of_each_status(store)
        found: list[str] = []
        cursor = "0"
        for _ in range(4):
            attempts, cursor = await store.attempts_after(TEAM, AttemptQuery(), cursor, 2)
            found += deliveries_of(attempts)
        assert found == [delivery.id for delivery in made.values()]

    within(check)


def test_the_last_attempts_come_in_commit_order_with_the_cursor_to_go_on_after(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = [delivery.id for delivery in (await one_of_each_status(store)).values()]
        attempts, cursor = await store.last_attempts(TEAM, AttemptQuery(), 2)
        assert deliveries_of(attempts) == made[-2:]
        assert await store.attempts_after(TEAM, AttemptQuery(), cursor, 100) == ([], cursor)

    within(check)


def test_the_last_none_are_none_and_still_say_where_to_go_on(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await one_of_each_status(store)
        attempts, cursor = await store.last_attempts(TEAM, AttemptQuery(), 0)
        assert list(attempts) == []
        assert cursor == (await store.attempts_after(TEAM, AttemptQuery(), "0", 100))[1]

    within(check)


def test_another_teams_attempts_are_not_seen(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store, team_id="team-2")
        await store.settle(to, [outcome(await delivered(store, team_id="team-2"))])
        assert list((await store.attempts_after(TEAM, AttemptQuery(), "0", 100))[0]) == []
        assert list((await store.last_attempts(TEAM, AttemptQuery(), 100))[0]) == []

    within(check)


@pytest.mark.parametrize(
    ("since_ms", "found"), [(0, 3), (T0_MS, 3), (T0_MS + 1, 2), (T0_MS + 1000, 2), (T0_MS + 2000, 1), (2**50, 0)]
)
def test_a_time_finds_the_cursor_before_it(within: Within[None], clock: Clock, since_ms: int, found: int) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        made = []
        for second in range(3):
            await clock.move_to(T0_MS + second * 1000)
            made.append(await delivered(store))
            await store.settle(to, [outcome(made[-1])])
        cursor = await store.cursor_before(TEAM, since_ms)
        attempts, _ = await store.attempts_after(TEAM, AttemptQuery(), cursor, 100)
        assert deliveries_of(attempts) == ids(made[3 - found :])

    within(check)


def test_a_clock_that_jumps_back_hides_nothing(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        made = []
        for second in (10, 5, 20):
            await clock.move_to(T0_MS + second * 1000)
            made.append(await delivered(store))
            await store.settle(to, [outcome(made[-1])])
        cursor = await store.cursor_before(TEAM, T0_MS + 10_000)
        attempts, _ = await store.attempts_after(TEAM, AttemptQuery(), cursor, 100)
        assert {made[0].id, made[2].id} <= set(deliveries_of(attempts))

    within(check)


def test_without_attempts_a_time_finds_the_beginning(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        assert await store.cursor_before(TEAM, T0_MS) == "0"

    within(check)
