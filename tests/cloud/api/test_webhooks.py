import re

import pytest

from ..serving import Serve, There, is_error, is_invalid, is_missing
from ..store.making import TEAM

URL = "http://127.0.0.1:9/hook"  # where nothing listens
NEW = {"url": URL, "events": ["ticket.*"]}


async def created(there: There, **changes: object) -> dict[str, object]:
    answer = await there.post(NEW | changes, "/webhooks")
    assert answer.status_code == 201, answer.text
    data: dict[str, object] = answer.json()["data"]
    return data


def without_secret(webhook: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in webhook.items() if name != "signingSecret"}


def test_a_webhook_is_answered_with_its_secret(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await created(there, name="Orders")
        assert re.fullmatch(r"whk_[\w-]{24}", str(made["id"]))
        assert re.fullmatch(r"whsec_[A-Za-z0-9]{44}", str(made["signingSecret"]))
        assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z", str(made["createdAt"]))
        assert made == {
            "id": made["id"],
            "name": "Orders",
            "url": URL,
            "events": ["ticket.*"],
            "isActive": True,
            "disabledReason": None,
            "failingSince": None,
            "previousSecretValidUntil": None,
            "createdAt": made["createdAt"],
            "updatedAt": made["createdAt"],
            "wire": "2025-12",
            "signingSecret": made["signingSecret"],
        }

    serve(check)


def test_the_secret_is_never_shown_again(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await created(there)
        path = f"/webhooks/{made['id']}"
        shown = (await there.get(path)).json()["data"]
        listed = (await there.get("/webhooks")).json()["data"]
        changed = (await there.client.patch(path, json={"name": "Other"})).json()["data"]
        assert shown == without_secret(made)
        assert listed == [shown]
        assert "signingSecret" not in changed

    serve(check)


def test_a_webhook_is_named_after_its_host_unless_it_is_given_a_name(serve: Serve) -> None:
    async def check(there: There) -> None:
        assert (await created(there, url="https://Hooks.Example.com:8443/x"))["name"] == "hooks.example.com"

    serve(check)


def test_subscriptions_are_shown_in_their_normal_form(serve: Serve) -> None:
    async def check(there: There) -> None:
        for events, shown in {
            ("*.*",): ["*"],
            ("ticket.created", "ticket.created", " boss.* "): ["ticket.created", "boss.*"],
            ("ticket.created,boss.*",): ["ticket.created", "boss.*"],
            ("!ticket.closed",): ["*", "!ticket.closed"],
            ("orders.*",): ["orders.*"],
        }.items():
            assert (await created(there, events=events))["events"] == shown

    serve(check)


def test_a_type_that_the_catalogue_does_not_know_is_refused_with_near_misses(serve: Serve) -> None:
    async def check(there: There) -> None:
        for events in (["ticket.craeted"], ["*", "!ticket.craeted"], ["boss.*,ticket.craeted"]):
            answer = await there.post(NEW | {"events": events}, "/webhooks")
            assert is_invalid(answer, "events", "unknown_event_type")
            assert "Did you mean ticket.created" in answer.json()["error"]["message"]

    serve(check)


def test_odd_subscriptions_are_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        for events in ([], [""], [","], ["ticket.*", " , "], ["ticket"], ["é.*"], [7], "ticket.*", ["a.*"] * 101, None):
            assert is_invalid(await there.post(NEW | {"events": events}, "/webhooks"), "events")
        assert is_invalid(await there.post(b'{"url":"http://a.b/","events":["\\ud800.a"]}', "/webhooks"), "events")

    serve(check)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hook",
        "ftp://example.com/",
        "http://",
        "http://user:pass@example.com/",
        "http://example.com/#part",
        "http://exa mple.com/",
        "http://example.com:99999/",
        "http://example.com/\n",
        "http://169.254.169.254/latest/meta-data",
        "http://224.0.0.1/",
        "http://0.0.0.0/",
        "http://\ud800.com/",
        "http://example.com/\ud800",
        "http://example.com/" + "a" * 2000,
    ],
)
def test_a_url_that_nothing_can_be_delivered_to_is_refused(serve: Serve, url: str) -> None:
    async def check(there: There) -> None:
        webhook = await created(there)
        assert is_invalid(await there.post(NEW | {"url": url}, "/webhooks"), "url")
        body = (await there.client.patch(f"/webhooks/{webhook['id']}", json={"url": url})) if url.isascii() else None
        assert body is None or is_invalid(body, "url")

    serve(check)


def test_a_password_in_a_url_is_not_repeated(serve: Serve) -> None:
    async def check(there: There) -> None:
        answer = await there.post(NEW | {"url": "http://user:hunter2@example.com/"}, "/webhooks")
        assert "hunter2" not in answer.text

    serve(check)


def test_the_longest_url_and_name_are_taken(serve: Serve) -> None:
    async def check(there: There) -> None:
        url = "http://example.com/".ljust(2000, "a")
        made = await created(there, url=url, name="é" * 100, isActive=False)
        assert (made["url"], made["name"], made["isActive"]) == (url, "é" * 100, False)

    serve(check)


def test_odd_names_are_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        for name in ("", "x" * 101, "a\nb", "a\n", "\x00", "\x85", "\ud800", 7):
            assert is_invalid(await there.post(NEW | {"name": name}, "/webhooks"), "name")

    serve(check)


@pytest.mark.parametrize("field", ["name", "url", "events"])
def test_an_empty_field_is_refused_in_words(serve: Serve, field: str) -> None:
    async def check(there: There) -> None:
        answer = await there.post(NEW | {field: [] if field == "events" else ""}, "/webhooks")
        assert answer.json()["error"]["message"] == f"{field}: Must not be empty."

    serve(check)


def test_bodies_of_another_shape_are_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        webhook = await created(there)
        path = f"/webhooks/{webhook['id']}"
        for body in (b"{}", b"[]", b"null", b'{"url":"http://a.b/"}'):
            assert is_invalid(await there.post(body, "/webhooks"), None)
        assert is_invalid(await there.post(NEW | {"secret": "mine"}, "/webhooks"), None)
        assert is_invalid(await there.post(NEW | {"isActive": "yes"}, "/webhooks"), "isActive")
        assert is_invalid(await there.post(b"", "/webhooks"), None, "malformed_json")
        assert is_invalid(await there.client.patch(path, json={"id": "whk_other"}), None)
        assert is_invalid(await there.client.patch(path, json={"signingSecret": "mine"}), None)
        assert is_invalid(await there.client.patch(path, content=b"{"), None, "malformed_json")

    serve(check)


def test_what_a_patch_names_changes_and_the_rest_stays(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await created(there)
        path = f"/webhooks/{made['id']}"
        for change in (
            {"name": "Other"},
            {"url": "http://127.0.0.1:9/other"},
            {"events": ["boss.*"]},
            {"name": "Third", "events": ["*"]},
            {},
        ):
            before = (await there.get(path)).json()["data"]
            after = (await there.client.patch(path, json=change)).json()["data"]
            assert after == before | change | {"updatedAt": after["updatedAt"]}
            assert (await there.get(path)).json()["data"] == after

    serve(check)


def test_a_webhook_wants_a_wire_version_that_can_be_changed(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await created(there, wire="2026-03", events=["community_post.voted"])
        path = f"/webhooks/{made['id']}"
        assert made["wire"] == "2026-03"
        assert (await there.client.patch(path, json={"name": "Other"})).json()["data"]["wire"] == "2026-03"
        assert (await there.client.patch(path, json={"wire": "2025-12"})).json()["data"]["wire"] == "2025-12"
        assert is_invalid(await there.post(NEW | {"wire": "2026-3"}, "/webhooks"), "wire")

    serve(check)


def test_a_test_is_of_a_type_of_the_webhooks_wire_version(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await created(there, wire="2026-03", events=["ticket.deleted", "achievement.unlocked"])
        tried = (await there.post({}, f"/webhooks/{made['id']}/test")).json()["data"]
        assert tried["event"] == "ticket.deleted"
        shown = (await there.get(f"/deliveries/{tried['deliveryId']}")).json()["data"]
        [attempt] = shown["attempts"]
        assert shown["event_id"].startswith("evt_ticket_deleted_")
        assert '"data":{"ticket":{' in attempt["request_body"]
        refused = await there.post({"event": "achievement.unlocked"}, f"/webhooks/{made['id']}/test")
        assert is_invalid(refused, "event", "unknown_event_type")
        assert "is of wire version 2025-12" in refused.text
        assert "as cstar trigger achievement.unlocked --wire 2025-12 does" in refused.text
        for mistyped, suggested in (("ticket.asigned", "ticket.assigned"), ("achievement.unlockd", "player.achiev")):
            refused = await there.post({"event": mistyped}, f"/webhooks/{made['id']}/test")
            assert f"Did you mean {suggested}" in refused.text, refused.text

    serve(check)


def test_a_disabled_webhook_says_why_until_it_is_enabled(serve: Serve) -> None:
    async def check(there: There) -> None:
        path = f"/webhooks/{(await created(there))['id']}"
        disabled = (await there.client.patch(path, json={"isActive": False})).json()["data"]
        assert (disabled["isActive"], disabled["disabledReason"]) == (False, "disabled through the API")
        enabled = (await there.client.patch(path, json={"isActive": True})).json()["data"]
        assert (enabled["isActive"], enabled["disabledReason"]) == (True, None)

    serve(check)


def test_a_deleted_webhook_is_gone(serve: Serve) -> None:
    async def check(there: There) -> None:
        webhook_id = (await created(there))["id"]
        deleted = await there.client.delete(f"/webhooks/{webhook_id}")
        assert (deleted.status_code, deleted.json()["data"]) == (200, {"id": webhook_id, "deleted": True})
        assert is_missing(await there.get(f"/webhooks/{webhook_id}"))
        assert is_missing(await there.client.delete(f"/webhooks/{webhook_id}"))
        assert (await there.get("/webhooks")).json()["data"] == []

    serve(check)


def test_webhooks_are_listed_newest_first_in_pages(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = [(await created(there, name=str(number)))["id"] for number in range(3)]
        first, second = [(await there.get(f"/webhooks?page={page}&pageSize=2")).json() for page in (1, 2)]
        assert [webhook["id"] for webhook in first["data"] + second["data"]] == made[::-1]
        assert first["pagination"] == {"page": 1, "pageSize": 2, "hasMore": True}
        assert second["pagination"] == {"page": 2, "pageSize": 2, "hasMore": False}
        assert is_invalid(await there.get("/webhooks?page=0"), "page")

    serve(check)


def test_a_new_secret_is_shown_and_the_old_one_stays_valid_for_a_day(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await created(there)
        answer = await there.post(b"", f"/webhooks/{made['id']}/rotate-secret")
        rotated = answer.json()["data"]
        assert answer.status_code == 200
        assert re.fullmatch(r"whsec_[A-Za-z0-9]{44}", rotated["signingSecret"])
        assert rotated["signingSecret"] != made["signingSecret"]
        stored = await there.cloud.store.webhooks.get(TEAM, str(made["id"]))
        assert stored
        assert (stored.secret, stored.previous_secret) == (rotated["signingSecret"], made["signingSecret"])
        assert stored.previous_secret_until_ms
        assert 86_390_000 < stored.previous_secret_until_ms - there.cloud.now_ms() <= 86_400_000
        assert rotated["previousSecretValidUntil"]

    serve(check)


def test_a_rotation_without_overlap_ends_the_old_secret(serve: Serve) -> None:
    async def check(there: There) -> None:
        path = f"/webhooks/{(await created(there))['id']}/rotate-secret"
        rotated = (await there.post({"overlapSeconds": 0}, path)).json()["data"]
        assert rotated["previousSecretValidUntil"] is None
        for overlap in (-1, 30 * 86_400 + 1, 1.5, "1", None):
            assert is_invalid(await there.post({"overlapSeconds": overlap}, path), "overlapSeconds")
        assert (await there.post({"overlapSeconds": 30 * 86_400}, path)).is_success

    serve(check)


def test_a_request_done_again_with_its_key_makes_the_same_webhook(serve: Serve) -> None:
    async def check(there: There) -> None:
        headers = {"Idempotency-Key": "one"}
        first, second = [await there.client.post("/webhooks", json=NEW, headers=headers) for _ in range(2)]
        assert first.json() == second.json()
        assert len((await there.get("/webhooks")).json()["data"]) == 1

    serve(check)


def test_a_recovery_needs_a_time(serve: Serve) -> None:
    async def check(there: There) -> None:
        path = f"/webhooks/{(await created(there))['id']}/recover"
        for since in ("yesterday", "", "2025-12-10T14:30:00", 7, None):
            assert is_invalid(await there.post({"since": since}, path), "since")
        assert is_invalid(await there.post({}, path), None)
        answer = await there.post({"since": "2025-12-10T14:30:00Z"}, path)
        assert (answer.status_code, answer.json()["data"]) == (200, {"recovered": 0})

    serve(check)


def test_a_test_is_of_a_known_type(serve: Serve) -> None:
    async def check(there: There) -> None:
        path = f"/webhooks/{(await created(there))['id']}/test"
        answer = await there.post({"event": "ticket.craeted"}, path)
        assert is_invalid(answer, "event", "unknown_event_type")
        assert "Did you mean ticket.created" in answer.json()["error"]["message"]

    serve(check)


def test_a_test_of_a_webhook_without_a_known_type_needs_one(serve: Serve) -> None:
    async def check(there: There) -> None:
        path = f"/webhooks/{(await created(there, events=['orders.*']))['id']}/test"
        assert is_invalid(await there.post(b"", path), "event", "parameter_missing")

    serve(check)


def test_an_unknown_webhook_is_missing(serve: Serve) -> None:
    async def check(there: There) -> None:
        for name in ("whk_none", "%00", "%FF", "a" * 20_000):
            path = f"/webhooks/{name}"
            assert is_missing(await there.get(path))
            assert is_missing(await there.client.patch(path, json={"name": "x"}))
            assert is_missing(await there.client.delete(path))
            assert is_missing(await there.post(b"", f"{path}/test"))
            assert is_missing(await there.post(b"", f"{path}/rotate-secret"))
            assert is_missing(await there.post({"since": "2025-12-10T14:30:00Z"}, f"{path}/recover"))

    serve(check)


def test_a_wrong_method_on_a_webhook_is_told_the_right_ones(serve: Serve) -> None:
    async def check(there: There) -> None:
        answer = await there.client.put("/webhooks/whk_none", json={})
        assert is_error(answer, 405, "invalid_request_error", "method_not_allowed")
        assert answer.headers["allow"] == "DELETE, GET, HEAD, PATCH"

    serve(check)
