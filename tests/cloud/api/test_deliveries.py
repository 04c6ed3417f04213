from msgspec.structs import replace

from cstar_cli.events.envelope import build_event
from cstar_cli.events.wires import body_in

from ..serving import Serve, There, is_missing
from ..store.making import T0_MS, TEAM, URL, delivered, event, outcome, session


def test_deliveries_are_listed_newest_first_in_pages(serve: Serve) -> None:
    async def check(there: There) -> None:
        await session(there.cloud.store)
        made = [(await delivered(there.cloud.store)).id for _ in range(3)]
        first, second = [(await there.get(f"/deliveries?page={number}&pageSize=2")).json() for number in (1, 2)]
        assert [delivery["id"] for delivery in first["data"]] == made[:0:-1]
        assert first["pagination"] == {"page": 1, "pageSize": 2, "hasMore": True}
        assert [delivery["id"] for delivery in second["data"]] == made[:1]
        assert second["pagination"] == {"page": 2, "pageSize": 2, "hasMore": False}

    serve(check)


def test_deliveries_are_found_by_type_status_target_and_event(serve: Serve) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        to = await session(store)
        ticket, boss = await delivered(store, "ticket.created"), await delivered(store, "boss.spawned")
        await store.settle(to, [outcome(boss, 500)])
        for query, wanted in {
            "events=boss.*": [boss.id],
            "status=pending": [ticket.id],
            "status=failed": [boss.id],
            "status=succeeded": [],
            f"target={to.id}": [boss.id, ticket.id],
            "target=ses_none": [],
            f"event_id={ticket.event_id}": [ticket.id],
            f"event_id={ticket.event_id}&status=failed": [],
        }.items():
            answer = await there.get(f"/deliveries?{query}")
            assert [delivery["id"] for delivery in answer.json()["data"]] == wanted, query

    serve(check)


def test_a_url_as_target_is_found(serve: Serve) -> None:
    async def check(there: There) -> None:
        await session(there.cloud.store)
        made = await delivered(there.cloud.store)
        answer = await there.client.get("/deliveries", params={"target": URL})
        assert [delivery["id"] for delivery in answer.json()["data"]] == [made.id]

    serve(check)


def test_a_delivery_whose_listener_ended_was_not_attempted(serve: Serve) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        to = await session(store)
        made = await delivered(store)
        await store.end_session(to, "over")
        shown = (await there.get(f"/deliveries/{made.id}")).json()["data"]
        assert (shown["status"], shown["attempt_count"], len(shown["attempts"])) == ("failed", 0, 1)

    serve(check)


def test_one_delivery_is_shown_with_each_attempt_whole(serve: Serve) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        to = await session(store)
        [made] = await store.append_event(event(body='{"é":1}'.encode()))
        await store.settle(to, [outcome(made, 404, error="answered 404")])
        shown = (await there.get(f"/deliveries/{made.id}")).json()["data"]
        assert (shown["status"], shown["attempt_count"], shown["next_attempt_at"]) == ("failed", 1, None)
        [attempt] = shown["attempts"]
        assert attempt == {
            "time": "2025-12-10T14:13:20.000Z",
            "event_id": made.event_id,
            "event_type": "ticket.created",
            "delivery_id": made.id,
            "attempt": 1,
            "target": to.id,
            "url": URL,
            "status": 404,
            "duration_ms": 4.2,
            "outcome": "failed",
            "error": "answered 404",
            "next_attempt_at": None,
            "request_headers": [["x-cstar-event", "ticket.created"]],
            "request_body": '{"é":1}',
            "response_headers": [["Content-Type", "text/plain"], ["X-Twice", "1"], ["X-Twice", "2"]],
            "response_body": "ok\x00\ufffd",
            "error_class": None,
            "connect_ms": None,
            "first_byte_ms": None,
        }

    serve(check)


def test_a_delivery_without_an_attempt_shows_none(serve: Serve) -> None:
    async def check(there: There) -> None:
        await session(there.cloud.store)
        made = await delivered(there.cloud.store)
        shown = (await there.get(f"/deliveries/{made.id}")).json()["data"]
        assert (shown["attempts"], shown["status"]) == ([], "pending")

    serve(check)


def test_an_unknown_delivery_is_missing(serve: Serve) -> None:
    async def check(there: There) -> None:
        for name in ("dlv_none", "%00", "%FF", "a" * 20_000):
            assert is_missing(await there.get(f"/deliveries/{name}"))

    serve(check)


def test_another_teams_delivery_is_missing(serve: Serve) -> None:
    async def check(there: There) -> None:
        await session(there.cloud.store, team_id="team-2")
        made = await delivered(there.cloud.store, team_id="team-2")
        assert is_missing(await there.get(f"/deliveries/{made.id}"))

    serve(check)


def test_each_attempt_shows_the_body_as_the_wire_version_of_its_headers_had_it(serve: Serve) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        to = await session(store)
        made = build_event("ticket.created", {"id": "1"}, TEAM, T0_MS)
        [delivery] = await store.append_event(made)
        for attempt, header in enumerate(("x-cstar-signature", "X-Signature", "other"), 1):
            sent = replace(outcome(delivery, 500, attempt=attempt), request_headers=((header, "s"),))
            await store.settle(to, [sent], {delivery.id: [0, 0, 0]})
        shown = (await there.get(f"/deliveries/{delivery.id}")).json()["data"]
        bodies = [attempt["request_body"].encode() for attempt in shown["attempts"]]
        assert bodies == [made.body, body_in("2026-03", made.body, "2025-12"), made.body]

    serve(check)
