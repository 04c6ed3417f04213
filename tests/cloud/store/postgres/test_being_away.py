"""A database that is cut off, stopped, killed: the store says so at once, and goes on by itself when it is back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import pytest

from cstar_cli.cloud.store.accounts import StoredAnswer
from cstar_cli.cloud.store.interface import SessionMoved, StoreUnavailable
from cstar_cli.cloud.store.postgres import migrating
from cstar_cli.cloud.store.postgres.driver import PostgresStore
from cstar_cli.cloud.store.queries import AttemptQuery, DeliveryQuery, Page
from cstar_cli.cloud.store.records import Session
from cstar_cli.cloud.store.webhooks import WebhookChange
from cstar_cli.errors import CstarError

from ....postgres import Postgres
from ..making import EVERYTHING, TEAM, URL, claimed, delivered, due_ids, due_to, event, outcome, session, webhook
from .conftest import Run
from .nodes import cut_all, node

AT_ONCE_S = 3.0
BACK_WITHIN_S = 5.0


def whatever(store: PostgresStore, to: Session) -> Mapping[str, Callable[[], Awaitable[object]]]:
    """Something of everything that can be asked of a store."""
    return {
        "ping": store.ping,
        "append": lambda: store.append_event(event()),
        "open": lambda: session(store),
        "resume": lambda: store.resume_session(to.id, TEAM, EVERYTHING, URL),
        "leave": lambda: store.leave_session(to),
        "end": lambda: store.end_session(to, "over"),
        "sweep": lambda: store.end_lost_sessions(1, "over"),
        "due": lambda: due_to(store, to, (), 1, 1),
        "settle": lambda: store.settle(to, [outcome("dlv_1")]),
        "events": lambda: store.events(TEAM, EVERYTHING, Page()),
        "deliveries": lambda: store.deliveries(TEAM, DeliveryQuery(), Page()),
        "tail": lambda: store.attempts_after(TEAM, AttemptQuery(), "0", 1),
        "forget": lambda: store.forget(1, 1),
        "webhook": lambda: webhook(store),
        "change": lambda: store.webhooks.change(TEAM, "whk_1", WebhookChange()),
        "claim": lambda: claimed(store),
        "retry": lambda: store.queue.retry(TEAM, "dlv_1"),
        "stats": store.queue.stats,
        "key": lambda: store.accounts.find_key("hash"),
        "allow": lambda: store.accounts.allow("key_1", 1000, 10, 1),
        "begin": lambda: store.accounts.begin(TEAM, "key", "print", "seed", 1000),
        "finish": lambda: store.accounts.finish(TEAM, "key", StoredAnswer(200, b"")),
    }


async def until_back(store: PostgresStore) -> None:
    async with asyncio.timeout(BACK_WITHIN_S):
        while True:
            try:
                await store.ping()
            except StoreUnavailable:
                await asyncio.sleep(0.05)
            else:
                return


def test_while_the_database_is_away_everything_says_so_at_once(server: Postgres, run: Run) -> None:
    async def check() -> None:
        async with node(server.url(server.create_database())) as store:
            to = await session(store)
            await asyncio.to_thread(server.stop)
            for name, ask in whatever(store, to).items():
                async with asyncio.timeout(AT_ONCE_S):
                    with pytest.raises(StoreUnavailable, match="can't be used"):
                        assert await ask() == name  # to be told which one answered
            await asyncio.to_thread(server.start)
            await until_back(store)
            for ask in whatever(store, to).values():
                with suppress(SessionMoved):  # the first of these have ended it
                    await ask()

    run(check)


def test_what_was_answered_outlives_a_kill_and_what_was_not_can_be_sent_again(server: Postgres, run: Run) -> None:
    async def check() -> None:
        async with node(server.url(server.create_database())) as store:
            to = await session(store)
            made = [event() for _ in range(2000)]
            appending = [asyncio.ensure_future(store.append_event(one)) for one in made]
            await appending[100]
            await asyncio.to_thread(server.kill)
            answers = await asyncio.gather(*appending, return_exceptions=True)
            assert {type(one) for one in answers} <= {list, StoreUnavailable}
            await asyncio.to_thread(server.start)
            await until_back(store)
            for one, answer in zip(made, answers, strict=True):
                stored = await store.event(TEAM, one.id)
                assert stored or isinstance(answer, StoreUnavailable)
            await asyncio.gather(*(store.append_event(one) for one in made))
            due = await due_to(store, to, (), 10_000, 2**30)
            assert sorted(one.event_id for one in due) == sorted(one.id for one in made)

    run(check)


def test_nodes_hear_of_each_other_again_after_a_restart(server: Postgres, run: Run) -> None:
    async def check() -> None:
        url = server.url(server.create_database())
        async with node(url) as here, node(url) as there:
            to = await session(there)
            wake = there.wakeups.join(to.id)
            wake.clear()
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            await until_back(here)
            await wake.wait()  # that is the look at everything, once it hears again
            wake.clear()
            made = await delivered(here)
            await wake.wait()
            assert await due_ids(there, to) == [made.id]

    run(check)


def test_connections_that_were_cut_cost_one_answer_at_most(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as store:
            to = await session(store)
            await cut_all(url)
            await until_back(store)
            made = await delivered(store)
            assert await due_ids(store, to) == [made.id]

    run(check)


def test_a_store_closes_while_its_database_is_away(server: Postgres, run: Run) -> None:
    async def check() -> None:
        async with asyncio.timeout(AT_ONCE_S + 5), node(server.url(server.create_database())) as store:
            await session(store)
            await asyncio.to_thread(server.kill)

    run(check)


def test_a_store_that_can_not_be_opened_says_where_and_never_the_password(server: Postgres, run: Run) -> None:
    async def check() -> None:
        server.stop()
        url = server.url("cstar").replace("cstar@", "cstar:hunter2@")
        for open_it in (PostgresStore.open(url, 1.0), migrating.migrate(url)):
            with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{server.port}/cstar can't be used") as refused:
                await open_it
            assert "hunter2" not in str(refused.value)

    run(check)


@pytest.mark.parametrize("password", ["hunter#2", "hunter/2", "hunter?2", "hunter[2", "hunter@2"])
def test_a_url_that_can_not_be_read_says_what_to_do_and_never_the_password(password: str, run: Run) -> None:
    async def check() -> None:
        with pytest.raises(CstarError) as refused:
            await PostgresStore.open(f"postgresql://cstar:{password}@127.0.0.1:1/cstar", 1.0)
        assert "hunter" not in str(refused.value)

    run(check)
