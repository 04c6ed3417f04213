from cstar_cli.api_keys import new_api_key
from cstar_cli.cloud.store.accounts import ApiKey

from ..serving import Serve, There
from ..store.making import TEAM

WHOAMI = "/api/v1/whoami"


def test_the_homes_own_token_is_told_its_team(serve: Serve) -> None:
    async def check(there: There) -> None:
        answer = await there.get(there.address + WHOAMI)
        assert answer.json()["data"] == {"teamId": TEAM, "keyId": None, "name": None, "readOnly": False}

    serve(check)


def test_an_api_key_is_told_its_name_and_what_it_may(serve: Serve) -> None:
    async def check(there: There) -> None:
        fresh = new_api_key(True)
        await there.cloud.store.accounts.create_key(
            ApiKey("key_1", "team-2", "dashboard", fresh.hash, fresh.hint, True, 0)
        )
        answer = await there.get(there.address + WHOAMI, authorization=f"Bearer {fresh.key}")
        assert answer.json()["data"] == {"teamId": "team-2", "keyId": "key_1", "name": "dashboard", "readOnly": True}

    serve(check)


def test_nobody_is_told_nothing(serve: Serve) -> None:
    async def check(there: There) -> None:
        assert (await there.get(there.address + WHOAMI, authorization="Bearer nobody")).status_code == 401

    serve(check)
