import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from cstar_cli.api_keys import hash_of, is_api_key

from ..serving import TOKEN, Serve, There, is_error, is_invalid, is_missing, options, serving
from ..store.making import TEAM

KEYS = "/api-keys"


async def create(there: There, **body: object) -> dict[str, Any]:
    answer = await there.post(body, KEYS)
    assert answer.status_code == 201
    data: dict[str, Any] = answer.json()["data"]
    return data


def files_of(folder: Path) -> list[bytes]:
    """What the database's files hold."""
    files = [file.read_bytes() for file in folder.rglob("*.db*")]
    assert files
    return files


async def as_holder_of(there: There, key: str, method: str, path: str) -> httpx.Response:
    return await there.client.request(method, path, headers={"authorization": f"Bearer {key}"})


def test_a_key_is_shown_once(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await create(there, name="ci")
        assert set(made) == {"id", "name", "hint", "readOnly", "createdAt", "key"}
        assert (made["name"], made["readOnly"]) == ("ci", False)
        assert made["id"].startswith("key_")
        assert is_api_key(made["key"])
        assert made["key"].startswith("sk_live_")
        listed = (await there.get(KEYS)).json()["data"]
        assert listed == [{name: value for name, value in made.items() if name != "key"}]

    serve(check)


def test_a_key_needs_no_name_and_may_only_read(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await create(there, readOnly=True)
        assert (made["name"], made["readOnly"]) == ("API key", True)
        assert made["key"].startswith("pk_live_")
        assert (await there.client.post(KEYS)).status_code == 201

    serve(check)


def test_keys_are_listed_newest_first(serve: Serve) -> None:
    async def check(there: There) -> None:
        for name in ("a", "b", "c"):
            await create(there, name=name)
        assert [key["name"] for key in (await there.get(KEYS)).json()["data"]] == ["c", "b", "a"]

    serve(check)


def test_keys_are_listed_in_pages(serve: Serve) -> None:
    async def check(there: There) -> None:
        for name in ("a", "b", "c"):
            await create(there, name=name)
        first, second = [(await there.get(f"{KEYS}?page={page}&pageSize=2")).json() for page in (1, 2)]
        assert [[key["name"] for key in page["data"]] for page in (first, second)] == [["c", "b"], ["a"]]
        assert first["pagination"] == {"page": 1, "pageSize": 2, "hasMore": True}
        assert second["pagination"] == {"page": 2, "pageSize": 2, "hasMore": False}
        assert is_invalid(await there.get(f"{KEYS}?pageSize=101"), "pageSize")

    serve(check)


def test_what_is_stored_is_the_hash(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(options(tmp_path)) as there:
            made = await create(there)
            again = await there.client.post(KEYS, headers={"idempotency-key": "one"})
            for key in (made["key"], again.json()["data"]["key"]):
                stored = await there.cloud.store.accounts.find_key(hash_of(key))
                assert stored
                assert key not in repr(stored)
                assert not any(key[8:].encode() in file for file in files_of(tmp_path))

    asyncio.run(main())


def test_a_fresh_key_opens_its_team(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await create(there, name="ci", readOnly=True)
        answer = await as_holder_of(there, made["key"], "GET", f"{there.address}/api/v1/whoami")
        assert answer.json()["data"] == {"teamId": TEAM, "keyId": made["id"], "name": "ci", "readOnly": True}

    serve(check)


def test_the_home_s_own_token_is_no_key(serve: Serve) -> None:
    async def check(there: There) -> None:
        answer = await there.get(f"{there.address}/api/v1/whoami")
        assert answer.json()["data"] == {"teamId": TEAM, "keyId": None, "name": None, "readOnly": False}

    serve(check)


def test_a_revoked_key_is_gone(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await create(there)
        answer = await there.client.delete(f"{KEYS}/{made['id']}")
        assert answer.json()["data"] == {"id": made["id"], "revoked": True}
        assert (await there.get(KEYS)).json()["data"] == []
        assert (await as_holder_of(there, made["key"], "GET", KEYS)).status_code == 401
        assert is_missing(await there.client.delete(f"{KEYS}/{made['id']}"))

    serve(check)


def test_an_unknown_key_can_t_be_revoked(serve: Serve) -> None:
    async def check(there: There) -> None:
        for id in ("key_none", "%00", "é"):
            assert is_missing(await there.client.delete(f"{KEYS}/{id}"))

    serve(check)


def test_a_secret_key_may_manage_its_team_s_keys_and_itself(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await create(there)
        other = await as_holder_of(there, made["key"], "POST", KEYS)
        assert other.status_code == 201
        for id in (other.json()["data"]["id"], made["id"]):
            assert (await as_holder_of(there, made["key"], "DELETE", f"{KEYS}/{id}")).is_success
        assert (await there.get(KEYS)).json()["data"] == []

    serve(check)


def test_a_publishable_key_may_only_look(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await create(there, readOnly=True)
        assert len((await as_holder_of(there, made["key"], "GET", KEYS)).json()["data"]) == 1
        for method, path in (("POST", KEYS), ("DELETE", f"{KEYS}/{made['id']}")):
            answer = await as_holder_of(there, made["key"], method, path)
            assert is_error(answer, 403, "authorization_error", "insufficient_permissions")

    serve(check)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"name": "a\n"}, "name"),
        ({"name": 1}, "name"),
        ({"readOnly": "yes"}, "readOnly"),
        ({"read_only": True}, None),
        ([], None),
    ],
)
def test_an_odd_body_is_refused(serve: Serve, body: object, param: str | None) -> None:
    async def check(there: There) -> None:
        assert is_invalid(await there.post(body, KEYS), param)
        assert (await there.get(KEYS)).json()["data"] == []

    serve(check)


def test_the_same_request_shows_the_same_key_again_to_who_made_it(serve: Serve) -> None:
    async def check(there: There) -> None:
        async def ask(token: str) -> httpx.Response:
            headers = {"idempotency-key": "one", "authorization": f"Bearer {token}"}
            return await there.client.post(KEYS, content=json.dumps({"name": "ci"}), headers=headers)

        other = (await create(there))["key"]
        answers = await asyncio.gather(*(ask(TOKEN) for _ in range(10)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["data"]["key"] for answer in answers}) == 1
        assert len((await there.get(KEYS)).json()["data"]) == 2
        assert is_error(await ask(other), 409, "invalid_request_error", "conflict")

    serve(check)
