"""The OpenAPI document: valid, complete, and what a live server does is what it says (schemathesis asks)."""

import asyncio
import json
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis

from cstar_cli.cloud.api.guard import Access
from cstar_cli.cloud.api.openapi import document
from cstar_cli.cloud.api.routes import OPERATIONS
from cstar_cli.cloud.options import CloudOptions, DeliveryPolicy
from cstar_cli.cloud.server import running_cloud

from ..postgres import shared_postgres

DOCUMENT: Any = json.loads(document(OPERATIONS))
DESCRIBED = {
    (method.upper(), path): said for path, methods in DOCUMENT["paths"].items() for method, said in methods.items()
}

TEAM = "team-1"
TOKEN = "sk_test_of_the_document"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
)
# One team, or nothing would be found; a tail that ends; and each request a key of its own, or they would be one.
CONFIG = f"""
hooks = "own_keys.py"

[parameters]
"path.team_id" = "{TEAM}"
"query.follow" = "false"
"""
OWN_KEYS = """
import itertools, re, schemathesis

numbers = itertools.count()

@schemathesis.hook
def before_call(context, case, kwargs):
    if re.fullmatch("[!-~]{1,255}", str(case.headers.get("Idempotency-Key", ""))):
        case.headers["Idempotency-Key"] = f"request-{next(numbers)}"
"""
COMMAND = (
    *(sys.executable, "-m", "schemathesis.cli", "--config-file=schemathesis.toml", "run"),
    "--generation-deterministic",
    "--no-shrink",
    "--suppress-health-check=all",
    "--request-timeout=20",
    "--warnings=off",
    "--no-color",
    f"--checks={','.join(CHECKS)}",
    f"--header=Authorization: Bearer {TOKEN}",
)


def test_the_document_is_valid() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_the_document_has_every_route_once() -> None:
    assert set(DESCRIBED) == {(operation.method, operation.path) for operation in OPERATIONS}
    assert len({said["operationId"] for said in DESCRIBED.values()}) == len(OPERATIONS)


def test_everything_that_is_referred_to_is_there() -> None:
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(DOCUMENT)):
        place = DOCUMENT
        for name in reference.split("/"):
            place = place[name]
        assert place


def test_every_shape_and_parameter_is_described() -> None:
    assert [name for name, shape in DOCUMENT["components"]["schemas"].items() if not shape.get("description")] == []
    queries = [one for said in DESCRIBED.values() for one in said["parameters"] if one.get("in") == "query"]
    assert [one["name"] for one in queries if not one.get("description")] == []


def test_posts_and_patches_take_an_idempotency_key() -> None:
    key = {"$ref": "#/components/parameters/IdempotencyKey"}
    taking = {asked for asked, said in DESCRIBED.items() if key in said["parameters"]}
    assert taking == {(method, path) for method, path in DESCRIBED if method in ("POST", "PATCH")}


@pytest.fixture
def _nothing_leaves_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Webhooks with URLs of all sorts are registered and tested: no name is known, no address may be connected to."""
    look_up: Callable[..., object] = socket.getaddrinfo

    def only_ours(host: str, *arguments: object, **options: object) -> object:
        if host != "127.0.0.1":
            raise socket.gaierror("no name is known here")
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", only_ours)
    monkeypatch.setattr("cstar_cli.cloud.server.allowed", lambda address, private: False)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """A fresh database of each kind."""
    if request.param == "sqlite":
        return tmp_path / "cloud.db"
    server = shared_postgres()
    return server.url(server.create_database(server.template))


@pytest.mark.timeout(600)  # some 1,500 requests, on a machine that may be busy
@pytest.mark.usefixtures("_nothing_leaves_this_machine")
def test_a_live_server_does_what_the_document_says(tmp_path: Path, database: Path | str) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    (tmp_path / "own_keys.py").write_text(OWN_KEYS)
    options = CloudOptions(
        host="127.0.0.1",
        port=0,
        database=database,
        access=Access({TOKEN: TEAM}),
        embedded=True,
        policy=DeliveryPolicy(timeout_s=1),
    )

    async def ask() -> tuple[int, str, str]:
        async with running_cloud(options) as (_, address), httpx.AsyncClient(trust_env=False, verify=False) as client:
            asking = await asyncio.create_subprocess_exec(
                *COMMAND,
                f"--max-examples={8 if isinstance(database, Path) else 4}",  # which queries there are is soon seen
                f"{address}/openapi.json",
                cwd=tmp_path,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await asking.communicate()
            assert asking.returncode is not None
            return asking.returncode, said.decode(), (await client.get(f"{address}/metrics")).text

    code, said, metrics = asyncio.run(ask())
    assert code == 0, said
    assert not re.search(r'cstar_http_requests_total\{.*status="5', metrics)
    done = [operation for operation in OPERATIONS if has_succeeded(operation.path, operation.method, metrics)]
    assert len(done) > 0.8 * len(OPERATIONS), "most routes were asked so that they could do what they are for"


def has_succeeded(route: str, method: str, metrics: str) -> bool:
    series = re.escape(f'cstar_http_requests_total{{method="{method}",route="{route}",status="2')
    return re.search(series, metrics) is not None
