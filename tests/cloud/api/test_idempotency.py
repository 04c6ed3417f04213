import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from cstar_cli.cloud.api.answers import success
from cstar_cli.cloud.api.idempotency import PATIENCE_MS
from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.events.envelope import MAX_BODY_BYTES, new_id

from ..serving import Serve, There, is_error, options, serving
from .accounts import PATH, FakeAccounts, Front, Time, front


class Things:
    """An application that makes things: it counts them, and answers as it is told, when it is let."""

    def __init__(self) -> None:
        self.seeds: list[str | None] = []
        self.bodies: list[bytes] = []
        self.status = 201
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.seeds.append(request.state.seed)
        self.bodies.append(await request.body())
        await self.go_on.wait()
        answer = success({"id": new_id("thing")}, self.status)
        await answer(scope, receive, send)


def run(body: Callable[[Front, Things], Awaitable[None]]) -> None:
    async def main() -> None:
        time, things = Time(), Things()
        await body(front(things, FakeAccounts(time.now_ms), time), things)

    asyncio.run(main())


async def turns(count: int = 30) -> None:
    """Let everything else get on."""
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_the_same_request_gets_the_first_one_s_answer_again(method: str) -> None:
    async def check(there: Front, things: Things) -> None:
        first = await there.post(b'{"a":1}', key="k1", method=method)
        again = await there.post(b'{"a":1}', key="k1", method=method)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["content-type"] == "application/json"
        assert again.headers["x-cstar-request-id"] == first.headers["x-cstar-request-id"]
        assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.headers
        assert things.bodies == [b'{"a":1}']

    run(check)


def test_without_a_key_each_request_is_done() -> None:
    async def check(there: Front, things: Things) -> None:
        assert (await there.post()).content != (await there.post()).content
        assert things.seeds == [None, None]
        assert there.accounts.asked["begin"] == 0

    run(check)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_on_other_methods_the_key_says_nothing(method: str) -> None:
    async def check(there: Front, things: Things) -> None:
        for _ in range(2):
            await there.post(key="k1", method=method)
        assert things.seeds == [None, None]

    run(check)


@pytest.mark.parametrize("other", [{"body": b"{} "}, {"path": PATH + "/more"}, {"method": "PATCH"}])
def test_another_request_with_the_key_is_refused(other: dict[str, str]) -> None:
    async def check(there: Front, things: Things) -> None:
        await there.post(key="k1")
        answer = await there.post(key="k1", **other)  # type: ignore[arg-type] # of one of the parameters
        assert is_error(answer, 422, "invalid_request_error", "idempotency_key_reused", "Idempotency-Key")
        assert len(things.seeds) == 1

    run(check)


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "a" * 256, "tab\there"])
def test_a_key_is_1_to_255_visible_characters(key: str) -> None:
    async def check(there: Front, things: Things) -> None:
        headers = [(b"authorization", b"Bearer sk_test_of_this_cloud"), (b"idempotency-key", key.encode())]
        answer = await there.client.post(PATH, headers=headers)
        assert is_error(answer, 400, "invalid_request_error", "parameter_invalid", "Idempotency-Key")
        assert things.seeds == []

    run(check)


def test_all_visible_characters_will_do() -> None:
    async def check(there: Front, things: Things) -> None:
        for key in ("a" * 255, "".join(map(chr, range(0x21, 0x7F)))):
            assert (await there.post(key=key)).status_code == 201

    run(check)


def test_teams_don_t_share_keys() -> None:
    async def check(there: Front, things: Things) -> None:
        _, other = there.accounts.add_key(team_id="team-2")
        first = await there.post(key="k1")
        assert (await there.post(key="k1", token=other, path="/api/v1/teams/team-2/things")).content != first.content

    run(check)


def test_all_tokens_of_a_team_share_its_keys() -> None:
    async def check(there: Front, things: Things) -> None:
        first = await there.post(key="k1")
        assert (await there.post(key="k1", token=there.accounts.add_key()[1])).content == first.content

    run(check)


def test_a_refusal_is_kept_as_well() -> None:
    async def check(there: Front, things: Things) -> None:
        things.status = 404
        first = await there.post(key="k1")
        things.status = 201
        assert (await there.post(key="k1")).content == first.content

    run(check)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_go_well_another_time_is_done_again_from_the_same_seed(status: int) -> None:
    async def check(there: Front, things: Things) -> None:
        things.status = status
        assert (await there.post(key="k1")).status_code == status
        things.status = 201
        assert (await there.post(key="k1")).status_code == 201
        assert things.seeds[0] is not None
        assert things.seeds[0] == things.seeds[1]

    run(check)


def test_each_key_has_its_own_seed() -> None:
    async def check(there: Front, things: Things) -> None:
        for key in ("k1", "k2"):
            await there.post(key=key)
        assert len(set(things.seeds)) == 2

    run(check)


def test_parallel_equal_requests_are_done_once_and_get_equal_answers() -> None:
    async def check(there: Front, things: Things) -> None:
        things.go_on.clear()
        asking = [asyncio.ensure_future(there.post(key="k1")) for _ in range(100)]
        await turns()
        things.go_on.set()
        answers = await asyncio.gather(*asking)
        assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
        assert len(things.seeds) == 1

    run(check)


def test_equal_requests_to_several_nodes_are_done_once() -> None:
    async def main() -> None:
        time, things = Time(), Things()
        accounts = FakeAccounts(time.now_ms)
        nodes = [front(things, accounts, time) for _ in range(4)]
        things.go_on.clear()
        asking = [asyncio.ensure_future(nodes[turn % 4].post(key="k1")) for turn in range(40)]
        await turns(10)
        things.go_on.set()
        assert len({answer.content for answer in await asyncio.gather(*asking)}) == 1
        assert len(things.seeds) == 1

    asyncio.run(main())


def test_while_the_first_is_done_another_request_with_the_key_is_refused_at_once() -> None:
    async def check(there: Front, things: Things) -> None:
        things.go_on.clear()
        first = asyncio.ensure_future(there.post(key="k1"))
        await turns()
        assert (await there.post(b"other", key="k1")).status_code == 422
        things.go_on.set()
        assert (await first).status_code == 201

    run(check)


def test_who_waits_too_long_for_another_node_is_told_to_come_back() -> None:
    async def main() -> None:
        time, things = Time(), Things()
        accounts = FakeAccounts(lambda: 0)  # for which nobody is ever dead
        things.go_on.clear()
        first = asyncio.ensure_future(front(things, accounts, time).post(key="k1"))
        await turns()
        began_s = time.now_s
        answer = await front(things, accounts, time).post(key="k1")
        assert is_error(answer, 409, "invalid_request_error", "idempotency_key_in_use", "Idempotency-Key")
        assert answer.headers["retry-after"] == "1"
        assert 30 <= time.now_s - began_s < 31
        assert accounts.asked["begin"] < 200
        things.go_on.set()
        await first

    asyncio.run(main())


def test_what_a_dead_node_has_begun_is_done_by_who_waits_from_the_same_seed() -> None:
    async def check(there: Front, things: Things) -> None:
        begun = await there.accounts.begin("team-1", "k1", await fingerprint(there), "the first one's", PATIENCE_MS)
        assert begun.mine
        assert (await there.post(key="k1")).status_code == 201
        assert things.seeds[-1] == "the first one's"

    run(check)


async def fingerprint(there: Front) -> str:
    """What `there.post()` is known by."""
    await there.post(key="same-request")
    [request] = there.accounts.requests.values()
    return request.fingerprint


def test_the_answer_is_kept_before_it_goes_out() -> None:
    async def check(there: Front, things: Things) -> None:
        finish, order = there.accounts.finish, []

        async def noted(*asked: object) -> None:
            await turns()
            await finish(*asked)  # type: ignore[arg-type] # as they came
            order.append("kept")

        there.accounts.finish = noted  # type: ignore[method-assign,assignment] # to see when it is called
        await there.post(key="k1")
        order.append("answered")
        assert order == ["kept", "answered"]

    run(check)


def test_work_that_is_done_is_answered_though_the_store_has_gone() -> None:
    async def check(there: Front, things: Things) -> None:
        things.go_on.clear()
        asking = asyncio.ensure_future(there.post(key="k1"))
        await turns()
        there.accounts.away = True
        things.go_on.set()
        assert (await asking).status_code == 201
        there.accounts.away = False
        assert (await there.post(key="k1")).status_code == 201
        assert things.seeds[0] == things.seeds[1]

    run(check)


def test_without_the_store_nothing_is_done() -> None:
    async def check(there: Front, things: Things) -> None:
        there.accounts.away = True
        assert is_error(await there.post(key="k1"), 503, "api_error", "store_unavailable")
        assert things.seeds == []

    run(check)


def test_what_is_cut_short_is_given_up() -> None:
    async def check(there: Front, things: Things) -> None:
        things.go_on.clear()
        asking = asyncio.ensure_future(there.post(key="k1"))
        await turns()
        asking.cancel()
        await asyncio.wait({asking})
        things.go_on.set()
        assert (await there.post(key="k1")).status_code == 201
        assert things.seeds[0] == things.seeds[1]

    run(check)


def test_a_fault_of_ours_is_answered_and_given_up() -> None:
    class Broken(Exception):
        pass

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({}, 500)(scope, receive, send)
        raise Broken

    async def main() -> None:
        time = Time()
        there = front(broken, FakeAccounts(time.now_ms), time)
        for _ in range(2):
            assert (await there.post(key="k1")).status_code == 500
        assert there.accounts.asked["abandon"] == 2

    asyncio.run(main())


def test_a_body_that_is_too_large_is_refused_before_anything_is_noted() -> None:
    async def check(there: Front, things: Things) -> None:
        answer = await there.post(b"x" * (MAX_BODY_BYTES + 1), key="k1")
        assert is_error(answer, 413, "invalid_request_error", "body_too_large")
        assert there.accounts.asked["begin"] == 0

    run(check)


def test_a_secret_shown_once_is_never_stored_and_made_again_from_the_seed() -> None:
    async def secretive(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request.state.shown_once = True
        await success({"key": f"made from {request.state.seed}"}, 201)(scope, receive, send)

    async def main() -> None:
        time = Time()
        there = front(secretive, FakeAccounts(time.now_ms), time)
        answers = [await there.post(key="k1") for _ in range(3)]
        assert len({answer.json()["data"]["key"] for answer in answers}) == 1
        assert {answer.status_code for answer in answers} == {201}
        [request] = there.accounts.requests.values()
        assert request.answer
        assert request.answer.body == b""

    asyncio.run(main())


def events_of(there: There) -> Awaitable[httpx.Response]:
    return there.get("/events")


def test_100_equal_parallel_requests_make_one_event(serve: Serve) -> None:
    async def check(there: There) -> None:
        body = json.dumps({"type": "ticket.created"})
        headers = {"idempotency-key": "one"}
        answers = await asyncio.gather(
            *(there.client.post("/events", content=body, headers=headers) for _ in range(100))
        )
        assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
        assert len((await events_of(there)).json()["data"]) == 1

    serve(check)


def test_an_answer_is_kept_over_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        contents = set()
        for _ in range(2):
            async with serving(options(tmp_path)) as there:
                answer = await there.client.post(
                    "/events", content=b'{"type":"ticket.created"}', headers={"idempotency-key": "one"}
                )
                contents.add(answer.content)
                assert len((await events_of(there)).json()["data"]) == 1
        assert len(contents) == 1

    asyncio.run(main())


def test_a_failure_in_the_store_leaves_nothing_half_done(serve: Serve) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        append = store.append_event

        async def cut_at_the_commit(*event: object, **only: object) -> None:
            await append(*event, **only)  # type: ignore[arg-type] # as they came
            raise StoreUnavailable("The connection was cut.")

        store.append_event = cut_at_the_commit  # type: ignore[method-assign,assignment] # done, though it seems not
        headers = {"idempotency-key": "one"}
        answer = await there.client.post("/events", content=b'{"type":"ticket.created"}', headers=headers)
        assert is_error(answer, 503, "api_error", "store_unavailable")
        store.append_event = append  # type: ignore[method-assign] # back
        answer = await there.client.post("/events", content=b'{"type":"ticket.created"}', headers=headers)
        assert answer.status_code == 201
        [event] = (await events_of(there)).json()["data"]
        assert answer.json()["data"]["event"]["id"] == event["id"]

    serve(check)
