"""What can be listed: events and deliveries, by page and by filter."""

import pytest

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.queries import AttemptQuery, DeliveryQuery, Page, StatusFilter
from cstar_cli.cloud.store.records import DeliveryStatus
from cstar_cli.events.filters import EventFilter

from .making import (
    EVERYTHING,
    NEVER_MS,
    TEAM,
    TYPES,
    URL,
    WEBHOOK_URL,
    Within,
    claimed,
    delivered,
    deliveries_of,
    event,
    ids,
    one_of_each_status,
    one_of_each_type,
    outcome,
    session,
    settled,
    settlement,
    webhook,
)


def test_an_unknown_event_is_none(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        assert await store.event(TEAM, "evt_none") is None

    within(check)


def test_another_teams_event_is_none(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = event(team_id="team-2")
        await store.append_event(made)
        assert await store.event(TEAM, made.id) is None
        assert await store.event("team-2", made.id)

    within(check)


def test_events_come_newest_first_in_pages_with_one_more_where_another_follows(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = [event() for _ in range(5)]
        for one in made:
            await store.append_event(one)
        await store.append_event(event(team_id="team-2"))
        newest_first = [one.id for one in made][::-1]
        pages = [await store.events(TEAM, EVERYTHING, Page(number, size=2)) for number in (1, 2, 3, 4)]
        assert [[one.id for one in page] for page in pages] == [
            newest_first[:3],
            newest_first[2:],
            newest_first[4:],
            [],
        ]

    within(check)


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        ((), TYPES),
        (("ticket.*",), TYPES[:2]),
        (("*.created", "boss.*"), ("ticket.created", "boss.spawned")),
        (("!ticket.*",), TYPES[2:]),
        (("custom.*",), ("custom.thing",)),
        (("player.*",), ()),
        (("*", "!*"), ()),
    ],
)
def test_lists_are_filtered_by_type(within: Within[None], patterns: tuple[str, ...], found: tuple[str, ...]) -> None:
    async def check(store: Store) -> None:
        made = await one_of_each_type(store)
        filter = EventFilter.parse(patterns)
        events = await store.events(TEAM, filter, Page(size=100))
        assert [one.type for one in events][::-1] == list(found)
        deliveries = await store.deliveries(TEAM, DeliveryQuery(events=filter), Page(size=100))
        assert ids(deliveries)[::-1] == [made[type].id for type in found]

    within(check)


def test_an_unknown_delivery_is_none_and_has_no_attempts(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        assert await store.delivery(TEAM, "dlv_none") is None
        assert list(await store.exchanges_of("dlv_none")) == []

    within(check)


def test_another_teams_delivery_is_none(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await session(store, team_id="team-2")
        delivery = await delivered(store, team_id="team-2")
        assert await store.delivery(TEAM, delivery.id) is None
        assert list(await store.deliveries(TEAM, DeliveryQuery(), Page())) == []

    within(check)


def test_deliveries_come_newest_first_in_pages_with_one_more_where_another_follows(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await session(store)
        newest_first = [(await delivered(store)).id for _ in range(5)][::-1]
        pages = [await store.deliveries(TEAM, DeliveryQuery(), Page(number, size=2)) for number in (1, 2, 3, 4)]
        assert [ids(page) for page in pages] == [newest_first[:3], newest_first[2:], newest_first[4:], []]

    within(check)


@pytest.mark.parametrize(("status", "found"), [("succeeded", 2), ("failed", 4), ("pending", 1)])
def test_deliveries_are_filtered_by_status(within: Within[None], status: DeliveryStatus, found: int) -> None:
    async def check(store: Store) -> None:
        await one_of_each_status(store)
        await delivered(store)
        deliveries = await store.deliveries(TEAM, DeliveryQuery(status=status), Page())
        assert [delivery.status for delivery in deliveries] == [status] * found

    within(check)


def test_a_target_is_a_sessions_id_or_its_url(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        one = await session(store)
        other = await session(store, url="http://localhost:4000/")
        await store.append_event(event())
        for target, wanted in ((one.id, one), (URL, one), (other.id, other), ("http://localhost:4000/", other)):
            [delivery] = await store.deliveries(TEAM, DeliveryQuery(target=target), Page())
            assert delivery.target == wanted.id
            await store.settle(wanted, [outcome(delivery)])
            attempts, _ = await store.attempts_after(TEAM, AttemptQuery(target=target), "0", 10)
            assert [attempt.target for attempt in attempts] == [wanted.id]
        assert list(await store.deliveries(TEAM, DeliveryQuery(target="ses_none"), Page())) == []

    within(check)


def test_a_target_is_a_webhooks_id_too(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to, other = await webhook(store), await webhook(store)
        await store.append_event(event())
        claims = (await claimed(store)).claims
        await store.queue.settle([settlement(claim) for claim in claims], NEVER_MS)
        for one in (to, other):
            [delivery] = await store.deliveries(TEAM, DeliveryQuery(target=one.id), Page())
            [attempt], _ = await store.attempts_after(TEAM, AttemptQuery(target=one.id), "0", 10)
            assert (delivery.target, attempt.target) == (one.id, one.id)
        assert len(await store.deliveries(TEAM, DeliveryQuery(target=WEBHOOK_URL), Page())) == 2

    within(check)


def test_what_was_canceled_is_found_by_that(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await session(store)
        delivery, _ = await delivered(store), await delivered(store)
        await store.queue.cancel(TEAM, delivery.id, "not wanted")
        assert ids(await store.deliveries(TEAM, DeliveryQuery(status="canceled"), Page())) == [delivery.id]
        query = AttemptQuery(status=StatusFilter.parse("canceled"))
        assert deliveries_of((await store.attempts_after(TEAM, query, "0", 10))[0]) == [delivery.id]

    within(check)


def test_what_stopped_a_delivery_is_no_attempt_at_it(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        made = await delivered(store)
        await store.end_session(to, "over")
        await webhook(store)
        canceled = await delivered(store)
        await store.queue.cancel(TEAM, canceled.id, "not wanted")
        tried = await delivered(store)
        [*_, claim] = (await claimed(store)).claims
        await settled(store, claim, 500)
        listed = {each.id: each.attempt_count for each in await store.deliveries(TEAM, DeliveryQuery(), Page())}
        assert listed == {made.id: 0, canceled.id: 0, tried.id: 1}
        rare = DeliveryQuery(events=EventFilter.parse(["ticket.*"]))
        await store.append_event(event("boss.spawned"))
        counts = {each.id: each.attempt_count for each in await store.deliveries(TEAM, rare, Page())}
        assert counts == listed

    within(check)


def test_deliveries_and_attempts_are_found_by_their_event(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        wanted, other = await delivered(store), await delivered(store)
        await store.settle(to, [outcome(other), outcome(wanted)])
        assert ids(await store.deliveries(TEAM, DeliveryQuery(event_id=wanted.event_id), Page())) == [wanted.id]
        attempts, _ = await store.attempts_after(TEAM, AttemptQuery(event_id=wanted.event_id), "0", 10)
        assert deliveries_of(attempts) == [wanted.id]

    within(check)
