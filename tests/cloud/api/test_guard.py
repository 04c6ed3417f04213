import asyncio
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from cstar_cli.api_keys import new_api_key
from cstar_cli.cloud.store.accounts import ApiKey
from cstar_cli.protocol.frames import SUBPROTOCOL

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


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/openapi.json"])
def test_probes_and_the_document_need_no_token(serve: Serve, path: str) -> None:
    async def check(there: There) -> None:
        assert (await bare(there, path)).status_code == 200
        assert (await bare(there, path, authorization="Bearer wrong")).status_code == 200

    serve(check)


@pytest.mark.parametrize(
    "path", ["/health/", "//health", "/health%0A", "/Health", "/metrics/..", "/api/v1/whoami", "/"]
)
def test_everything_else_at_the_root_does(serve: Serve, path: str) -> None:
    async def check(there: There) -> None:
        assert (await bare(there, path)).status_code == 401

    serve(check)


@pytest.mark.parametrize(
    ("path", "status"), [("/health", 200), ("/ready", 200), ("/metrics", 200), ("/openapi.json", 403)]
)
def test_probes_come_under_names_of_their_own(serve: Serve, path: str, status: int) -> None:
    async def check(there: There) -> None:
        assert (await bare(there, path, host="cstar-7f9c.pods.internal:7827")).status_code == status
        assert await there.raw_status(f"GET {path} HTTP/1.0") == status

    serve(check)


def test_pages_of_other_sites_learn_nothing_from_the_probes(serve: Serve) -> None:
    async def check(there: There) -> None:
        for path in ("/health", "/ready", "/metrics", "/openapi.json"):
            answer = await bare(there, path, origin="http://evil.example")
            assert is_error(answer, 403, "authorization_error", "insufficient_permissions")

    serve(check)


def test_two_tokens_are_one_too_many(serve: Serve) -> None:
    async def check(there: There) -> None:
        for tokens in ((TOKEN, "wrong"), ("wrong", TOKEN), (TOKEN, TOKEN)):
            headers = [("authorization", f"Bearer {token}") for token in tokens]
            async with httpx.AsyncClient(trust_env=False, verify=False) as client:
                assert (await client.get(f"{there.client.base_url}health", headers=headers)).status_code == 401

    serve(check)


def test_a_key_opens_its_own_team_alone(serve: Serve) -> None:
    async def check(there: There) -> None:
        ours, theirs = await add_key(there), await add_key(there, team_id="team-2")
        assert (await there.get(HEALTH, authorization=f"Bearer {ours}")).is_success
        answer = await there.get(HEALTH, authorization=f"Bearer {theirs}")
        assert is_missing(answer)
        assert answer.json()["error"]["message"] == "No such team, or not yours."
        other = f"{there.address}/api/v1/teams/team-2/health"
        assert is_missing(await there.get(other, authorization=f"Bearer {ours}"))
        assert (await there.get(other, authorization=f"Bearer {theirs}")).is_success

    serve(check)


def test_one_team_never_sees_what_is_another_s(serve: Serve) -> None:
    async def check(there: There) -> None:
        theirs = await add_key(there, team_id="team-2")
        made = (await there.post({"type": "ticket.created"})).json()["data"]
        key_id = (await there.post({}, "/api-keys")).json()["data"]["id"]
        base = f"{there.address}/api/v1/teams/team-2"
        for method, path in (
            ("GET", f"/events/{made['event']['id']}"),
            ("POST", f"/events/{made['event']['id']}/resend"),
            ("DELETE", f"/api-keys/{key_id}"),
        ):
            answer = await there.client.request(method, base + path, headers={"authorization": f"Bearer {theirs}"})
            assert is_missing(answer), path

    serve(check)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/teams/team-2/../team-1/health",
        "/api/v1/teams/team-2/%2e%2e/team-1/health",
        "/api/v1/teams//team-1/health",
        "//api/v1/teams/team-1/health",
        "/api/v1//teams/team-1/health",
        "/api/v1/teams%2Fteam-1%2Fhealth",
        "/api/v1/teams/team-1%2Fhealth",
        "/api/v1/teams/team-1%2f%2e%2e%2fteam-2/health",
        "/api/v1/%74eams/team-1/health",
        "/api/v1/teams/team-1;x/health",
        "/api/v1/teams/team-1%00/health",
        "/api/v1/teams/team-1%0A/health",
        "/API/v1/teams/team-1/health",
        "/api/v1/teams/team-1?x/../team-2/health",
        "/api/v1/teams/team-1\\health",
        "http://localhost/api/v1/teams/team-1/health",
        "/health/../api/v1/teams/team-1/health",
        "/%2e/api/v1/teams/team-1/health",
        "*",
        "localhost:80",
    ],
)
def test_no_way_of_writing_a_path_opens_another_team(serve: Serve, path: str) -> None:
    async def check(there: There) -> None:
        token = f"Authorization: Bearer {await add_key(there, team_id='team-2')}"
        for method in ("GET", "POST", "OPTIONS", "CONNECT"):
            status = await raw(there, f"{method} {path} HTTP/1.1", "Host: localhost", token)
            assert status in (400, 404, 405), method
        upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        subprotocol = f"Sec-WebSocket-Protocol: {SUBPROTOCOL}"
        line = f"GET {path.replace('health', 'tunnel')} HTTP/1.1"
        assert await raw(there, line, "Host: localhost", token, *upgrade, key, subprotocol) in (400, 404, 405)

    serve(check)


def test_a_publishable_key_only_reads(serve: Serve) -> None:
    async def check(there: There) -> None:
        authorization = {"authorization": f"Bearer {await add_key(there, read_only=True)}"}
        for path in (HEALTH, "/events", "/deliveries", "/webhooks", f"{there.address}/api/v1/whoami"):
            for method in ("GET", "HEAD"):
                assert (await there.client.request(method, path, headers=authorization)).is_success
            for method in ("POST", "PATCH", "PUT", "DELETE", "OPTIONS"):
                answer = await there.client.request(method, path, headers=authorization)
                assert is_error(answer, 403, "authorization_error", "insufficient_permissions")

    serve(check)


@pytest.mark.parametrize(
    ("read_only", "team_id", "status"), [(True, TEAM, 403), (False, "team-2", 404), (False, TEAM, 101)]
)
def test_the_tunnel_needs_a_secret_key_of_its_team(serve: Serve, read_only: bool, team_id: str, status: int) -> None:
    async def check(there: There) -> None:
        key = await add_key(there, read_only=read_only, team_id=team_id)
        url = f"ws{there.address.removeprefix('http')}/api/v1/teams/{TEAM}/tunnel"
        headers = {"Authorization": f"Bearer {key}"}
        try:
            async with connect(url, additional_headers=headers, subprotocols=[SUBPROTOCOL], proxy=None):  # type: ignore[list-item] # a str
                found = 101
        except InvalidStatus as error:
            found = error.response.status_code
        assert found == status

    serve(check)


@pytest.mark.parametrize(
    "path", ["/events/%00", "/events/evt_%00", "/webhooks/%00", "/api-keys/%00", "/%00", "/events%00"]
)
def test_no_path_with_a_zero_byte_reaches_the_store(serve: Serve, path: str) -> None:
    async def check(there: There) -> None:
        for method in ("GET", "POST", "PATCH", "DELETE"):
            assert is_missing(await there.client.request(method, path))

    serve(check)


async def bare(there: There, path: str, **headers: str) -> httpx.Response:
    """Ask without a token, but for what is given."""
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        return await client.get(there.address + path, headers=headers)


async def raw(there: There, request_line: str, *headers: str) -> int:
    """Send a request exactly as it stands and return the status of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
    writer.write("\r\n".join((request_line, *headers, "", "")).encode())
    status = int((await reader.readline()).split()[1])
    writer.close()
    await writer.wait_closed()
    return status


async def add_key(there: There, *, team_id: str = TEAM, read_only: bool = False) -> str:
    """Store a key and return it."""
    made = new_api_key(read_only)
    key = ApiKey(f"key_{made.hash}", team_id, "ci", made.hash, made.hint, read_only, 1)
    await there.cloud.store.accounts.create_key(key)
    return made.key
