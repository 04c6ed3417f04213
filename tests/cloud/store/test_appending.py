"""An event and its deliveries: one for each open session of the team whose filter matches."""

import asyncio

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.queries import Page
from cstar_cli.events.filters import EventFilter

from .making import T0_MS, TEAM, URL, OpenStore, Within, delivered, due_ids, event, ids, session


def test_an_event_without_sessions_is_stored_without_deliveries(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        made = event(body=b'{"n":1}')
        assert list(await store.append_event(made)) == []
        stored = await store.event(TEAM, made.id)
        assert stored
        assert (stored.id, stored.type, stored.created_at_ms, stored.body) == (
            made.id,
            "ticket.created",
            T0_MS,
            b'{"n":1}',
        )

    within(check)


def test_a_delivery_begins_pending_and_due_at_once(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        made = event()
        [delivery] = await store.append_event(made)
        assert delivery.id.startswith("dlv_")
        assert (delivery.event_id, delivery.event_type) == (made.id, "ticket.created")
        assert (delivery.target, delivery.url) == (to.id, URL)
        assert (delivery.status, delivery.attempt_count, delivery.next_attempt_at_ms) == ("pending", 0, T0_MS)
        assert await store.delivery(TEAM, delivery.id) == delivery

    within(check)


def test_every_matching_session_gets_a_delivery_of_its_own(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        tickets, everything = await session(store, "ticket.*"), await session(store)
        await session(store, "boss.*"), await session(store, "!ticket.created")
        deliveries = await store.append_event(event("ticket.created"))
        assert {delivery.target for delivery in deliveries} == {tickets.id, everything.id}
        assert len({delivery.id for delivery in deliveries}) == 2

    within(check)


def test_another_teams_sessions_get_nothing(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await session(store, team_id="team-2")
        assert list(await store.append_event(event(team_id=TEAM))) == []

    within(check)


def test_an_ended_session_gets_nothing(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await store.end_session(await session(store), "over")
        assert list(await store.append_event(event())) == []

    within(check)


def test_a_resumed_session_gets_what_it_wants_now(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store, "ticket.*")
        await store.resume_session(to.id, TEAM, (await session(store, "boss.*")).filter, "http://localhost:4000/")
        assert all(delivery.target != to.id for delivery in await store.append_event(event("ticket.created")))
        urls = {delivery.target: delivery.url for delivery in await store.append_event(event("boss.spawned"))}
        assert urls[to.id] == "http://localhost:4000/"

    within(check)


def test_any_body_comes_back_byte_for_byte(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        body = bytes(range(256)) * 4096
        made = event(body=body)
        await store.append_event(made)
        stored = await store.event(TEAM, made.id)
        assert stored
        assert stored.body == body

    within(check)


def test_an_event_that_comes_again_is_answered_with_the_deliveries_it_has(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        made = event()
        first = await store.append_event(made)
        await session(store)
        assert list(await store.append_event(made)) == list(first)
        assert await due_ids(store, to) == ids(first)
        assert [one.id for one in await store.events(TEAM, to.filter, Page())] == [made.id]

    within(check)


def test_of_many_events_those_that_are_stored_answer_what_they_have_and_the_others_are_new(
    within: Within[None],
) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        old, new, last = event(), event(), event()
        had = await store.append_event(old)
        answers = await store.append_events([new, old, last])
        assert list(answers[1]) == list(had)
        assert await due_ids(store, to) == [*ids(had), *ids(answers[0]), *ids(answers[2])]
        listed = await store.events(TEAM, to.filter, Page())
        assert {one.id for one in listed} == {old.id, new.id, last.id}

    within(check)


def test_an_event_that_comes_many_times_at_once_is_one_event(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        made = event()
        answers = await asyncio.gather(*(store.append_event(made) for _ in range(20)))
        assert {tuple(ids(answer)) for answer in answers} == {tuple(await due_ids(store, to))}
        assert len(await store.events(TEAM, to.filter, Page())) == 1

    within(check)


def test_deliveries_are_due_in_the_order_of_the_answers(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        made = [(await delivered(store)).id for _ in range(5)]
        assert await due_ids(store, to) == made

    within(check)


def test_many_appends_at_once_all_arrive_in_one_order(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        answers = await asyncio.gather(*(store.append_event(event()) for _ in range(300)))
        made = {delivery.id for [delivery] in answers}
        due = await due_ids(store, to)
        assert len(due) == 300
        assert set(due) == made
        assert await due_ids(store, to) == due

    within(check)


def test_what_was_stored_is_there_after_a_restart(open_store: OpenStore) -> None:
    async def check() -> None:
        async with open_store() as store:
            to, made = await session(store, "ticket.*"), event()
            [delivery] = await store.append_event(made)
        async with open_store() as store:
            assert await store.delivery(TEAM, delivery.id) == delivery
            assert await due_ids(store, to) == [delivery.id]

    asyncio.run(check())


def test_order_goes_on_after_a_restart(open_store: OpenStore) -> None:
    async def check() -> None:
        async with open_store() as store:
            to = await session(store)
            before = await delivered(store)
        async with open_store() as store:
            after = await delivered(store)
            assert await due_ids(store, to) == [before.id, after.id]

    asyncio.run(check())


def test_an_append_whose_caller_has_gone_hurts_nobody(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        gone = asyncio.ensure_future(store.append_event(event()))
        await asyncio.sleep(0)
        gone.cancel()
        later = await delivered(store)
        assert (await due_ids(store, to))[-1] == later.id

    within(check)


def test_events_stored_together_have_each_their_own_deliveries(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        tickets, all_ = await session(store, "ticket.*"), await session(store)
        [first, again, second] = [event("ticket.created"), event("ticket.closed"), event("boss.spawned")]
        before = await store.append_event(again)
        made = await store.append_events([first, again, second, first])
        assert [sorted(each.target for each in deliveries) for deliveries in made] == [
            sorted([tickets.id, all_.id]),
            sorted([tickets.id, all_.id]),
            [all_.id],
            sorted([tickets.id, all_.id]),
        ]
        assert [each.event_id for deliveries in made for each in deliveries] == [
            *[first.id] * 2,
            *[again.id] * 2,
            second.id,
            *[first.id] * 2,
        ]
        assert ids(made[1]) == ids(before)
        assert ids(made[3]) == ids(made[0])
        assert len(await store.events(TEAM, EventFilter.parse([]), Page())) == 3
        assert list(await store.append_events([])) == []

    within(check)
