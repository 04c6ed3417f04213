"""A session may ask for the events of one origin alone."""

from msgspec.structs import replace
from msgspec.structs import replace as changed

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.records import Delivery, Session, Traits
from cstar_cli.events.envelope import Event

from .making import EVERYTHING, TEAM, URL, Within, event, session, webhook


async def of(store: Store, origin: str | None) -> Session:
    return await store.open_session(TEAM, EVERYTHING, URL, Traits(origin=origin))


def of_origin(origin: str | None) -> Event:
    return changed(event(), origin=origin)


def targets(deliveries: object) -> set[str]:
    assert isinstance(deliveries, list | tuple)
    return {delivery.target for delivery in deliveries if isinstance(delivery, Delivery)}


def test_an_event_goes_to_those_of_its_origin_and_to_those_that_take_all(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        mine, yours, everybodys = await of(store, "mine"), await of(store, "yours"), await session(store)
        url = await webhook(store)
        made = await store.append_events([of_origin("mine"), of_origin("yours"), of_origin(None)])
        assert [targets(list(each)) for each in made] == [
            {mine.id, everybodys.id, url.id},
            {yours.id, everybodys.id, url.id},
            {everybodys.id, url.id},
        ]

    within(check)


def test_an_event_keeps_its_origin(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        kept = of_origin("mine")
        await store.append_event(kept)
        assert await store.event(TEAM, kept.id) == kept

    within(check)


def test_who_sends_an_event_again_is_its_origin_then(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        mine, yours = await of(store, "mine"), await of(store, "yours")
        sent = of_origin("mine")
        await store.append_event(sent)
        for origin, to in (("yours", yours), ("mine", mine), (None, mine)):
            again = await store.queue.resend(TEAM, sent.id, None, origin)
            assert targets(again) == {to.id}
        assert targets(await store.queue.resend(TEAM, sent.id, yours.id, "mine")) == {yours.id}

    within(check)


def test_a_resumed_session_takes_the_origin_of_now(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        mine = await of(store, "mine")
        resumed = await store.resume_session(mine.id, TEAM, EVERYTHING, URL, Traits(origin="yours"))
        assert resumed == replace(mine, epoch=2, origin="yours")
        assert targets(await store.append_event(of_origin("mine"))) == set()

    within(check)
