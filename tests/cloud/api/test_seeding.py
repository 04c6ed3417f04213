"""A request that is done again after a crash, with the first one's seed, makes what the first one made."""

from re import fullmatch
from types import SimpleNamespace

from starlette.requests import Request

from cstar_cli.cloud.api import bodies, events, webhooks
from cstar_cli.cloud.api.seeding import new_seed, random_bytes, seeded
from cstar_cli.cloud.service import Cloud
from cstar_cli.cloud.store.queries import DeliveryQuery, Page
from cstar_cli.cloud.store.webhooks import NewWebhook
from cstar_cli.events.filters import EventFilter

from ..serving import Serve, There
from ..store.making import SECRET, TEAM, session, webhook

NOBODY = "http://127.0.0.1:9/hook"
NEW = NewWebhook("whk_new", "n", NOBODY, EventFilter.parse(["*"]), SECRET, wire="2026-03")


def request(cloud: Cloud | None = None, seed: str | None = "a seed", **ids: str) -> Request:
    """A request as handlers get it from the middleware."""
    app = SimpleNamespace(state=SimpleNamespace(cloud=cloud))
    path = {"path_params": {"team_id": TEAM, **ids}}
    return Request({"type": "http", "app": app, "headers": [], "state": {"seed": seed}, **path})


def test_a_seed_gives_the_same_bytes_for_the_same_label() -> None:
    assert seeded("one", "secret")(33) == seeded("one", "secret")(33)
    assert len({seeded(seed, label)(18) for seed in ("one", "two") for label in ("secret", "webhook")}) == 4


def test_without_a_seed_nothing_is_the_same_twice() -> None:
    assert random_bytes(request(seed=None), "secret")(33) != random_bytes(request(seed=None), "secret")(33)


def test_a_webhook_is_made_once(serve: Serve) -> None:
    async def check(there: There) -> None:
        body = bodies.NewWebhook(NOBODY, ["*"])
        first, second = [await webhooks.create(request(there.cloud), body) for _ in range(2)]
        assert first == second
        assert len(await there.cloud.store.webhooks.list(TEAM, Page())) == 1

    serve(check)


def test_a_secret_is_rotated_once(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await webhook(there.cloud.store, url=NOBODY)
        asked = request(there.cloud, webhook_id=made.id)
        first, second = [await webhooks.rotate_secret(asked, bodies.Rotation()) for _ in range(2)]
        assert first == second
        stored = await there.cloud.store.webhooks.get(TEAM, made.id)
        assert stored
        assert (stored.secret, stored.previous_secret) == (first.signing_secret, SECRET)

    serve(check)


def test_an_event_is_made_once(serve: Serve) -> None:
    async def check(there: There) -> None:
        await session(there.cloud.store)
        body = bodies.NewEvent("ticket.created")
        first, second = [await events.create(request(there.cloud), body) for _ in range(2)]
        assert (first.event.id, first.deliveries) == (second.event.id, second.deliveries)
        assert len(await there.cloud.store.events(TEAM, EventFilter.parse(()), Page())) == 1

    serve(check)


def test_an_event_whose_id_tells_the_time_is_made_once_however_late_it_is_done_again(serve: Serve) -> None:
    async def check(there: There) -> None:
        body = bodies.NewEvent("ticket.created", wire="2026-03")
        asked = [request(there.cloud, seed) for seed in (new_seed(1_774_583_010_044), new_seed(1_774_583_010_044))]
        first, other, again = [(await events.create(each, body)).event.id for each in (*asked, asked[0])]
        assert first == again != other
        assert fullmatch("evt_ticket_created_1774583010044_[0-9a-z]{8}", first)

    serve(check)


def test_a_test_is_sent_once(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await webhook(there.cloud.store, url=NOBODY)
        asked = request(there.cloud, webhook_id=made.id)
        first, second = [await webhooks.test(asked, bodies.Test()) for _ in range(2)]
        assert first == second
        assert len(await there.cloud.store.deliveries(TEAM, DeliveryQuery(), Page())) == 1

    serve(check)


def test_a_test_whose_event_id_tells_the_time_is_sent_once_however_late_it_is_done_again(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await there.cloud.store.webhooks.create(TEAM, NEW)
        asked = request(there.cloud, new_seed(1_774_583_010_044), webhook_id=made.id)
        first, second = [await webhooks.test(asked, bodies.Test()) for _ in range(2)]
        assert first == second
        assert len(await there.cloud.store.deliveries(TEAM, DeliveryQuery(), Page())) == 1

    serve(check)
