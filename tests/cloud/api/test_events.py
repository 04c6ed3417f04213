import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest

from cstar_cli.cloud.store.records import Traits
from cstar_cli.events import catalogue
from cstar_cli.events.filters import EventFilter

from ..serving import Serve, There, is_error, is_invalid, is_missing
from ..store.making import TEAM, URL, session

MIB = 1024 * 1024


def custom(data: str) -> bytes:
    return f'{{"type":"custom.thing","custom":true,"data":{data}}}'.encode()


async def body_of(there: There, wanted: object) -> str:
    created = await there.post(wanted)
    assert created.status_code == 201, created.text
    shown = await there.get(f"/events/{created.json()['data']['event']['id']}")
    text = shown.json()["data"]["body"]
    assert isinstance(text, str)
    return text


def test_an_event_is_answered_with_its_deliveries(serve: Serve) -> None:
    async def check(there: There) -> None:
        to = await session(there.cloud.store)
        answer = await there.post({"type": "ticket.created", "data": {"n": 1}})
        data = answer.json()["data"]
        [delivery] = data["deliveries"]
        assert (answer.status_code, data["deliveredTo"]) == (201, 1)
        assert set(data["event"]) == {"id", "type", "team_id", "created_at"}
        assert (data["event"]["type"], data["event"]["team_id"]) == ("ticket.created", TEAM)
        assert re.fullmatch(r"evt_[\w-]{24}", data["event"]["id"])
        assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", data["event"]["created_at"])
        assert delivery == {
            "id": delivery["id"],
            "event_id": data["event"]["id"],
            "event_type": "ticket.created",
            "target": to.id,
            "url": URL,
            "status": "pending",
            "attempt_count": 0,
            "created_at": delivery["created_at"],
            "next_attempt_at": delivery["created_at"],
        }

    serve(check)


def test_an_event_is_durable_when_it_is_answered(serve: Serve) -> None:
    async def check(there: There) -> None:
        answer = await there.post({"type": "ticket.created"})
        event = answer.json()["data"]["event"]
        stored = await there.cloud.store.event(TEAM, event["id"])
        assert stored
        assert json.loads(stored.body)["id"] == event["id"]

    serve(check)


def test_every_type_has_data_of_its_own(serve: Serve) -> None:
    async def check(there: There) -> None:
        for name in catalogue.names():
            envelope = json.loads(await body_of(there, {"type": name}))
            assert list(envelope) == ["id", "type", "team_id", "created_at", "data"]
            assert envelope["type"] == name
            assert envelope["data"]["id"]

    serve(check)


def test_every_type_of_another_wire_version_has_too_and_is_kept_in_that(serve: Serve) -> None:
    async def check(there: There) -> None:
        for name in catalogue.names("2026-03"):
            envelope = json.loads(await body_of(there, {"type": name, "wire": "2026-03"}))
            assert list(envelope) == ["id", "type", "created_at", "team_id", "data"]
            assert re.fullmatch(rf"evt_{name.replace('.', '_')}_[0-9]{{13}}_[0-9a-z]{{8}}", envelope["id"])
            shown = (await there.get(f"/events/{envelope['id']}")).json()["data"]
            assert (shown["type"], shown["wire"]) == (name, "2026-03")

    serve(check)


@pytest.mark.parametrize(
    ("event_type", "wire", "other"),
    [("ticket.deleted", "2025-12", "2026-03"), ("achievement.unlocked", "2026-03", "2025-12")],
)
def test_a_type_that_another_version_has_is_refused_with_its_name(
    serve: Serve, event_type: str, wire: str, other: str
) -> None:
    async def check(there: There) -> None:
        answer = await there.post({"type": event_type, "wire": wire})
        assert is_invalid(answer, "type", "unknown_event_type")
        assert f"{event_type} is of wire version {other}" in answer.text

    serve(check)


def test_a_wire_version_that_does_not_exist_is_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        assert is_invalid(await there.post({"type": "ticket.created", "wire": "2024-01"}), "wire")

    serve(check)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ('{"b":1.0,"10":1,"2":-0}', '{"2":0,"10":1,"b":1}'),
        ('{ "n" : 1e21 , "big" : 12345678901234567890 }', '{"n":1e+21,"big":12345678901234567000}'),
        ('{"s":"\\u00e9\\/\\u2028\\ud800"}', '{"s":"é/\u2028\\ud800"}'),
        ('{"s":"\\ud83d\\ude00"}', '{"s":"😀"}'),
        ('{"twice":1,"twice":2}', '{"twice":2}'),
        ('{"\\ud800":1}', '{"\\ud800":1}'),
        ("{}", "{}"),
    ],
)
def test_data_is_brought_into_the_form_of_json_stringify(serve: Serve, given: str, stored: str) -> None:
    async def check(there: There) -> None:
        assert (await body_of(there, custom(given))).endswith(f',"data":{stored}}}')

    serve(check)


def test_a_custom_type_needs_to_be_called_custom(serve: Serve) -> None:
    async def check(there: There) -> None:
        wanted = {"type": "custom.thing", "data": {}}
        assert is_invalid(await there.post(wanted), "type", "unknown_event_type")
        assert (await there.post({**wanted, "custom": True})).status_code == 201

    serve(check)


def test_a_custom_type_needs_data(serve: Serve) -> None:
    async def check(there: There) -> None:
        answer = await there.post({"type": "custom.thing", "custom": True})
        assert is_invalid(answer, "data", "parameter_missing")

    serve(check)


def test_a_known_type_may_be_called_custom(serve: Serve) -> None:
    async def check(there: There) -> None:
        assert (await there.post({"type": "ticket.created", "custom": True})).status_code == 201

    serve(check)


def test_an_unknown_type_is_told_what_it_may_have_meant(serve: Serve) -> None:
    async def check(there: There) -> None:
        answer = await there.post({"type": "ticket.create"})
        assert is_invalid(answer, "type", "unknown_event_type")
        assert "Did you mean ticket.created" in answer.json()["error"]["message"]

    serve(check)


def test_what_is_no_type_at_all_is_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        for name in ("", "ticket", "Ticket.created", "a.b.c", "a.b\n", "é.a", "a." + "b" * 200, "\x00.a"):
            answer = await there.post({"type": name, "custom": True, "data": {}})
            assert is_invalid(answer, "type", "unknown_event_type")
        assert is_invalid(await there.post(b'{"type":"\\ud800.a"}'), "type", "unknown_event_type")

    serve(check)


def test_malformed_json_is_refused_with_its_place(serve: Serve) -> None:
    async def check(there: There) -> None:
        for body in (
            b"",
            b"{",
            b"nothing",
            b'{"type":}',
            b"\xff",
            b'\xef\xbb\xbf{"type":"ticket.created"}',
            b"[" * 9999,
        ):
            answer = await there.post(body)
            assert is_invalid(answer, None, "malformed_json")
            assert "line 1" in answer.json()["error"]["message"]

    serve(check)


def test_a_body_of_another_shape_is_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        for body, param in {
            b"[]": None,
            b"null": None,
            b"7": None,
            b"{}": None,
            b'{"type":7}': "type",
            b'{"type":"ticket.created","data":[]}': "data",
            b'{"type":"ticket.created","data":"text"}': "data",
            b'{"type":"ticket.created","custom":"yes"}': "custom",
        }.items():
            assert is_invalid(await there.post(body), param)

    serve(check)


def test_unknown_fields_are_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        answer = await there.post({"type": "ticket.created", "dta": {}})
        assert is_invalid(answer, None)
        assert "`dta`" in answer.json()["error"]["message"]

    serve(check)


def test_a_field_whose_name_is_no_text_is_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        assert is_invalid(await there.post(b'{"type":"ticket.created","\\ud800":1}'), None)

    serve(check)


def test_data_may_be_500_levels_deep_and_no_more(serve: Serve) -> None:
    async def check(there: There) -> None:
        for levels, status in ((498, 201), (499, 400)):
            answer = await there.post(custom('{"a":' + "[" * levels + "]" * levels + "}"))
            assert answer.status_code == status

    serve(check)


def test_a_body_of_1_mib_may_come_and_no_larger_one(serve: Serve) -> None:
    async def check(there: There) -> None:
        frame = len(custom('{"a":""}'))
        for size, status in ((MIB - frame - 200, 201), (MIB - frame + 1, 413)):
            answer = await there.post(custom('{"a":"' + "x" * size + '"}'))
            assert answer.status_code == status
        assert is_error(answer, 413, "invalid_request_error", "body_too_large")

    serve(check)


def test_an_event_that_grows_too_large_in_its_canonical_form_is_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        answer = await there.post(custom('{"a":[' + ",".join(["1e20"] * 150_000) + "]}"))
        assert is_error(answer, 413, "invalid_request_error", "body_too_large")

    serve(check)


def test_a_body_without_a_length_is_cut_off_at_1_mib(serve: Serve) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 100_000

    async def check(there: There) -> None:
        answer = await there.client.post("/events", content=endless())
        assert is_error(answer, 413, "invalid_request_error", "body_too_large")

    serve(check)


def test_a_body_that_is_too_large_is_refused_before_it_comes(serve: Serve) -> None:
    async def check(there: There) -> None:
        line = f"POST /api/v1/teams/{TEAM}/events HTTP/1.1"
        for length in ("1048577", "9" * 18):
            assert await there.raw_status(line, "Host: localhost", f"Content-Length: {length}") == 413

    serve(check)


def test_many_at_once_are_all_accepted(serve: Serve) -> None:
    async def check(there: There) -> None:
        await session(there.cloud.store)
        answers = await asyncio.gather(*(there.post({"type": "boss.spawned"}) for _ in range(200)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["data"]["deliveries"][0]["id"] for answer in answers}) == 200

    serve(check)


def test_events_are_listed_newest_first_in_pages(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = [(await there.post({"type": "ticket.created"})).json()["data"]["event"]["id"] for _ in range(5)]
        pages = [(await there.get(f"/events?page={number}&pageSize=2")).json() for number in (1, 2, 3, 4)]
        assert [[event["id"] for event in page["data"]] for page in pages] == [
            made[:2:-1],
            made[2:0:-1],
            made[:1],
            [],
        ]
        assert [page["pagination"] for page in pages] == [
            {"page": 1, "pageSize": 2, "hasMore": True},
            {"page": 2, "pageSize": 2, "hasMore": True},
            {"page": 3, "pageSize": 2, "hasMore": False},
            {"page": 4, "pageSize": 2, "hasMore": False},
        ]

    serve(check)


def test_events_are_listed_20_a_page_unless_asked_otherwise(serve: Serve) -> None:
    async def check(there: There) -> None:
        assert (await there.get("/events")).json()["pagination"] == {"page": 1, "pageSize": 20, "hasMore": False}

    serve(check)


def test_events_are_listed_by_type(serve: Serve) -> None:
    async def check(there: There) -> None:
        for name in ("ticket.created", "ticket.closed", "boss.spawned"):
            await there.post({"type": name})
        answer = await there.get("/events?events=ticket.*,!ticket.closed&events=boss.*")
        assert [event["type"] for event in answer.json()["data"]] == ["boss.spawned", "ticket.created"]

    serve(check)


def test_one_event_is_shown_with_its_body_and_deliveries(serve: Serve) -> None:
    async def check(there: There) -> None:
        await session(there.cloud.store)
        created = (await there.post(custom('{"n":1}'))).json()["data"]
        shown = (await there.get(f"/events/{created['event']['id']}")).json()["data"]
        assert shown["deliveries"] == created["deliveries"]
        assert {name: shown[name] for name in created["event"]} == created["event"]
        assert json.loads(shown["body"])["data"] == {"n": 1}

    serve(check)


def test_an_unknown_event_is_missing(serve: Serve) -> None:
    async def check(there: There) -> None:
        for name in ("evt_none", "%00", "%FF%FE", "é", "a" * 20_000, "%2E%2E", "'--"):
            assert is_missing(await there.get(f"/events/{name}"))

    serve(check)


@pytest.mark.parametrize("plain", [True, False], ids=["straight", "ordinary"])
def test_the_machine_that_asks_is_the_events_origin(serve: Serve, plain: bool) -> None:
    async def check(there: There) -> None:
        headers = {"x-cstar-origin": "machine-1", **({} if plain else {"idempotency-key": "1"})}
        mine = Traits(origin="machine-1")
        await there.cloud.store.open_session(TEAM, EventFilter.parse(()), URL, mine)
        for _ in range(2):  # the second head is one that is remembered
            said = await there.client.post("/events", json={"type": "ticket.created"}, headers=headers)
            assert said.json()["data"]["deliveredTo"] == 1
        [listed, *_] = (await there.get("/events")).json()["data"]
        kept = await there.cloud.store.event(TEAM, listed["id"])
        assert kept
        assert kept.origin == "machine-1"
        elsewhere = await there.client.post("/events", json={"type": "ticket.created"}, headers={})
        assert elsewhere.json()["data"]["deliveredTo"] == 0

    serve(check)


def test_a_machines_name_of_another_form_is_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        answer = await there.client.post("/events", json={"type": "ticket.created"}, headers={"x-cstar-origin": "a b"})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "x-cstar-origin"

    serve(check)
