import asyncio
from collections import Counter

import httpx
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from cstar_cli.cloud.api.answers import success
from cstar_cli.cloud.options import RequestLimits

from ..serving import Serve, There, is_error
from .accounts import FakeAccounts, Front, Time, front


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    await success(None)(scope, receive, send)


def node(accounts: FakeAccounts, time: Time, **limits: float | None) -> Front:
    return front(answering, accounts, time, limits=RequestLimits(**limits))  # type: ignore[arg-type] # int or None


def fresh() -> tuple[FakeAccounts, Time]:
    time = Time()
    return FakeAccounts(time.now_ms), time


def shown(answer: httpx.Response) -> tuple[str, str]:
    return answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-remaining"]


def test_each_answer_says_how_much_is_left_and_until_when() -> None:
    async def main() -> None:
        accounts, time = fresh()
        there, (_, key) = node(accounts, time), accounts.add_key()
        ends_at = (time.now_ms() // 3_600_000 + 1) * 3600
        for left in range(999, 900, -1):
            answer = await there.get(key)
            assert answer.status_code == 200
            assert shown(answer) == ("1000", str(left))
            assert answer.headers["x-ratelimit-reset"] == str(ends_at)
            assert answer.headers["x-ratelimit-window"] == "3600"

    asyncio.run(main())


def test_the_end_of_a_window_is_the_same_in_each_answer_though_the_clocks_differ_a_little() -> None:
    async def main() -> None:
        time = Time(now_s=6_000_000.0)
        ends: set[str] = set()
        for apart_ms in (-200, -1, 0, 1, 200):
            accounts = FakeAccounts(lambda apart_ms=apart_ms: time.now_ms() + apart_ms)  # type: ignore[misc] # bound
            _, key = accounts.add_key()
            time.now_s += 7
            ends.add((await node(accounts, time).get(key)).headers["x-ratelimit-reset"])
        assert len(ends) == 1

    asyncio.run(main())


def test_a_publishable_key_may_less() -> None:
    async def main() -> None:
        accounts, time = fresh()
        _, key = accounts.add_key(read_only=True)
        assert shown(await node(accounts, time).get(key)) == ("100", "99")

    asyncio.run(main())


def test_the_store_is_asked_rarely() -> None:
    async def main() -> None:
        accounts, time = fresh()
        there, (_, key) = node(accounts, time), accounts.add_key()
        for _ in range(500):
            await there.get(key)
        assert accounts.asked["allow"] < 50
        assert accounts.asked["find_key"] == 1

    asyncio.run(main())


def test_above_the_limit_requests_are_refused_until_the_window_ends() -> None:
    async def main() -> None:
        accounts, time = fresh()
        there, (_, key) = node(accounts, time, secret=3, window_s=60), accounts.add_key()
        time.now_s = 6_000_000.0
        assert [(await there.get(key)).status_code for _ in range(3)] == [200] * 3
        time.now_s += 20.5
        for _ in range(5):
            answer = await there.get(key)
            assert is_error(answer, 429, "rate_limit_error", "rate_limit_exceeded")
            assert answer.headers["retry-after"] == "40"
            assert shown(answer) == ("3", "0")
            assert answer.headers["x-ratelimit-reset"] == "6000060"
        time.now_s += 39.4
        assert (await there.get(key)).headers["retry-after"] == "1"
        time.now_s += 0.1
        assert shown(await there.get(key)) == ("3", "2")

    asyncio.run(main())


def test_a_refused_key_costs_the_store_nothing() -> None:
    async def main() -> None:
        accounts, time = fresh()
        there, (_, key) = node(accounts, time, secret=1), accounts.add_key()
        await there.get(key)
        await there.get(key)
        before = Counter(accounts.asked)
        for _ in range(100):
            assert (await there.get(key)).status_code == 429
        assert accounts.asked == before

    asyncio.run(main())


def test_parallel_requests_over_several_nodes_never_exceed_the_limit() -> None:
    async def main() -> None:
        accounts, time = fresh()
        nodes, (_, key) = [node(accounts, time, secret=300) for _ in range(3)], accounts.add_key()
        answers = await asyncio.gather(*(nodes[turn % 3].get(key) for turn in range(600)))
        counts = Counter(answer.status_code for answer in answers)
        assert set(counts) == {200, 429}
        assert counts[200] == 300

    asyncio.run(main())


def test_what_a_node_holds_back_at_the_end_is_little() -> None:
    async def main() -> None:
        accounts, time = fresh()
        busy, idle, (_, key) = node(accounts, time), node(accounts, time), accounts.add_key()
        assert (await idle.get(key)).is_success
        answers = [(await busy.get(key)).status_code for _ in range(1000)]
        assert answers.count(200) >= 980

    asyncio.run(main())


def test_each_key_has_its_own_limit() -> None:
    async def main() -> None:
        accounts, time = fresh()
        there = node(accounts, time, secret=1)
        for _ in range(3):
            _, key = accounts.add_key()
            assert [(await there.get(key)).status_code for _ in range(2)] == [200, 429]

    asyncio.run(main())


def test_what_a_key_may_not_do_is_counted_and_limited_too() -> None:
    async def main() -> None:
        accounts, time = fresh()
        there, (_, key) = node(accounts, time, publishable=2), accounts.add_key(read_only=True)
        assert (await there.get(key, "/api/v1/teams/other/things")).status_code == 404
        refused = await there.post(token=key)
        assert (refused.status_code, shown(refused)) == (403, ("2", "0"))
        assert (await there.post(token=key)).status_code == 429

    asyncio.run(main())


def test_the_home_s_own_token_and_the_probes_are_not_limited() -> None:
    async def main() -> None:
        accounts, time = fresh()
        there = node(accounts, time, secret=0, publishable=0)
        for answer in (await there.get(), await there.client.get("/health")):
            assert answer.is_success
            assert "x-ratelimit-limit" not in answer.headers

    asyncio.run(main())


def test_no_limit_is_no_limit() -> None:
    async def main() -> None:
        accounts, time = fresh()
        there, (_, key) = node(accounts, time, secret=None), accounts.add_key()
        answer = await there.get(key)
        assert answer.is_success
        assert "x-ratelimit-limit" not in answer.headers
        assert accounts.asked["allow"] == 0

    asyncio.run(main())


def test_a_limit_of_nothing_lets_nothing_through() -> None:
    async def main() -> None:
        accounts, time = fresh()
        there, (_, key) = node(accounts, time, secret=0), accounts.add_key()
        assert [(await there.get(key)).status_code for _ in range(2)] == [429, 429]

    asyncio.run(main())


def test_a_store_that_is_away_is_no_refusal() -> None:
    async def main() -> None:
        accounts, time = fresh()
        there, (_, key) = node(accounts, time, secret=100), accounts.add_key()
        for _ in range(2):
            await there.get(key)
        accounts.away = True
        answer = await there.get(key)
        assert is_error(answer, 503, "api_error", "store_unavailable")
        assert answer.json()["error"]["message"] == "The cloud's database is away: try again soon."
        accounts.away = False
        assert (await there.get(key)).is_success

    asyncio.run(main())


def test_who_leaves_while_the_store_is_asked_holds_nobody_up() -> None:
    async def main() -> None:
        accounts, time = fresh()
        there, (_, key) = node(accounts, time), accounts.add_key()
        leaving = asyncio.ensure_future(there.get(key))
        for _ in range(5):
            await asyncio.sleep(0)
        leaving.cancel()
        assert (await there.get(key)).is_success

    asyncio.run(main())


def test_keys_beyond_those_remembered_are_limited_all_the_same() -> None:
    async def main() -> None:
        accounts, time = fresh()
        there, (_, key) = node(accounts, time, secret=2), accounts.add_key()
        assert (await there.get(key)).is_success
        for _ in range(5000):
            other = accounts.add_key()[1]
        assert (await there.get(other)).is_success

    asyncio.run(main())


def test_a_handler_sees_who_asks() -> None:
    async def telling(scope: Scope, receive: Receive, send: Send) -> None:
        identity = Request(scope).state.identity
        await success([identity.team_id, identity.key_id, identity.name, identity.read_only])(scope, receive, send)

    async def main() -> None:
        accounts, time = fresh()
        there, (id, key) = front(telling, accounts, time), accounts.add_key(read_only=True, name="dashboard")
        assert (await there.get(key)).json()["data"] == ["team-1", id, "dashboard", True]
        assert (await there.get()).json()["data"] == ["team-1", None, None, False]

    asyncio.run(main())


def test_a_cloud_that_serves_counts_in_its_store(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = (await there.post({"readOnly": True}, "/api-keys")).json()["data"]
        answers = [await there.get("/events", authorization=f"Bearer {made['key']}") for _ in range(101)]
        assert [answer.status_code for answer in answers] == [200] * 100 + [429]
        assert shown(answers[0]) == ("100", "99")
        assert is_error(answers[-1], 429, "rate_limit_error", "rate_limit_exceeded")
        assert (await there.get("/events")).is_success

    serve(check)
