"""Whose token it is decides what there is: on every route of the table, another team's things don't exist."""

import re
from typing import get_origin

import httpx
import pytest

from cstar_cli.cloud.api.operations import Listed, Operation
from cstar_cli.cloud.api.routes import OPERATIONS, TEAM
from cstar_cli.cloud.store.accounts import ApiKey
from cstar_cli.cloud.store.queries import Page

from ..serving import Serve, There, is_missing
from ..store.making import TEAM as OURS
from ..store.making import delivered, session, webhook

THEIRS = "team-2"
BODIES: dict[str, object] = {
    "webhooks_recover": {"since": "2025-12-10T14:30:00Z"},
    "webhooks_update": {"name": "Ours now"},
    "events_create": {"type": "ticket.created"},
    "webhooks_create": {"url": "http://127.0.0.1:9/", "events": ["*"]},
}
OF_A_TEAM = [operation for operation in OPERATIONS if operation.path.startswith(TEAM)]
OF_ONE_THING = [operation for operation in OF_A_TEAM if operation.path.count("{") > 1]


async def asked(there: There, operation: Operation, team_id: str, ids: dict[str, str]) -> httpx.Response:
    path = operation.path.format(team_id=team_id, **ids)
    return await there.client.request(operation.method, there.address + path, json=BODIES.get(operation.id, {}))


async def things(there: There, team_id: str) -> dict[str, str]:
    """The ids of one of each thing that a team has, by the names that paths have for them."""
    store = there.cloud.store
    made = await webhook(store, "boss.*", team_id=team_id, url="http://127.0.0.1:9/")
    await session(store, "ticket.*", team_id=team_id)
    delivery = await delivered(store, team_id=team_id)
    key = await store.accounts.create_key(ApiKey(f"key_of_{team_id}", team_id, "ci", team_id, "sk…", False, 0))
    return {"webhook_id": made.id, "delivery_id": delivery.id, "event_id": delivery.event_id, "key_id": key.id}


@pytest.mark.parametrize("operation", OF_A_TEAM, ids=lambda operation: operation.id)
def test_another_team_is_missing(serve: Serve, operation: Operation) -> None:
    async def check(there: There) -> None:
        theirs = await things(there, THEIRS)
        assert is_missing(await asked(there, operation, THEIRS, theirs))

    serve(check)


@pytest.mark.parametrize("operation", OF_ONE_THING, ids=lambda operation: operation.id)
def test_what_is_another_teams_is_missing_and_stays_as_it_is(serve: Serve, operation: Operation) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        theirs, ours = await things(there, THEIRS), await things(there, OURS)
        before = await seen(there, theirs)
        assert is_missing(await asked(there, operation, OURS, theirs))
        assert await seen(there, theirs) == before
        own = await asked(there, operation, OURS, ours)
        assert own.status_code != 404, "with an id of one's own it is found"
        assert await store.webhooks.get(THEIRS, theirs["webhook_id"])

    async def seen(there: There, ids: dict[str, str]) -> object:
        store = there.cloud.store
        return (
            await store.webhooks.get(THEIRS, ids["webhook_id"]),
            await store.delivery(THEIRS, ids["delivery_id"]),
            await store.event(THEIRS, ids["event_id"]),
            await store.accounts.keys(THEIRS, Page()),
        )

    serve(check)


def test_lists_hold_nothing_of_another_team(serve: Serve) -> None:
    async def check(there: There) -> None:
        await things(there, THEIRS)
        for operation in OF_A_TEAM:
            if operation.method == "GET" and get_origin(operation.returns) in (list, Listed):
                answer = await asked(there, operation, OURS, {})
                assert answer.json()["data"] == [], operation.id

    serve(check)


def test_the_live_log_holds_nothing_of_another_team(serve: Serve) -> None:
    async def check(there: There) -> None:
        ids = await things(there, THEIRS)
        await there.cloud.store.queue.cancel(THEIRS, ids["delivery_id"], "for the log")
        tail = await there.get("/deliveries/tail?follow=false&since=2000-01-01T00:00:00Z")
        assert ids["delivery_id"] not in tail.text

    serve(check)


def test_each_thing_in_a_path_is_tried() -> None:
    names = {name for operation in OPERATIONS for name in re.findall(r"\{(\w+)\}", operation.path)}
    assert names == {"team_id", "event_id", "delivery_id", "webhook_id", "key_id"}


def test_an_event_is_not_sent_again_to_what_is_another_teams(serve: Serve) -> None:
    async def check(there: There) -> None:
        theirs, ours = await things(there, THEIRS), await things(there, OURS)
        listening = await session(there.cloud.store, team_id=THEIRS)
        for target in (theirs["webhook_id"], listening.id):
            assert is_missing(await there.post({"to": target}, f"/events/{ours['event_id']}/resend"))

    serve(check)
