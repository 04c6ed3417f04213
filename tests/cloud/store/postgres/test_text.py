"""PostgreSQL's text holds no U+0000; whatever people send, it is no fault of the database."""

from cstar_cli.cloud.store.queries import AttemptQuery, DeliveryQuery, Page
from cstar_cli.cloud.store.records import AttemptOutcome

from ..making import T0_MS, TEAM, delivered, now, session, webhook
from .conftest import Run
from .nodes import node

NUL = "a\0b"


def test_what_can_not_be_an_id_is_nobodys(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as store:
            assert await store.event(TEAM, NUL) is None
            assert await store.delivery(TEAM, NUL) is None
            assert await store.webhooks.get(TEAM, NUL) is None
            assert await store.queue.cancel(TEAM, NUL, "because") is None
            assert list(await store.deliveries(TEAM, DeliveryQuery(target=NUL, event_id=NUL), Page())) == []
            assert await store.attempts_after(TEAM, AttemptQuery(target=NUL), "0", 10) == ([], "0")
            assert list(await store.still_pending(await session(store), [NUL])) == []

    run(check)


def test_an_attempt_is_recorded_whatever_its_words(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as store:
            to = await session(store)
            made = await delivered(store)
            headers = (("x-odd", NUL),)
            said = AttemptOutcome(made.id, 1, False, None, NUL, T0_MS, 1.0, headers, headers, NUL.encode())
            assert list(await store.settle(to, [said])) == [made.id]
            [exchange] = await store.exchanges_of(made.id)
            assert exchange.attempt.error == "a\ufffdb"
            assert exchange.request_headers == headers
            assert exchange.response_body == NUL.encode()

    run(check)


def test_a_url_may_be_of_any_length(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as store:
            far = "https://example.com/" + "a" * 50_000
            await webhook(store, url=far)
            made = await delivered(store)
            [found] = await store.deliveries(TEAM, DeliveryQuery(target=far), Page())
            assert found == await now(store, made)

    run(check)


def test_pages_beyond_all_counting_are_empty(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as store:
            await session(store)
            await webhook(store)
            far = Page(2**62, 100)
            assert list(await store.deliveries(TEAM, DeliveryQuery(), far)) == []
            assert list(await store.webhooks.list(TEAM, far)) == []

    run(check)
