"""The end of a cloud that has deliveries under way, and of one that fails by itself."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from cstar_cli.cloud.options import DeliveryPolicy

from ..receiver import Answer, Receiver, StartReceiver
from .serving import There, options, serving

NEVER = DeliveryPolicy(retries_s=(3600.0,), private_addresses=True)


@asynccontextmanager
async def cloud(folder: Path, *, embedded: bool = False) -> AsyncIterator[There]:
    async with serving(replace(options(folder), embedded=embedded, policy=NEVER)) as there:
        yield there


async def under_way(there: There, app: Receiver) -> str:
    """Register the receiver, send an event, and return its delivery's id once it has arrived."""
    answer = await there.post({"url": app.url, "events": ["*"]}, "/webhooks")
    assert answer.status_code == 201, answer.text
    delivery_id = (await there.post({"type": "ticket.created"})).json()["data"]["deliveries"][0]["id"]
    await asyncio.to_thread(app.wait_for, 1)
    return str(delivery_id)


async def shown(folder: Path, delivery_id: str) -> dict[str, object]:
    """What the next cloud on this database knows of the delivery."""
    async with cloud(folder) as there:
        found: dict[str, object] = (await there.get(f"/deliveries/{delivery_id}")).json()["data"]
        return found


def test_a_delivery_under_way_is_finished_and_recorded_before_the_end(tmp_path: Path, receiver: StartReceiver) -> None:
    gate = threading.Event()
    app = receiver(Answer(until=gate))

    async def main() -> None:
        async with cloud(tmp_path) as there:
            delivery_id = await under_way(there, app)
            asyncio.get_running_loop().call_later(0.5, gate.set)
        delivery = await shown(tmp_path, delivery_id)
        assert (delivery["status"], delivery["attempt_count"]) == ("succeeded", 1)

    asyncio.run(main())
    assert len(app.requests) == 1


def test_what_is_not_answered_in_time_is_cut_and_recorded_to_be_tried_again(
    tmp_path: Path, receiver: StartReceiver
) -> None:
    gate = threading.Event()
    app = receiver(Answer(until=gate))

    async def main() -> None:
        async with cloud(tmp_path, embedded=True) as there:
            delivery_id = await under_way(there, app)
            stopping_at = time.monotonic()
        assert time.monotonic() - stopping_at < 2.5
        delivery = await shown(tmp_path, delivery_id)
        assert (delivery["status"], delivery["attempt_count"]) == ("pending", 1)
        assert delivery["next_attempt_at"]
        assert "the cloud was stopped before the receiver had answered" in str(delivery["attempts"])

    try:
        asyncio.run(main())
    finally:
        gate.set()
    assert len(app.requests) == 1


@pytest.mark.parametrize("embedded", [True, False])
def test_an_idle_cloud_stops_in_less_than_a_second(tmp_path: Path, embedded: bool) -> None:
    async def main() -> None:
        async with cloud(tmp_path, embedded=embedded) as there:
            await there.post({"type": "ticket.created"})
            stopping_at = time.monotonic()
        assert time.monotonic() - stopping_at < 1.0

    asyncio.run(main())


def test_a_cloud_that_fails_in_the_background_ends_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Trouble(Exception):
        """What nobody has thought of."""

    async def trouble() -> None:
        raise Trouble

    async def main() -> None:
        async with asyncio.timeout(10), cloud(tmp_path) as there:
            there.cloud.sessions.sweep = trouble  # type: ignore[method-assign]  # what fails by itself
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(main())
    assert raised.group_contains(Trouble)
    assert "node fails" in [record.getMessage() for record in caplog.records]
