"""Open sessions, and the names that their deliveries show."""

import json

from cstar_cli.cloud.store.records import Traits
from cstar_cli.events.filters import EventFilter

from ..serving import Serve, There
from ..store.making import TEAM, URL, delivered, outcome, session


def test_open_sessions_are_listed_and_found_by_name(serve: Serve) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        named = await store.open_session(TEAM, EventFilter.parse(["ticket.*"]), URL, Traits("laptop"))
        other = await session(store)
        listed = (await there.get("/sessions")).json()["data"]
        assert {one["id"] for one in listed} == {named.id, other.id}
        [found] = (await there.get("/sessions?name=laptop")).json()["data"]
        assert found.pop("openedAt")
        assert found == {
            "id": named.id,
            "name": "laptop",
            "wire": "2025-12",
            "forwardTo": URL,
            "events": ["ticket.*"],
            "connected": True,
        }

    serve(check)


def test_deliveries_and_attempts_show_the_name_of_their_session(serve: Serve) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        to = await store.open_session(TEAM, EventFilter.parse(()), URL, Traits("laptop"))
        made = await delivered(store)
        await store.settle(to, [outcome(made)])
        [listed] = (await there.get("/deliveries")).json()["data"]
        shown = (await there.get(f"/deliveries/{made.id}")).json()["data"]
        of_event = (await there.get(f"/events/{made.event_id}")).json()["data"]["deliveries"]
        tailed = json.loads((await there.get("/deliveries/tail?follow=false")).text.splitlines()[0])
        for one in (listed, shown, *shown["attempts"], *of_event, tailed):
            assert one["target_name"] == "laptop"

    serve(check)
