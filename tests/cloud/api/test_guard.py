import asyncio
from pathlib import Path

import pytest

from cstar_cli.cloud.api.guard import Access

from ..serving import TOKEN, Serve, There, is_error, is_missing, options, serving
from ..store.making import TEAM

HEALTH = "/health"


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer é"],
)
def test_without_the_token_nobody_comes_in(serve: Serve, authorization: str) -> None:
    async def check(there: There) -> None:
        answer = await there.client.get(HEALTH, headers=[(b"authorization", authorization.encode("latin-1"))])
        assert is_error(answer, 401, "authentication_error", "authentication_required")
        assert answer.headers["www-authenticate"] == "Bearer"

    serve(check)


def test_the_scheme_may_be_written_in_any_case(serve: Serve) -> None:
    async def check(there: There) -> None:
        assert (await there.get(HEALTH, authorization=f"bEARER  {TOKEN}")).is_success

    serve(check)


def test_the_token_is_asked_for_before_anything_is_said(serve: Serve) -> None:
    async def check(there: There) -> None:
        for path in ("/nothing", "/events/evt_none", "/../../other"):
            assert (await there.get(path, authorization="Bearer wrong")).status_code == 401

    serve(check)


def test_the_token_opens_one_team(serve: Serve) -> None:
    async def check(there: There) -> None:
        for team in ("other", "", "%00", f"{TEAM}x", "é", f"{TEAM}%2F"):
            answer = await there.get(f"{there.address}/api/v1/teams/{team}/health")
            assert is_missing(answer)

    serve(check)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:7827", "127.0.0.1", "127.0.0.1:1", "192.168.1.7:7827", "[::1]", "[::1]:7827", "[fe80::1]"],
)
def test_an_address_or_localhost_is_our_host(serve: Serve, host: str) -> None:
    async def check(there: There) -> None:
        assert (await there.get(HEALTH, host=host)).is_success

    serve(check)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:7827",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1.nip.io",
        "evil.example:80@127.0.0.1",
        "user@localhost",
        "localhost.",
        "2130706433",
        "0x7f000001",
        "127.1",
        "[::1",
        "::1]",
        "[::1].evil.example",
        "",
        ":7827",
    ],
)
def test_any_other_host_is_refused(serve: Serve, host: str) -> None:
    async def check(there: There) -> None:
        assert is_error(await there.get(HEALTH, host=host), 403, "authorization_error", "insufficient_permissions")

    serve(check)


def test_a_request_without_a_host_is_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        assert await there.raw_status(f"GET /api/v1/teams/{TEAM}/health HTTP/1.0") == 403

    serve(check)


def test_two_hosts_are_one_too_many(serve: Serve) -> None:
    async def check(there: There) -> None:
        for hosts in (["localhost", "evil.example"], ["evil.example", "localhost"], ["localhost", "localhost"]):
            headers = [f"Host: {host}" for host in hosts]
            assert await there.raw_status(f"GET /api/v1/teams/{TEAM}/health HTTP/1.1", *headers) == 403

    serve(check)


def test_an_allowed_name_is_our_host_in_any_case(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(options(tmp_path, hosts=frozenset({"My-Box.test"}))) as there:
            for host in ("my-box.test", "MY-BOX.TEST:7827"):
                assert (await there.get(HEALTH, host=host)).is_success
            assert (await there.get(HEALTH, host="other.test")).status_code == 403

    asyncio.run(main())


@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://evil.example", "http://localhost:3000", "http://127.0.0.1", "{own}/", "{own}.evil.example"],
)
def test_pages_of_other_sites_are_refused(serve: Serve, origin: str) -> None:
    async def check(there: There) -> None:
        answer = await there.get(HEALTH, origin=origin.format(own=there.address))
        assert is_error(answer, 403, "authorization_error", "insufficient_permissions")

    serve(check)


def test_a_page_of_the_cloud_itself_may_ask(serve: Serve) -> None:
    async def check(there: There) -> None:
        assert (await there.get(HEALTH, origin=there.address)).is_success

    serve(check)


def test_no_header_lets_a_browser_read_the_answer(serve: Serve) -> None:
    async def check(there: There) -> None:
        answer = await there.client.options(HEALTH, headers={"origin": there.address})
        assert not any(name.startswith("access-control") for name in answer.headers)

    serve(check)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Bearer one two", "Token one", "Bearer \xe9"])
def test_what_is_no_known_token_opens_no_team(authorization: str) -> None:
    assert Access({"one": "team-1"}).team_of(authorization) is None


def test_each_token_opens_its_team() -> None:
    access = Access({"one": "team-1", "two": "team-2"})
    assert (access.team_of("Bearer one"), access.team_of("Bearer two")) == ("team-1", "team-2")
