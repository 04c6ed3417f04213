"""A cloud on a free port of loopback, and a client that may use it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from cstar_cli.cloud.api.guard import Access
from cstar_cli.cloud.options import CloudOptions, DeliveryPolicy
from cstar_cli.cloud.server import running_cloud
from cstar_cli.cloud.service import Cloud

from .store.making import TEAM
from .store.sqlite.databases import migrated

TOKEN = "sk_test_of_this_cloud"


@dataclass(frozen=True)
class There:
    """A cloud that serves, its address, and a client with its token; paths are those of the team."""

    cloud: Cloud
    address: str
    client: httpx.AsyncClient

    @property
    def port(self) -> int:
        port = urlsplit(self.address).port
        assert port
        return port

    async def get(self, path: str, **options: str) -> httpx.Response:
        return await self.client.get(path, headers=options)

    async def post(self, body: object, path: str = "/events") -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(path, content=content)

    async def raw_status(self, request_line: str, *headers: str) -> int:
        """Send a request exactly as it stands, with the token, and return the status of the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = (request_line, *headers, f"Authorization: Bearer {TOKEN}", "", "")
        writer.write("\r\n".join(lines).encode())
        status = int((await reader.readline()).split()[1])
        writer.close()
        await writer.wait_closed()
        return status


Serve = Callable[[Callable[[There], Awaitable[None]]], None]


def options(
    folder: Path, *, port: int = 0, grace_s: float = 120.0, hosts: frozenset[str] = frozenset()
) -> CloudOptions:
    return CloudOptions(
        host="127.0.0.1",
        port=port,
        database=folder / "cloud" / "cstar.db",
        access=Access({TOKEN: TEAM}, hosts),
        embedded=True,
        grace_s=grace_s,
        policy=DeliveryPolicy(private_addresses=True),
    )


@asynccontextmanager
async def serving(wanted: CloudOptions) -> AsyncIterator[There]:
    assert isinstance(wanted.database, Path)
    migrated(wanted.database)
    async with running_cloud(wanted) as (cloud, address):
        base = f"{address}/api/v1/teams/{TEAM}"
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(
            base_url=base,
            headers=headers,
            timeout=10,
            trust_env=False,
            verify=False,  # there is nothing of TLS here, and to load what it trusts takes longer than most tests
        ) as client:
            yield There(cloud, address, client)


def is_error(answer: httpx.Response, http_status: int, type: str, code: str, param: str | None = None) -> bool:
    """Say whether the answer is this error, in the reference's shape and no other."""
    said = answer.json()
    error = said["error"]
    wanted = {"type", "code", "message", "doc_url", "request_id"} | ({"param"} if param else set())
    assert set(said) == {"success", "error", "meta"}
    assert said["success"] is False
    assert set(said["meta"]) == {"timestamp"}
    assert set(error) == wanted
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-cstar-request-id"] == error["request_id"]
    assert error["doc_url"].endswith(f"#{error['code']}")
    found = (answer.status_code, error["type"], error["code"], error.get("param"))
    assert found == (http_status, type, code, param), (found, error["message"])
    return True


def is_invalid(answer: httpx.Response, param: str | None, code: str = "parameter_invalid") -> bool:
    return is_error(answer, 400, "invalid_request_error", code, param)


def is_missing(answer: httpx.Response) -> bool:
    return is_error(answer, 404, "invalid_request_error", "resource_missing")
