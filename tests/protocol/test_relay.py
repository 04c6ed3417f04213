import pytest

from cstar_cli.protocol.commands import End, HangUp, Open, Refill, Send, Settle
from cstar_cli.protocol.frames import (
    Bye,
    Delivery,
    Frame,
    Heartbeat,
    Hello,
    Joined,
    Refused,
    Result,
    Settled,
    Welcome,
)
from cstar_cli.protocol.relay import LEASE_S, MAX_UNSETTLED_BYTES, MAX_WINDOW, RelayProtocol

WELCOME = Welcome("ses_1", resumed=False, waiting=0)
RESULT = Result("dlv_1", 1, True, 200, None, 1, 1.0)


def hello(window: int = 10) -> Hello:
    return Hello("http://localhost:3000/webhook", ("*",), window)


def opened(window: int = 10, holding: tuple[str, ...] = ()) -> RelayProtocol:
    protocol = RelayProtocol(0.0)
    protocol.received([hello(window)], 0.0)
    protocol.accepted(WELCOME, holding, 0.0)
    return protocol


def delivery(number: int, size: int = 2) -> Delivery:
    return Delivery(f"dlv_{number}", f"evt_{number}", "ticket.created", 1, body=b"x" * size)


def test_a_hello_asks_to_open_the_session() -> None:
    assert RelayProtocol(0.0).received([hello()], 0.0) == [Open(hello())]


@pytest.mark.parametrize("frame", [RESULT, Heartbeat(), Bye(), WELCOME])
def test_whatever_comes_before_the_hello_ends_the_tunnel(frame: Frame) -> None:
    assert RelayProtocol(0.0).received([frame], 0.0) == [
        Send(Refused("say hello first", retry=False)),
        HangUp("no hello", retry=False),
    ]


def test_a_listener_is_told_of_all_who_have_come() -> None:
    assert opened().joined(["a", "b"], 1.0) == [Send(Joined("a")), Send(Joined("b"))]


def test_what_follows_the_hello_in_its_message_counts() -> None:
    assert RelayProtocol(0.0).received([hello(), RESULT], 0.0) == [Open(hello()), Settle(RESULT)]


def test_a_second_hello_is_ignored() -> None:
    protocol = opened(window=10)
    assert protocol.received([hello(1)], 0.0) == []
    assert protocol.room == 10


def test_nothing_may_be_pushed_before_the_hello() -> None:
    assert RelayProtocol(0.0).room == 0


def test_the_listener_chooses_the_window() -> None:
    assert opened(window=7).room == 7


@pytest.mark.parametrize(("asked", "given"), [(0, 1), (-5, 1), (10**30, MAX_WINDOW)])
def test_an_odd_window_is_brought_into_bounds(asked: int, given: int) -> None:
    assert opened(window=asked).room == given


def test_the_welcome_is_sent() -> None:
    protocol = RelayProtocol(0.0)
    protocol.received([hello()], 0.0)
    assert protocol.accepted(WELCOME, (), 0.0) == [Send(WELCOME)]


def test_deliveries_are_sent_in_their_order() -> None:
    deliveries = [delivery(2), delivery(1)]
    assert opened().push(deliveries, 0.0) == [Send(deliveries[0]), Send(deliveries[1])]


def test_what_is_pushed_takes_room() -> None:
    protocol = opened(window=3)
    protocol.push([delivery(1), delivery(2)], 0.0)
    assert protocol.room == 1
    assert "dlv_1" in protocol.held


def test_a_repeat_takes_no_room_of_its_own() -> None:
    protocol = opened(window=3)
    protocol.push([delivery(1)], 0.0)
    protocol.push([delivery(1)], 0.0)
    assert protocol.room == 2


def test_what_is_settled_makes_room_and_is_told() -> None:
    protocol = opened(window=1)
    protocol.push([delivery(1)], 0.0)
    assert protocol.settled(["dlv_1"], 0.0) == [Send(Settled(("dlv_1",)))]
    assert protocol.room == 1
    assert "dlv_1" not in protocol.held


def test_nothing_settled_is_not_told() -> None:
    assert opened().settled([], 0.0) == []


def test_what_is_settled_twice_makes_room_once() -> None:
    protocol = opened(window=2)
    protocol.push([delivery(1), delivery(2)], 0.0)
    protocol.settled(["dlv_1"], 0.0)
    protocol.settled(["dlv_1"], 0.0)
    assert protocol.room == 1


def test_a_result_alone_makes_no_room() -> None:
    protocol = opened(window=1)
    protocol.push([delivery(1)], 0.0)
    assert protocol.received([RESULT], 0.0) == [Settle(RESULT)]
    assert protocol.room == 0


def test_unsettled_bytes_close_the_window() -> None:
    protocol = opened(window=10)
    protocol.push([delivery(1, MAX_UNSETTLED_BYTES - 1)], 0.0)
    assert protocol.room == 9
    protocol.push([delivery(2, 1)], 0.0)
    assert protocol.room == 0


def test_settled_bytes_open_the_window_again() -> None:
    protocol = opened(window=10)
    protocol.push([delivery(1, MAX_UNSETTLED_BYTES)], 0.0)
    protocol.settled(["dlv_1"], 0.0)
    assert protocol.room == 10


def test_the_bytes_of_a_repeat_count_once() -> None:
    protocol = opened(window=10)
    for _ in range(3):
        protocol.push([delivery(1, MAX_UNSETTLED_BYTES // 2)], 0.0)
    assert protocol.room == 9


def test_what_the_listener_still_holds_takes_room_and_is_not_pushed() -> None:
    protocol = opened(window=3, holding=("dlv_1", "dlv_2"))
    assert protocol.room == 1
    assert "dlv_2" in protocol.held


def test_a_lease_that_runs_out_makes_room_for_a_repeat() -> None:
    protocol = opened()
    room = protocol.room
    protocol.push([delivery(1), delivery(2)], 0.0)
    protocol.received([Heartbeat()], LEASE_S - 1)
    assert Refill() not in protocol.tick(LEASE_S - 0.1)
    assert set(protocol.held) == {"dlv_1", "dlv_2"}
    assert Refill() in protocol.tick(LEASE_S)
    assert (set(protocol.held), protocol.room) == (set(), room)


def test_what_was_pushed_again_is_leased_again() -> None:
    protocol = opened()
    protocol.push([delivery(1)], 0.0)
    asked = []
    for now in range(0, 200, 2):
        protocol.received([Heartbeat()], float(now))
        if Refill() in protocol.tick(float(now)):
            asked.append(now)
            protocol.push([delivery(1)], float(now))
    assert asked == [60, 120, 180]


def test_what_was_held_on_resume_is_leased_too() -> None:
    protocol = opened(holding=("dlv_1",))
    protocol.received([Heartbeat()], LEASE_S)
    assert Refill() in protocol.tick(LEASE_S)


def test_what_is_settled_is_not_repeated() -> None:
    protocol = opened()
    protocol.push([delivery(1)], 0.0)
    protocol.settled(["dlv_1"], 1.0)
    protocol.received([Heartbeat()], LEASE_S)
    assert Refill() not in protocol.tick(LEASE_S)


def test_a_heartbeat_is_said_after_5_s_of_silence() -> None:
    protocol = opened()
    assert protocol.tick(4.9) == []
    assert protocol.tick(5.0) == [Send(Heartbeat())]


def test_no_heartbeat_is_said_when_something_else_was() -> None:
    protocol = opened()
    protocol.push([delivery(1)], 3.0)
    protocol.settled(["dlv_1"], 4.0)
    assert protocol.tick(8.9) == []
    assert protocol.tick(9.0) == [Send(Heartbeat())]


def test_pushing_nothing_is_silence() -> None:
    protocol = opened()
    assert protocol.push([], 4.0) == []
    assert protocol.tick(5.0) == [Send(Heartbeat())]


def test_a_silent_listener_is_dead_after_12_s() -> None:
    protocol = opened()
    assert not any(isinstance(command, HangUp) for command in protocol.tick(11.9))
    assert protocol.tick(12.0) == [HangUp("nothing heard for 12 s", retry=True)]


def test_a_listener_that_never_says_hello_is_dead_after_12_s() -> None:
    assert HangUp("nothing heard for 12 s", retry=True) in RelayProtocol(0.0).tick(12.0)


def test_any_frame_is_a_sign_of_life() -> None:
    protocol = opened()
    protocol.received([Heartbeat()], 11.0)
    assert not any(isinstance(command, HangUp) for command in protocol.tick(22.9))


def test_bye_ends_the_session() -> None:
    assert opened().received([Bye()], 0.0) == [End()]


def test_results_before_a_bye_are_settled_first() -> None:
    assert opened().received([RESULT, Bye()], 0.0) == [Settle(RESULT), End()]


@pytest.mark.parametrize("frame", [WELCOME, delivery(1), Settled(()), Refused("no", True)])
def test_frames_that_are_not_for_a_relay_are_ignored(frame: Frame) -> None:
    assert opened().received([frame], 0.0) == []


def test_what_is_tried_again_is_told_with_its_time() -> None:
    protocol = opened()
    protocol.push([delivery(1), delivery(2)], 0.0)
    assert protocol.settled(["dlv_1", "dlv_2"], 0.0, {"dlv_2": 5000}) == [
        Send(Settled(("dlv_1", "dlv_2"), {"dlv_2": 5000}))
    ]


def test_a_later_attempt_is_known_from_the_one_before() -> None:
    protocol = opened()
    assert not protocol.has_later("dlv_1", 1)
    protocol.push([Delivery("dlv_1", "evt_1", "ticket.created", 2)], 0.0)
    assert protocol.has_later("dlv_1", 1)
    assert not protocol.has_later("dlv_1", 2)


def test_of_what_the_listener_holds_from_before_no_attempt_is_later() -> None:
    assert not opened(holding=("dlv_1",)).has_later("dlv_1", 1)


def test_a_repeat_of_another_size_takes_the_room_of_its_own_size() -> None:
    protocol = opened(window=3)
    protocol.push([delivery(1, MAX_UNSETTLED_BYTES)], 0.0)
    assert protocol.room == 0
    protocol.push([delivery(1, 1)], 0.0)
    assert protocol.room == 2
