"""What a whole run writes into its log: enough to follow it, and no secret."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from cstar_cli.cloud import logs
from cstar_cli.cloud.logs import LOGGER, LogFormat
from cstar_cli.cloud.options import DeliveryPolicy
from cstar_cli.protocol.frames import Bye, Delivery, Hello

from ..receiver import Answer, StartReceiver
from .api.test_tail import following
from .api.test_tunnel import dialled, opened, result
from .serving import TOKEN, There, options, serving
from .store.making import URL

HUSH = "hush-hush"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    handlers, propagate, level = LOGGER.handlers, LOGGER.propagate, LOGGER.level
    yield
    LOGGER.handlers, LOGGER.propagate = handlers, propagate
    LOGGER.setLevel(level)


async def live(there: There, app_url: str) -> list[str]:
    """Do a bit of everything; return the secrets that were used."""
    webhook = (await there.post({"url": f"{app_url}?token={HUSH}", "events": ["*"]}, "/webhooks")).json()["data"]
    rotated = (await there.post({}, f"/webhooks/{webhook['id']}/rotate-secret")).json()["data"]
    key = (await there.post({"name": "ci"}, "/api-keys")).json()["data"]["key"]
    await there.get("/events?token=" + HUSH, authorization=f"Bearer {key}")
    await there.get("/events", authorization=f"Bearer sk_live_{HUSH}", **{"idempotency-key": HUSH})
    await there.get(f"/api-keys/{key}")  # a key where its id should be
    await there.post({"type": "ticket.created", "data": {"id": HUSH}, "nonsense": HUSH})
    await there.post({"type": HUSH})
    async with opened(there) as (tunnel, _):
        await there.post({"type": "ticket.created", "data": {"id": HUSH}})
        delivery = await tunnel.hear()
        assert isinstance(delivery, Delivery)
        await tunnel.say(result(delivery, HUSH.encode()))
        await tunnel.hear()
        await tunnel.say(Bye())
        await tunnel.closed()
    async with dialled(there) as tunnel:
        await tunnel.say(Hello(f"http://user:{HUSH}@localhost/", ("*",), 10))
        await tunnel.hear()
        await tunnel.websocket.send(HUSH)
        await tunnel.closed()
    await there.post({"event": "ticket.created"}, f"/webhooks/{webhook['id']}/test")
    return [TOKEN, key, webhook["signingSecret"], rotated["signingSecret"], HUSH, URL]


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_log_tells_what_happened_and_no_secret(tmp_path: Path, receiver: StartReceiver, format: LogFormat) -> None:
    app = receiver(Answer(500, body=HUSH.encode()))
    stream = io.StringIO()
    secrets: list[str] = []

    async def main() -> None:
        logs.configure(format, "debug", stream)
        async with serving(options(tmp_path)) as there:
            secrets.extend(await live(there, app.url))

    asyncio.run(main())
    written = stream.getvalue()
    assert [secret for secret in secrets if secret in written] == []
    if format == "json":
        told = {json.loads(line)["event"] for line in written.splitlines()}
        assert told >= {"started", "request", "attempt", "tunnel opened", "tunnel closed", "stopping", "stopped"}


def test_a_webhook_that_is_disabled_is_told(
    tmp_path: Path, receiver: StartReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    app = receiver(Answer(500))
    policy = DeliveryPolicy(retries_s=(0.05,), disable_after_s=0.0, private_addresses=True)

    async def main() -> None:
        async with serving(replace(options(tmp_path), policy=policy)) as there:
            await there.post({"url": app.url, "events": ["*"]}, "/webhooks")
            await there.post({"type": "ticket.created"})
            async with following(there) as tail:
                await tail.attempts(2)

    with caplog.at_level(logging.WARNING, "cstar.cloud"):
        asyncio.run(main())
    assert "webhook disabled" in [record.getMessage() for record in caplog.records]
