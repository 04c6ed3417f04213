"""What is read for many at once."""

from msgspec.structs import replace

from cstar_cli.cloud.store.interface import SessionMoved
from cstar_cli.cloud.store.queries import DueQuery

from ..making import event, ids, session
from .conftest import Run
from .nodes import node


def test_a_read_that_breaks_is_the_answer_to_one_session_alone(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as store:
            one, two = await session(store), await session(store)
            stored = await store.append_event(event())
            unreadable = replace(one, epoch=2**64)  # no number of the database
            first, broken, second = await store.due([DueQuery(to, (), 10, 1000) for to in (one, unreadable, two)])
            assert isinstance(broken, Exception)
            assert not isinstance(broken, SessionMoved)
            assert not isinstance(first, Exception)
            assert not isinstance(second, Exception)
            assert {*ids(first.deliveries), *ids(second.deliveries)} == {delivery.id for delivery in stored}

    run(check)
