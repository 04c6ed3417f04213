"""Two nodes, one queue: a delivery is one node's at a time, and who comes late has no say."""

import asyncio
from pathlib import Path

from ..making import LEASE_MS, TEAM, Clock, claimed, claimed_one, delivered, event, now, settled, webhook
from .conftest import Run
from .databases import postgres_going_by
from .nodes import database, node


def test_nodes_that_claim_at_once_share_nothing(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as here, node(url) as there:
            for _ in range(10):
                await webhook(here)
            await asyncio.gather(*(here.append_event(event()) for _ in range(60)))
            claims = [
                claim.delivery_id
                for _ in range(6)
                for found in await asyncio.gather(*(claimed(store, limit=60) for store in (here, there)))
                for claim in found.claims
            ]
            assert len(claims) == len(set(claims)) == 600

    run(check)


def test_what_another_node_is_claiming_is_passed_over_and_comes_back_soon(url: str, run: Run) -> None:
    async def check() -> None:
        async with node(url) as here, database(url) as connection:
            await webhook(here)
            made = [(await delivered(here)).id for _ in range(2)]
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("SELECT 1 FROM queue ORDER BY seq LIMIT 1 FOR UPDATE")
            found = await claimed(here)
            assert [claim.delivery_id for claim in found.claims] == made[1:]
            again = await claimed(here)
            assert list(again.claims) == []
            assert again.wait_ms is not None
            assert 0 < again.wait_ms <= 1000
            await transaction.rollback()
            assert (await claimed_one(here)).delivery_id == made[0]

    run(check)


def test_a_node_whose_lease_has_run_out_can_neither_settle_nor_give_back(
    tmp_path: Path, clock: Clock, run: Run
) -> None:
    async def check() -> None:
        async with postgres_going_by(clock, tmp_path) as url, node(url) as stale, node(url) as fresh:
            await webhook(stale)
            delivery = await delivered(stale)
            late = await claimed_one(stale)
            assert list((await claimed(fresh)).claims) == []
            await clock.advance(LEASE_MS)
            claim = await claimed_one(fresh)
            assert claim.lease > late.lease
            assert await settled(stale, late) == []
            await stale.queue.release({late.delivery_id: late.lease})
            assert list((await claimed(stale)).claims) == []
            assert (await now(fresh, delivery)).status == "pending"
            assert await settled(fresh, claim, 500) == [delivery.id]
            assert await settled(stale, late) == []
            assert (await now(stale, delivery)).status == "failed"

    run(check)


def test_a_lease_of_before_a_retry_by_hand_is_stale(tmp_path: Path, clock: Clock, run: Run) -> None:
    async def check() -> None:
        async with postgres_going_by(clock, tmp_path) as url, node(url) as stale, node(url) as fresh:
            await webhook(stale)
            delivery = await delivered(stale)
            late = await claimed_one(stale)
            await clock.advance(LEASE_MS)
            assert await settled(fresh, await claimed_one(fresh), 500) == [delivery.id]
            await fresh.queue.retry(TEAM, delivery.id)
            claim = await claimed_one(fresh)
            assert await settled(stale, late) == []
            assert await settled(fresh, claim) == [delivery.id]

    run(check)
