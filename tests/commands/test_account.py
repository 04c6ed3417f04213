"""What happens to several listeners is told as of one."""

import asyncio

from msgspec.structs import replace

from cstar_cli.activity import (
    Activity,
    CaughtUp,
    Disconnected,
    Finishing,
    Notice,
    Overlap,
    Ready,
    Reconnected,
)
from cstar_cli.commands.account import Account, Routed
from cstar_cli.commands.listening import Options
from cstar_cli.events.filters import EventFilter
from cstar_cli.tunnel.addresses import parse_forward_to
from tests.render import samples
from tests.tunnel.virtual_time import virtually


def routed(name: str, *, own_secret: bool = False) -> Routed:
    secret = "whsec_own" if own_secret else "whsec_shared"
    options = Options(parse_forward_to(f"http://{name}.test/"), EventFilter.parse([]), secret, ())
    return Routed(name, own_secret, options)


class Telling:
    """An account of the routes `a`, which has a secret of its own, and `b`."""

    def __init__(self) -> None:
        self.seen: list[Activity] = []
        self.account = Account([routed("a", own_secret=True), routed("b")], self.seen.append)
        self.a, self.b = self.account.of(0), self.account.of(1)

    def take(self) -> list[Activity]:
        told, self.seen[:] = [*self.seen], []
        return told


def test_all_are_ready_at_once_with_the_secret_that_is_shared() -> None:
    telling = Telling()
    telling.b(replace(samples.READY, session_id="ses_b", embedded=True, name="b"))
    assert telling.take() == []
    telling.a(replace(samples.READY, session_id="ses_a", embedded=False, secret="whsec_own", name="a"))
    [ready] = telling.take()
    assert isinstance(ready, Ready)
    assert (ready.secret, ready.embedded, ready.name) == ("whsec_shared", True, None)
    assert [(each.name, each.session_id, each.own_secret) for each in ready.routes] == [
        ("a", "ses_a", True),
        ("b", "ses_b", False),
    ]


def test_a_disconnection_is_told_once_and_the_return_when_all_are_back() -> None:
    telling = Telling()
    for tell in (telling.a, telling.b):
        tell(Disconnected(1, "cut"))
    assert telling.take() == [Disconnected(1, "cut")]
    telling.b(Reconnected(2, missed=3, resumed=True, took_over=True, session_id="ses_b", oldest_ms=10, newest_ms=20))
    assert telling.take() == []
    telling.a(Reconnected(3, missed=4, resumed=False, took_over=False, session_id="ses_new", oldest_ms=5, newest_ms=15))
    [back] = telling.take()
    assert isinstance(back, Reconnected)
    assert (back.missed, back.resumed, back.took_over) == (7, False, True)
    assert (back.oldest_ms, back.newest_ms) == (5, 20)
    assert [each.session_id for each in back.routes] == ["ses_new", "ses_b"]


def test_what_came_before_is_told_in_one_sum_behind_all_being_ready() -> None:
    telling = Telling()
    telling.a(samples.READY)
    telling.a(CaughtUp(7, 2, 100, 300))
    telling.b(samples.READY)
    telling.b(CaughtUp(7, 0, None, None))
    ready, told = telling.take()
    assert isinstance(ready, Ready)
    assert told == CaughtUp(7, 2, 100, 300)


def test_another_listener_is_told_of_once_whichever_routes_meet_it() -> None:
    telling = Telling()
    overlap = Overlap(("laptop",), 0, now=True)
    for tell in (telling.a, telling.b):
        tell(overlap)
    telling.b(both := Overlap(("laptop", "desk"), 0, now=False))
    assert telling.take() == [overlap, both]


def test_the_same_trouble_of_all_is_told_once_until_it_is_over() -> None:
    telling = Telling()
    for tell in (telling.a, telling.b):
        tell(Notice("the cloud answered 503"))
    assert telling.take() == [Notice("the cloud answered 503")]
    telling.a(Reconnected(2, missed=0, resumed=True, took_over=False, session_id="ses_a"))
    telling.b(Notice("the cloud answered 503"))
    assert Notice("the cloud answered 503") in telling.take()


def test_each_attempt_says_which_route_it_was_made_for() -> None:
    telling = Telling()
    telling.a(samples.READY)
    telling.b(samples.READY)
    telling.take()
    telling.b(samples.SUCCEEDED)
    assert telling.take() == [replace(samples.SUCCEEDED, route="b")]


@virtually
async def test_what_is_forwarded_before_all_are_ready_is_told_behind_that() -> None:
    telling = Telling()
    telling.a(samples.READY)
    telling.a(samples.SUCCEEDED)
    telling.a(samples.FAILED)
    assert telling.take() == []
    telling.b(samples.READY)
    ready, *others = telling.take()
    assert isinstance(ready, Ready)
    assert others == [replace(samples.SUCCEEDED, route="a"), replace(samples.FAILED, route="a")]


@virtually
async def test_what_is_forwarded_while_one_is_not_ready_is_told_after_a_second() -> None:
    telling = Telling()
    telling.a(samples.READY)
    telling.a(samples.SUCCEEDED)
    await asyncio.sleep(2)
    telling.a(samples.FAILED)
    assert telling.take() == [replace(samples.SUCCEEDED, route="a"), replace(samples.FAILED, route="a")]


@virtually
async def test_at_the_end_nothing_is_left_untold() -> None:
    telling = Telling()
    telling.a(samples.SUCCEEDED)
    telling.account.tell_early()
    assert telling.take() == [replace(samples.SUCCEEDED, route="a")]


@virtually
async def test_what_is_in_flight_is_told_in_one_sum() -> None:
    telling = Telling()
    telling.a(Finishing(2))
    telling.b(Finishing(3))
    await asyncio.sleep(0)
    assert telling.take() == [Finishing(5)]
