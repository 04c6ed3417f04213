"""What sends an event to a webhook once more: tests, resends, retries, recoveries; and what ends that."""

import asyncio
import json

from cstar_cli.cloud.api.webhooks import attempted
from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.records import Delivery
from cstar_cli.cloud.store.wakeups import attempts_of

from ...receiver import Answer, StartReceiver
from ..serving import Serve, There, is_error, is_invalid, is_missing
from ..store.making import TEAM, delivered, outcome, session, webhook

NOBODY = "http://127.0.0.1:9/hook"


async def status(store: Store, delivery: Delivery) -> str:
    now = await store.delivery(TEAM, delivery.id)
    assert now
    return now.status


async def failed(there: There, url: str = NOBODY) -> Delivery:
    """A delivery that has failed for good: its webhook was disabled in the middle of its retries."""
    store = there.cloud.store
    made = await webhook(store, url=url)
    delivery = await delivered(store)
    assert await attempted(there.cloud, TEAM, delivery, 10)
    path = f"/webhooks/{made.id}"
    wake = store.wakeups.join(attempts_of(TEAM))
    await there.client.patch(path, json={"isActive": False})
    async with asyncio.timeout(10):
        while await status(store, delivery) != "failed":
            await wake.wait()
            wake.clear()
    store.wakeups.leave(attempts_of(TEAM), wake)
    await there.client.patch(path, json={"isActive": True})
    return delivery


def test_a_test_is_answered_with_what_came_of_it(serve: Serve, receiver: StartReceiver) -> None:
    received = receiver(Answer(204, b""))

    async def check(there: There) -> None:
        made = await webhook(there.cloud.store, "boss.*", "!boss.spawned", url=received.url)
        answer = await there.post(b"", f"/webhooks/{made.id}/test")
        data = answer.json()["data"]
        assert answer.status_code == 200
        assert data == {
            "deliveryId": data["deliveryId"],
            "event": "boss.defeated",
            "url": received.url,
            "success": True,
            "status": 204,
            "responseTimeMs": data["responseTimeMs"],
            "error": None,
        }
        assert 0 < data["responseTimeMs"] < 10_000
        [request] = received.requests
        assert request.headers["x-cstar-delivery"] == data["deliveryId"]
        assert json.loads(request.body)["type"] == "boss.defeated"

    serve(check)


def test_a_test_fails_with_the_reason_and_without_retries(serve: Serve, receiver: StartReceiver) -> None:
    async def check(there: There) -> None:
        made = await webhook(there.cloud.store, url=receiver(Answer(500)).url)
        data = (await there.post({"event": "ticket.closed"}, f"/webhooks/{made.id}/test")).json()["data"]
        assert (data["event"], data["success"], data["status"]) == ("ticket.closed", False, 500)
        assert data["error"]
        shown = (await there.get(f"/deliveries/{data['deliveryId']}")).json()["data"]
        assert (shown["status"], shown["attempt_count"], shown["next_attempt_at"]) == ("failed", 1, None)

    serve(check)


def test_a_test_of_a_url_where_nobody_listens_says_so(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await webhook(there.cloud.store, url=NOBODY)
        data = (await there.post(b"", f"/webhooks/{made.id}/test")).json()["data"]
        assert (data["success"], data["status"]) == (False, None)
        assert data["error"]

    serve(check)


def test_a_test_reaches_a_webhook_that_is_not_active(serve: Serve, receiver: StartReceiver) -> None:
    received = receiver()

    async def check(there: There) -> None:
        made = await webhook(there.cloud.store, url=received.url, is_active=False)
        data = (await there.post(b"", f"/webhooks/{made.id}/test")).json()["data"]
        assert (data["success"], len(received.requests)) == (True, 1)

    serve(check)


def test_patience_with_a_test_ends(serve: Serve) -> None:
    async def check(there: There) -> None:
        await session(there.cloud.store)
        assert await attempted(there.cloud, TEAM, await delivered(there.cloud.store), 0.01) == []

    serve(check)


def test_patience_with_a_test_ends_when_the_cloud_does(serve: Serve) -> None:
    async def check(there: There) -> None:
        await session(there.cloud.store)
        waiting = asyncio.create_task(attempted(there.cloud, TEAM, await delivered(there.cloud.store), 60))
        await asyncio.sleep(0)
        there.cloud.stop()
        assert await waiting == []

    serve(check)


def test_an_event_is_sent_once_more_to_all_that_match_now(serve: Serve) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        await session(store, "boss.*")
        sent = (await there.post({"type": "ticket.created"})).json()["data"]
        listening = await session(store, "ticket.*")
        answer = await there.post(b"", f"/events/{sent['event']['id']}/resend")
        data = answer.json()["data"]
        assert (answer.status_code, sent["deliveredTo"], data["deliveredTo"]) == (201, 0, 1)
        assert data["event"] == sent["event"]
        assert [delivery["target"] for delivery in data["deliveries"]] == [listening.id]

    serve(check)


def test_an_event_is_sent_once_more_to_one_target(serve: Serve) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        first, second = await session(store), await session(store)
        made = await webhook(store, url=NOBODY)
        event_id = (await there.post({"type": "ticket.created"})).json()["data"]["event"]["id"]
        for target in (first.id, second.id, made.id):
            data = (await there.post({"to": target}, f"/events/{event_id}/resend")).json()["data"]
            assert [delivery["target"] for delivery in data["deliveries"]] == [target]

    serve(check)


def test_a_resend_to_what_is_not_there_is_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        disabled = await webhook(store, url=NOBODY, is_active=False)
        path = f"/events/{(await there.post({'type': 'ticket.created'})).json()['data']['event']['id']}/resend"
        for target in ("whk_none", "ses_none"):
            assert is_missing(await there.post({"to": target}, path))
        assert is_error(await there.post({"to": disabled.id}, path), 409, "invalid_request_error", "conflict")
        for odd in ("", "evt_1", "https://example.com/", "whk_\x00", "whk_é", 7, [disabled.id]):
            assert is_invalid(await there.post({"to": odd}, path), "to")
        assert is_invalid(await there.post(b'{"to":"whk_\\ud800"}', path), "to")
        assert is_missing(await there.post(b"", "/events/evt_none/resend"))
        assert is_missing(await there.post({"to": "ses_none"}, "/events/evt_none/resend"))

    serve(check)


def test_a_pending_delivery_is_canceled_once(serve: Serve) -> None:
    async def check(there: There) -> None:
        await session(there.cloud.store)
        made = await delivered(there.cloud.store)
        answer = await there.post(b"", f"/deliveries/{made.id}/cancel")
        assert (answer.status_code, answer.json()["data"]["status"]) == (200, "canceled")
        [attempt] = (await there.get(f"/deliveries/{made.id}")).json()["data"]["attempts"]
        assert (attempt["outcome"], attempt["error"]) == ("canceled", "canceled through the API")
        again = await there.post(b"", f"/deliveries/{made.id}/cancel")
        assert is_error(again, 409, "invalid_request_error", "conflict")
        listed = (await there.get("/deliveries?status=canceled")).json()["data"]
        assert [delivery["id"] for delivery in listed] == [made.id]

    serve(check)


def test_a_failed_delivery_is_tried_again(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await failed(there)
        answer = await there.post(b"", f"/deliveries/{made.id}/retry")
        assert (answer.status_code, answer.json()["data"]["status"]) == (200, "pending")

    serve(check)


def test_a_delivery_that_has_succeeded_is_not_tried_again(serve: Serve) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        to = await session(store)
        made = await delivered(store)
        await store.settle(to, [outcome(made)])
        answer = await there.post(b"", f"/deliveries/{made.id}/retry")
        assert is_error(answer, 409, "invalid_request_error", "conflict")

    serve(check)


def test_what_has_failed_since_a_time_is_recovered(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await failed(there)
        path = f"/webhooks/{made.target}/recover"
        for since, count in {"2100-01-01T00:00:00Z": 0, "2025-01-01T00:00:00Z": 1}.items():
            assert (await there.post({"since": since}, path)).json()["data"] == {"recovered": count}
        assert await status(there.cloud.store, made) == "pending"

    serve(check)


def test_unknown_deliveries_are_missing(serve: Serve) -> None:
    async def check(there: There) -> None:
        for name in ("dlv_none", "%00", "%FF"):
            assert is_missing(await there.post(b"", f"/deliveries/{name}/retry"))
            assert is_missing(await there.post(b"", f"/deliveries/{name}/cancel"))

    serve(check)
