import pytest
from msgspec.structs import replace

from cstar_cli.protocol.commands import (
    Accepted,
    Concluded,
    Enough,
    Forward,
    HangUp,
    ListenerCommand,
    Meet,
    Send,
    SetAside,
)
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
from cstar_cli.protocol.ledger import MOST_HELD
from cstar_cli.protocol.listener import MOST_MET, QUEUED_BEYOND_SLOTS, ListenerProtocol

NEW = Welcome("ses_1", resumed=False, waiting=0)
RESUMED = Welcome("ses_1", resumed=True, waiting=0)
OTHER = Welcome("ses_2", resumed=False, waiting=0)


def listener(
    concurrency: int = 2, *, retry_speed: float | None = None, most: int | None = None, set_aside: bool = False
) -> ListenerProtocol:
    window = concurrency + QUEUED_BEYOND_SLOTS
    hello = Hello("http://localhost:3000/webhook", ("*",), window, agent="cstar/test", retry_speed=retry_speed)
    return ListenerProtocol(hello, concurrency=concurrency, most=most, set_aside=set_aside)


def welcomed(
    concurrency: int = 2, *, retry_speed: float | None = None, most: int | None = None, set_aside: bool = False
) -> ListenerProtocol:
    protocol = listener(concurrency, retry_speed=retry_speed, most=most, set_aside=set_aside)
    protocol.connected(0.0)
    protocol.received([NEW], 0.0)
    return protocol


def delivery(number: int, attempt: int = 1) -> Delivery:
    return Delivery(f"dlv_{number}", f"evt_{number}", "ticket.created", attempt, body=b"{}")


def result(number: int, attempt: int = 1, *, succeeded: bool = True) -> Result:
    return Result(f"dlv_{number}", attempt, succeeded, 200, None, 1, 1.0)


def forwarded(commands: object) -> list[str]:
    assert isinstance(commands, list)
    return [command.delivery.delivery_id for command in commands if isinstance(command, Forward)]


def receive(protocol: ListenerProtocol, *frames: Frame, now: float = 0.0) -> list[ListenerCommand]:
    return list(protocol.received(frames, now))


def reconnect(protocol: ListenerProtocol, welcome: Welcome = RESUMED) -> list[ListenerCommand]:
    protocol.lost(0.0)
    protocol.connected(0.0)
    return receive(protocol, welcome)


def hello_of(protocol: ListenerProtocol) -> Hello:
    [command] = protocol.connected(0.0)
    assert isinstance(command, Send)
    assert isinstance(command.frame, Hello)
    return command.frame


def test_another_listener_is_met_once() -> None:
    protocol = welcomed()
    assert receive(protocol, Joined("laptop"), Joined("laptop"), Joined("desk")) == [Meet("laptop"), Meet("desk")]
    assert receive(protocol, Joined("desk")) == []


def test_others_that_were_told_of_at_a_welcome_are_not_when_they_come_again() -> None:
    protocol = listener()
    protocol.connected(0.0)
    first = Welcome("ses_1", resumed=False, waiting=0, others=("laptop",))
    assert receive(protocol, first) == [Accepted(first)]
    assert receive(protocol, Joined("laptop")) == []
    second = Welcome("ses_2", resumed=False, waiting=0, others=("laptop", "desk"))
    assert reconnect(protocol, second) == [Accepted(replace(second, others=("desk",)))]


def test_only_the_latest_others_are_remembered() -> None:
    protocol = welcomed()
    receive(protocol, *[Joined(f"laptop-{number}") for number in range(MOST_MET + 1)])
    assert receive(protocol, Joined("laptop-1")) == []
    assert receive(protocol, Joined("laptop-0")) == [Meet("laptop-0")]


def test_a_cloud_too_old_for_the_wire_version_is_not_listened_to() -> None:
    protocol = ListenerProtocol(Hello("u", ("*",), 9, wire="2026-03"), concurrency=1)
    protocol.connected(0.0)
    [refusal] = receive(protocol, NEW)
    assert refusal == HangUp("it is too old for --wire 2026-03: update it, or leave that out", retry=False)
    knowing = Welcome("ses_1", resumed=False, waiting=0, heeds=("wire",))
    assert receive(protocol, knowing) == [Accepted(knowing)]


def test_while_nodes_are_updated_one_that_is_too_old_for_the_wire_version_is_left_for_another() -> None:
    protocol = ListenerProtocol(Hello("u", ("*",), 9, wire="2026-03"), concurrency=1)
    protocol.connected(0.0)
    receive(protocol, Welcome("ses_1", resumed=False, waiting=0, heeds=("wire",)))
    [refusal] = reconnect(protocol)
    assert isinstance(refusal, HangUp)
    assert refusal.retry


def test_the_first_hello_says_what_is_wanted() -> None:
    assert hello_of(listener(3)) == Hello(
        forward_to="http://localhost:3000/webhook", events=("*",), window=3 + QUEUED_BEYOND_SLOTS, agent="cstar/test"
    )


def test_a_later_hello_asks_for_the_session_that_was() -> None:
    protocol = welcomed()
    protocol.lost(0.0)
    assert hello_of(protocol).session_id == "ses_1"


def test_a_hello_on_resume_names_what_is_queued_running_and_unsettled() -> None:
    protocol = welcomed(concurrency=1)
    receive(protocol, delivery(1), delivery(2), delivery(3))
    protocol.finished(result(1), 0.0)
    protocol.lost(0.0)
    assert sorted(hello_of(protocol).holding) == ["dlv_1", "dlv_2", "dlv_3"]


def test_a_hello_on_resume_leaves_out_what_is_settled() -> None:
    protocol = welcomed()
    receive(protocol, delivery(1))
    protocol.finished(result(1), 0.0)
    receive(protocol, Settled(("dlv_1",)))
    protocol.lost(0.0)
    assert hello_of(protocol).holding == ()


def test_a_welcome_is_passed_on() -> None:
    protocol = listener()
    protocol.connected(0.0)
    assert receive(protocol, Welcome("ses_1", True, 7)) == [Accepted(Welcome("ses_1", True, 7))]


def test_deliveries_are_forwarded_in_their_order() -> None:
    assert forwarded(receive(welcomed(8), *map(delivery, (3, 1, 2)))) == ["dlv_3", "dlv_1", "dlv_2"]


def test_a_delivery_is_forwarded_as_it_came() -> None:
    assert receive(welcomed(), delivery(1)) == [Forward(delivery(1))]


def test_no_more_than_the_slots_are_forwarded_at_once() -> None:
    protocol = welcomed(2)
    assert forwarded(receive(protocol, *map(delivery, range(5)))) == ["dlv_0", "dlv_1"]
    assert len(protocol.ledger.running) == 2


def test_a_free_slot_goes_to_the_longest_waiting() -> None:
    protocol = welcomed(1)
    receive(protocol, *map(delivery, range(3)))
    assert protocol.finished(result(0), 0.0) == [Send(result(0)), Forward(delivery(1))]


def test_a_slow_delivery_holds_up_no_other_slot() -> None:
    protocol = welcomed(2)
    receive(protocol, *map(delivery, range(4)))
    protocol.finished(result(1), 0.0)
    assert forwarded(list(protocol.finished(result(2), 0.0))) == ["dlv_3"]


def test_a_result_is_sent_as_soon_as_it_is_there() -> None:
    protocol = welcomed()
    receive(protocol, delivery(1))
    assert protocol.finished(result(1), 0.0) == [Send(result(1))]


def test_a_repeat_of_what_is_queued_is_not_queued_again() -> None:
    protocol = welcomed(1)
    receive(protocol, delivery(1), delivery(2), delivery(2))
    assert forwarded(list(protocol.finished(result(1), 0.0))) == ["dlv_2"]
    assert forwarded(list(protocol.finished(result(2), 0.0))) == []


def test_a_repeat_of_what_runs_is_not_forwarded_again() -> None:
    protocol = welcomed()
    receive(protocol, delivery(1))
    assert receive(protocol, delivery(1)) == []


def test_a_repeat_of_what_has_a_result_is_answered_with_it() -> None:
    protocol = welcomed()
    receive(protocol, delivery(1))
    protocol.finished(result(1), 0.0)
    assert receive(protocol, delivery(1)) == [Send(result(1))]


def test_a_repeat_within_one_message_is_recognised() -> None:
    assert forwarded(receive(welcomed(), delivery(1), delivery(1))) == ["dlv_1"]


def test_a_settled_result_is_forgotten() -> None:
    protocol = welcomed()
    receive(protocol, delivery(1))
    protocol.finished(result(1), 0.0)
    assert len(protocol.ledger.unsettled) == 1
    receive(protocol, Settled(("dlv_1",)))
    assert len(protocol.ledger.unsettled) == 0
    assert reconnect(protocol) == [Accepted(RESUMED)]


def test_settling_what_is_unknown_does_nothing() -> None:
    assert receive(welcomed(), Settled(("dlv_9",))) == []


def test_a_result_that_comes_without_a_connection_is_kept_for_the_next() -> None:
    protocol = welcomed()
    receive(protocol, delivery(1))
    protocol.lost(0.0)
    assert protocol.finished(result(1), 0.0) == []
    assert reconnect(protocol) == [Accepted(RESUMED), Send(result(1))]


def test_a_result_that_comes_before_the_welcome_waits_for_it() -> None:
    protocol = welcomed()
    receive(protocol, delivery(1))
    protocol.lost(0.0)
    protocol.connected(0.0)
    assert protocol.finished(result(1), 0.0) == []
    assert Send(result(1)) in receive(protocol, RESUMED)


def test_unsettled_results_are_sent_again_in_their_order() -> None:
    protocol = welcomed(3)
    receive(protocol, *map(delivery, (1, 2, 3)))
    for number in (3, 1, 2):
        protocol.finished(result(number), 0.0)
    assert reconnect(protocol)[1:] == [Send(result(3)), Send(result(1)), Send(result(2))]


def test_what_was_queued_is_forwarded_while_the_connection_is_away() -> None:
    protocol = welcomed(1)
    receive(protocol, delivery(1), delivery(2))
    protocol.lost(0.0)
    assert forwarded(list(protocol.finished(result(1), 0.0))) == ["dlv_2"]


def test_what_runs_over_a_lost_connection_is_not_forwarded_again_after_it() -> None:
    protocol = welcomed()
    receive(protocol, delivery(1))
    reconnect(protocol)
    assert receive(protocol, delivery(1)) == []


def test_another_session_voids_what_was_queued() -> None:
    protocol = welcomed(1)
    receive(protocol, delivery(1), delivery(2))
    reconnect(protocol, OTHER)
    assert forwarded(list(protocol.finished(result(1), 0.0))) == []


def test_another_session_voids_unsettled_results() -> None:
    protocol = welcomed()
    receive(protocol, delivery(1))
    protocol.finished(result(1), 0.0)
    assert reconnect(protocol, OTHER) == [Accepted(OTHER)]
    assert len(protocol.ledger.unsettled) == 0


def test_what_runs_for_an_ended_session_keeps_its_slot_until_it_finishes() -> None:
    protocol = welcomed(1)
    receive(protocol, delivery(1))
    reconnect(protocol, OTHER)
    assert forwarded(receive(protocol, delivery(2))) == []
    assert forwarded(list(protocol.finished(result(1), 0.0))) == ["dlv_2"]


def test_a_late_result_of_an_ended_session_is_nobodys() -> None:
    protocol = welcomed()
    receive(protocol, delivery(1))
    reconnect(protocol, OTHER)
    assert protocol.finished(result(1), 0.0) == []
    assert (len(protocol.ledger.running), len(protocol.ledger.unsettled)) == (0, 0)


def test_what_runs_for_an_ended_session_is_not_held_for_the_next() -> None:
    protocol = welcomed()
    receive(protocol, delivery(1))
    reconnect(protocol, OTHER)
    protocol.lost(0.0)
    assert hello_of(protocol).holding == ()


@pytest.mark.parametrize("retry", [True, False])
def test_a_refusal_hangs_up_and_says_whether_to_come_back(retry: bool) -> None:
    protocol = listener()
    protocol.connected(0.0)
    assert receive(protocol, Refused("not now", retry)) == [HangUp("not now", retry)]


def test_a_heartbeat_is_said_after_5_s_of_silence() -> None:
    protocol = welcomed()
    receive(protocol, Heartbeat(), now=4.0)
    assert protocol.tick(4.9) == []
    assert protocol.tick(5.0) == [Send(Heartbeat())]


def test_heartbeats_go_on() -> None:
    protocol = welcomed()
    receive(protocol, Heartbeat(), now=9.0)
    said = [now for now in range(15) if protocol.tick(float(now))]
    assert said == [5, 10]


def test_no_heartbeat_is_said_when_something_else_was() -> None:
    protocol = welcomed()
    receive(protocol, delivery(1), now=4.0)
    protocol.finished(result(1), 4.0)
    assert protocol.tick(8.9) == []
    assert protocol.tick(9.0) == [Send(Heartbeat())]


def test_a_silent_cloud_is_dead_after_12_s() -> None:
    protocol = welcomed()
    assert not any(isinstance(command, HangUp) for command in protocol.tick(11.9))
    assert protocol.tick(12.0) == [HangUp("nothing heard for 12 s", retry=True)]


def test_any_frame_is_a_sign_of_life() -> None:
    protocol = welcomed()
    receive(protocol, Heartbeat(), now=11.0)
    assert not any(isinstance(command, HangUp) for command in protocol.tick(22.9))


def test_a_message_without_a_known_frame_is_a_sign_of_life() -> None:
    protocol = welcomed()
    receive(protocol, now=11.0)
    assert not any(isinstance(command, HangUp) for command in protocol.tick(22.9))


def test_without_a_connection_time_has_no_meaning() -> None:
    protocol = listener()
    assert protocol.tick(100.0) == []
    protocol = welcomed()
    protocol.lost(0.0)
    assert protocol.tick(100.0) == []


def test_a_new_connection_begins_a_new_silence() -> None:
    protocol = welcomed()
    protocol.lost(0.0)
    protocol.connected(100.0)
    assert protocol.tick(104.0) == []


def test_stopping_takes_nothing_more() -> None:
    protocol = welcomed()
    protocol.stop()
    assert receive(protocol, delivery(1)) == []


def test_stopping_gives_up_what_is_queued() -> None:
    protocol = welcomed(1)
    receive(protocol, delivery(1), delivery(2))
    protocol.stop()
    assert protocol.finished(result(1), 0.0) == [Send(result(1))]


def test_what_was_given_up_is_not_held() -> None:
    protocol = welcomed(1)
    receive(protocol, delivery(1), delivery(2))
    protocol.stop()
    protocol.lost(0.0)
    assert hello_of(protocol).holding == ("dlv_1",)


def test_a_repeat_while_stopping_is_still_answered() -> None:
    protocol = welcomed()
    receive(protocol, delivery(1))
    protocol.finished(result(1), 0.0)
    protocol.stop()
    assert receive(protocol, delivery(1)) == [Send(result(1))]


def test_goodbye_ends_the_session() -> None:
    assert welcomed().goodbye() == [Send(Bye())]


def test_without_a_session_there_is_nobody_to_say_goodbye_to() -> None:
    protocol = welcomed()
    protocol.lost(0.0)
    assert protocol.goodbye() == []


def test_a_session_that_is_given_after_the_goodbye_is_ended_at_once() -> None:
    protocol = listener()
    protocol.connected(0.0)
    assert protocol.goodbye() == []
    assert receive(protocol, NEW) == [Send(Bye())]


def test_what_the_cloud_has_not_heard_yet_goes_before_a_late_goodbye() -> None:
    protocol = welcomed()
    receive(protocol, delivery(1))
    protocol.finished(result(1), 0.0)
    protocol.lost(0.0)
    protocol.stop()
    protocol.goodbye()
    protocol.connected(0.0)
    assert receive(protocol, RESUMED) == [Send(result(1)), Send(Bye())]


@pytest.mark.parametrize("frame", [Heartbeat(), Bye(), Hello("u", (), 1), result(1)])
def test_frames_that_are_not_for_a_listener_are_ignored(frame: Frame) -> None:
    assert receive(welcomed(), frame) == []


def test_it_is_full_while_more_is_queued_than_was_asked_for() -> None:
    protocol = welcomed(concurrency=1)
    fullness = []
    for number in range(QUEUED_BEYOND_SLOTS + 3):
        receive(protocol, delivery(number))
        fullness.append(protocol.full)
    assert fullness == [False] * (QUEUED_BEYOND_SLOTS + 2) + [True]
    protocol.finished(result(0), 0.0)
    assert not protocol.full


def test_a_cloud_that_nobody_reads_is_not_given_up_for_its_silence() -> None:
    protocol = welcomed(concurrency=1)
    receive(protocol, *map(delivery, range(QUEUED_BEYOND_SLOTS + 3)))
    assert not any(isinstance(command, HangUp) for now in range(100) for command in protocol.tick(float(now)))
    protocol.finished(result(0), 99.0)
    assert any(isinstance(command, HangUp) for now in range(100, 120) for command in protocol.tick(float(now)))


def test_what_is_pushed_beyond_all_measure_is_left_to_be_pushed_again() -> None:
    protocol = welcomed(concurrency=1)
    receive(protocol, *map(delivery, range(MOST_HELD + 100)))
    assert len(hello_of(protocol).holding) == MOST_HELD
    protocol.finished(result(0), 0.0)
    receive(protocol, Settled(("dlv_0",)), delivery(MOST_HELD + 50))
    assert f"dlv_{MOST_HELD + 50}" in hello_of(protocol).holding


def with_a_failure(retry_at_ms: int | None = 5000) -> tuple[ListenerProtocol, list[ListenerCommand]]:
    """One that retries, and what it asks for when its first delivery has failed and that is settled."""
    protocol = welcomed(retry_speed=60.0)
    receive(protocol, delivery(1))
    protocol.finished(result(1, succeeded=False), 0.0)
    retries = {} if retry_at_ms is None else {"dlv_1": retry_at_ms}
    return protocol, receive(protocol, Settled(("dlv_1",), retries))


def test_the_hello_says_how_fast_what_fails_is_tried_again() -> None:
    assert hello_of(listener(retry_speed=60.0)).retry_speed == 60.0


def test_what_follows_a_failure_is_passed_on() -> None:
    protocol, commands = with_a_failure(5000)
    assert commands == [Concluded("dlv_1", 5000)]
    assert (len(protocol.ledger.failed), len(protocol.ledger.unsettled)) == (1, 0)


def test_a_failure_that_nothing_follows_is_the_end() -> None:
    protocol, commands = with_a_failure(None)
    assert commands == [Concluded("dlv_1", None)]
    assert len(protocol.ledger.failed) == 0


def test_of_successes_and_without_retries_nothing_is_concluded() -> None:
    for protocol, succeeded in ((welcomed(retry_speed=60.0), True), (welcomed(), False)):
        receive(protocol, delivery(1))
        last = result(1, succeeded=succeeded)
        protocol.finished(last, 0.0)
        assert protocol.will_conclude(last) is succeeded
        assert receive(protocol, Settled(("dlv_1",))) == []


def test_the_next_attempt_is_forwarded_and_no_longer_waits() -> None:
    protocol, _ = with_a_failure()
    assert receive(protocol, delivery(1, attempt=2)) == [Forward(delivery(1, attempt=2))]
    assert len(protocol.ledger.failed) == 0
    assert protocol.finished(result(1, 2), 0.0) == [Send(result(1, 2))]


def test_what_waits_for_its_next_attempt_is_not_held() -> None:
    protocol, _ = with_a_failure()
    assert hello_of(protocol).holding == ()


def test_a_repeat_of_the_next_attempt_is_recognised() -> None:
    protocol, _ = with_a_failure()
    receive(protocol, delivery(1, attempt=2))
    assert receive(protocol, delivery(1, attempt=2)) == []
    protocol.finished(result(1, 2), 0.0)
    assert receive(protocol, delivery(1, attempt=2)) == [Send(result(1, 2))]


def test_the_next_attempt_says_that_the_one_before_is_settled() -> None:
    protocol = welcomed(retry_speed=60.0)
    receive(protocol, delivery(1))
    protocol.finished(result(1, succeeded=False), 0.0)
    assert receive(protocol, delivery(1, attempt=2)) == [Concluded("dlv_1", None), Forward(delivery(1, attempt=2))]
    assert (len(protocol.ledger.running), len(protocol.ledger.unsettled)) == (1, 0)


def test_an_earlier_attempt_than_the_one_that_has_a_result_is_passed_over() -> None:
    protocol, _ = with_a_failure()
    receive(protocol, delivery(1, attempt=2))
    protocol.finished(result(1, 2), 0.0)
    assert receive(protocol, delivery(1, attempt=1)) == []
    assert len(protocol.ledger.unsettled) == 1


def test_a_settlement_told_twice_is_not_that_of_the_attempt_that_runs() -> None:
    protocol, _ = with_a_failure()
    receive(protocol, delivery(1, attempt=2))
    assert receive(protocol, Settled(("dlv_1",))) == []
    assert hello_of(protocol).holding == ("dlv_1",)


def test_without_a_connection_nothing_is_about_to_be_concluded() -> None:
    protocol = welcomed(retry_speed=60.0)
    receive(protocol, delivery(1))
    protocol.lost(0.0)
    failed = result(1, succeeded=False)
    protocol.finished(failed, 0.0)
    assert not protocol.will_conclude(failed)


def test_of_a_result_that_is_nobodys_nothing_is_about_to_be_concluded() -> None:
    protocol = welcomed(retry_speed=60.0)
    receive(protocol, delivery(1))
    reconnect(protocol, OTHER)
    failed = result(1, succeeded=False)
    protocol.finished(failed, 0.0)
    assert not protocol.will_conclude(failed)


def test_another_session_has_nothing_that_waits_for_a_retry() -> None:
    protocol, _ = with_a_failure()
    reconnect(protocol, OTHER)
    assert len(protocol.ledger.failed) == 0


def test_the_waits_before_retries_are_passed_on() -> None:
    protocol = listener(retry_speed=60.0)
    protocol.connected(0.0)
    welcome = Welcome("ses_1", False, 0, retry_waits_ms=(1000, 5000))
    assert receive(protocol, welcome) == [Accepted(welcome)]


def test_what_was_started_in_vain_goes_out_again_in_the_order_of_arrival() -> None:
    protocol = welcomed(3)
    receive(protocol, *map(delivery, (5, 3, 4, 1, 2)))
    protocol.hold()
    for number in (4, 5, 3):
        protocol.put_back(f"dlv_{number}")
    assert (len(protocol.ledger.running), len(protocol.ledger.queued)) == (0, 5)
    assert forwarded(list(protocol.release(0.0))) == ["dlv_5", "dlv_3", "dlv_4"]
    assert forwarded(list(protocol.finished(result(3), 0.0))) == ["dlv_1"]


def test_nothing_is_started_while_it_holds() -> None:
    protocol = welcomed(2)
    receive(protocol, delivery(1))
    protocol.hold()
    assert forwarded(receive(protocol, delivery(2), delivery(3))) == []
    assert protocol.finished(result(1), 0.0) == [Send(result(1))]
    assert forwarded(list(protocol.release(0.0))) == ["dlv_2", "dlv_3"]


def test_what_waits_is_held_over_a_lost_connection_and_recognised_when_it_is_pushed_again() -> None:
    protocol = welcomed(1)
    receive(protocol, delivery(1), delivery(2))
    protocol.hold()
    protocol.put_back("dlv_1")
    protocol.lost(0.0)
    assert hello_of(protocol).holding == ("dlv_1", "dlv_2")
    receive(protocol, RESUMED, delivery(1), delivery(2))
    assert (len(protocol.ledger.queued), forwarded(list(protocol.release(0.0)))) == (2, ["dlv_1"])


def test_another_session_voids_what_is_put_back() -> None:
    protocol = welcomed(1)
    receive(protocol, delivery(1))
    protocol.hold()
    reconnect(protocol, OTHER)
    protocol.put_back("dlv_1")
    assert (len(protocol.ledger.running), len(protocol.ledger.queued)) == (0, 0)
    assert forwarded(list(protocol.release(0.0))) == []


def test_what_is_put_back_while_stopping_is_given_up() -> None:
    protocol = welcomed(1)
    receive(protocol, delivery(1), delivery(2))
    protocol.stop()
    protocol.put_back("dlv_1")
    assert (len(protocol.ledger.running), len(protocol.ledger.queued), len(protocol.ledger.given_up)) == (0, 0, 2)
    protocol.lost(0.0)
    assert hello_of(protocol).holding == ()


def test_a_retry_that_a_stop_finds_queued_waited_for_it_and_was_delivered_before() -> None:
    protocol = welcomed(1)
    receive(protocol, delivery(1), delivery(2, attempt=2), delivery(3))
    protocol.stop()
    assert ([each.delivery_id for each in protocol.ledger.given_up], len(protocol.ledger.failed)) == (["dlv_3"], 1)


def test_it_has_all_it_takes_when_the_window_is_used_up() -> None:
    protocol = welcomed(1)
    receive(protocol, *map(delivery, range(QUEUED_BEYOND_SLOTS)))
    assert not protocol.has_all_it_takes
    receive(protocol, delivery(QUEUED_BEYOND_SLOTS))
    assert protocol.has_all_it_takes


def test_no_more_are_forwarded_than_were_asked_for_and_the_last_result_ends_it() -> None:
    protocol = welcomed(concurrency=2, most=3)
    assert forwarded(receive(protocol, *map(delivery, range(5)))) == ["dlv_0", "dlv_1"]
    assert protocol.finished(result(1), 0.0) == [Send(result(1)), Forward(delivery(2))]
    assert protocol.finished(result(0), 0.0) == [Send(result(0))]
    assert protocol.finished(result(2), 0.0) == [Send(result(2)), Enough()]
    assert receive(protocol, delivery(9)) == []


def test_what_is_put_back_has_not_been_forwarded() -> None:
    protocol = welcomed(concurrency=4, most=1)
    assert forwarded(receive(protocol, delivery(1), delivery(2))) == ["dlv_1"]
    protocol.hold()
    protocol.put_back("dlv_1")
    assert protocol.release(0.0) == [Forward(delivery(1))]
    assert protocol.finished(result(1), 0.0) == [Send(result(1)), Enough()]


def test_what_is_tried_again_counts_when_it_is_at_its_end_and_nothing_takes_its_place() -> None:
    protocol = welcomed(retry_speed=60.0, most=1)
    assert forwarded(receive(protocol, delivery(1), delivery(2))) == ["dlv_1"]
    assert protocol.finished(result(1, succeeded=False), 0.0) == [Send(result(1, succeeded=False))]
    assert receive(protocol, Settled(("dlv_1",), {"dlv_1": 5000})) == [Concluded("dlv_1", 5000)]
    assert receive(protocol, delivery(1, attempt=2)) == [Forward(delivery(1, attempt=2))]
    assert protocol.finished(result(1, 2), 0.0) == [Send(result(1, 2)), Enough()]


def test_what_fails_for_good_is_enough_too() -> None:
    protocol = welcomed(retry_speed=60.0, most=1)
    receive(protocol, delivery(1))
    protocol.finished(result(1, succeeded=False), 0.0)
    assert receive(protocol, Settled(("dlv_1",))) == [Concluded("dlv_1", None), Enough()]


def test_what_is_begun_leaves_room_for_as_many_others_as_were_asked_for() -> None:
    protocol = welcomed(concurrency=4, retry_speed=60.0, most=2)
    receive(protocol, delivery(1))
    protocol.finished(result(1, succeeded=False), 0.0)
    receive(protocol, Settled(("dlv_1",), {"dlv_1": 5000}))
    assert forwarded(receive(protocol, delivery(2), delivery(3))) == ["dlv_2"]
    assert protocol.finished(result(2), 0.0) == [Send(result(2))]
    assert forwarded(receive(protocol, delivery(1, attempt=2))) == ["dlv_1"]
    assert protocol.finished(result(1, 2), 0.0) == [Send(result(1, 2)), Enough()]


def test_what_began_in_a_session_that_has_ended_leaves_its_place_to_others() -> None:
    protocol = welcomed(retry_speed=60.0, most=1)
    receive(protocol, delivery(1))
    protocol.finished(result(1, succeeded=False), 0.0)
    receive(protocol, Settled(("dlv_1",), {"dlv_1": 5000}))
    reconnect(protocol, OTHER)
    assert forwarded(receive(protocol, delivery(2))) == ["dlv_2"]


def test_what_is_put_back_for_a_session_that_has_ended_leaves_its_place_to_others() -> None:
    protocol = welcomed(retry_speed=60.0, most=1)
    receive(protocol, delivery(1))
    protocol.finished(result(1, succeeded=False), 0.0)
    receive(protocol, Settled(("dlv_1",), {"dlv_1": 5000}))
    receive(protocol, delivery(1, attempt=2))
    reconnect(protocol, OTHER)
    protocol.hold()
    protocol.put_back("dlv_1")
    receive(protocol, delivery(2))
    assert forwarded(protocol.release(0.0)) == ["dlv_2"]


def test_what_is_read_after_a_standstill_is_not_taken_but_the_connection_given_up() -> None:
    protocol = welcomed()
    assert receive(protocol, delivery(1), now=60.0) == [HangUp("this process stood still for 60 s", retry=True)]
    assert protocol.tick(60.1) == [HangUp("this process stood still for 60 s", retry=True)]
    assert not protocol.ledger.held


def test_no_standstill_is_seen_in_twelve_seconds_without_a_turn() -> None:
    assert forwarded(receive(welcomed(), delivery(1), now=12.0)) == ["dlv_1"]


def test_what_was_queued_before_a_standstill_starts_once_the_session_is_known_to_stand() -> None:
    protocol = welcomed(1)
    receive(protocol, delivery(1), delivery(2))
    assert forwarded(list(protocol.finished(result(1), 60.0))) == []
    protocol.lost(60.0)
    assert forwarded(list(protocol.release(60.0))) == []
    protocol.connected(60.0)
    assert forwarded(receive(protocol, RESUMED, now=60.0)) == ["dlv_2"]


def test_what_was_queued_before_a_standstill_that_the_session_has_not_outlived_is_never_started() -> None:
    protocol = welcomed(1)
    receive(protocol, delivery(1), delivery(2))
    protocol.lost(60.0)
    assert forwarded(list(protocol.finished(result(1), 60.0))) == []
    protocol.connected(60.0)
    assert forwarded(receive(protocol, OTHER, delivery(3), now=60.0)) == ["dlv_3"]


def test_what_is_set_aside_is_started_once_it_is_let_go_and_in_that_order() -> None:
    protocol = welcomed(1, set_aside=True)
    assert receive(protocol, *map(delivery, (1, 2, 3))) == [SetAside(delivery(number)) for number in (1, 2, 3)]
    assert forwarded(protocol.let_go(["dlv_3", "dlv_1"], 0.0)) == ["dlv_3"]
    assert forwarded(protocol.let_go(["dlv_2", "dlv_3", "dlv_9"], 0.0)) == []
    assert forwarded(protocol.finished(result(3), 0.0)) == ["dlv_1"]
    assert forwarded(protocol.finished(result(1), 0.0)) == ["dlv_2"]


def test_what_is_set_aside_is_held_and_a_repeat_of_it_is_known() -> None:
    protocol = welcomed(set_aside=True)
    receive(protocol, delivery(1))
    assert receive(protocol, delivery(1)) == []
    protocol.lost(0.0)
    assert hello_of(protocol).holding == ("dlv_1",)
    assert receive(protocol, RESUMED, delivery(1)) == [Accepted(RESUMED)]


def test_what_is_set_aside_is_void_with_its_session_and_given_up_at_the_end() -> None:
    protocol = welcomed(set_aside=True)
    receive(protocol, delivery(1))
    reconnect(protocol, OTHER)
    assert (forwarded(protocol.let_go(["dlv_1"], 0.0)), len(protocol.ledger.held)) == ([], 0)
    receive(protocol, delivery(2), delivery(3))
    protocol.let_go(["dlv_2"], 0.0)
    protocol.stop()
    assert ([given.delivery_id for given in protocol.ledger.given_up], [*protocol.ledger.held]) == (
        ["dlv_3"],
        ["dlv_2"],
    )
    assert forwarded(protocol.let_go(["dlv_3"], 0.0)) == []


def test_what_was_let_go_while_on_hold_keeps_the_order_that_it_was_let_go_in() -> None:
    protocol = welcomed(1, set_aside=True)
    receive(protocol, *map(delivery, (1, 2, 3)))
    protocol.hold()
    assert forwarded(protocol.let_go(["dlv_3", "dlv_1", "dlv_2"], 0.0)) == []
    assert forwarded(protocol.release(0.0)) == ["dlv_3"]
    assert forwarded(protocol.finished(result(3), 0.0)) == ["dlv_1"]
