import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstar_cli.cloud.options import DeliveryPolicy
from cstar_cli.cloud.retries import SessionRetries, longest_waits_ms, retry_in_ms, schedule_s
from cstar_cli.cloud.store.records import AttemptOutcome
from cstar_cli.events.wires import LONGEST_RETRIES_S, NAMES, wire

POLICY = DeliveryPolicy()
MINUTE_MS = 60_000
NOW_MS = 1_792_567_680_000  # Wed, 21 Oct 2026 07:28:00 GMT


def wait_ms(
    retries: int | None = 0,
    *,
    status: int | None = 503,
    retry_after: str | None = None,
    policy: DeliveryPolicy = POLICY,
    random: float = 0.0,
    version: str = "2025-12",
) -> int | None:
    headers = (("Server", "app"), *((("Retry-After", retry_after),) if retry_after is not None else ()))
    return retry_in_ms(retries, schedule_s(policy, version), status, headers, NOW_MS, lambda: random)


def test_the_waits_are_those_of_the_contract() -> None:
    assert [wait_ms(retries) for retries in range(4)] == [MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, None]


def test_the_waits_of_2026_03_are_six() -> None:
    waits_s = (30, 120, 600, 3600, 6 * 3600, 24 * 3600)
    found = [wait_ms(retries, version="2026-03") for retries in range(7)]
    assert found == [*(wait_s * 1000 for wait_s in waits_s), None]


@pytest.mark.parametrize("version", NAMES)
def test_a_schedule_that_the_cloud_is_given_is_that_of_every_version(version: str) -> None:
    policy = DeliveryPolicy(retries_s=(2.0,))
    assert [wait_ms(retries, policy=policy, version=version) for retries in range(2)] == [2000, None]


def test_without_retries_there_is_no_wait() -> None:
    assert wait_ms(0, policy=DeliveryPolicy(retries_s=())) is None


def test_a_delivery_that_goes_once_is_not_tried_again() -> None:
    assert wait_ms(None, retry_after="60") is None


def test_a_retry_beyond_a_schedule_that_was_shortened_is_the_end() -> None:
    assert wait_ms(7) is None


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 2))
def test_chance_only_lengthens_and_by_5_percent_at_most(random: float, retries: int) -> None:
    plain_ms, jittered_ms = wait_ms(retries), wait_ms(retries, random=random)
    assert plain_ms is not None
    assert jittered_ms is not None
    assert plain_ms <= jittered_ms <= plain_ms * 1.05 + 1


@given(st.floats(0.0001, 10_000_000))
def test_no_retry_is_early_whatever_the_schedule(retry_s: float) -> None:
    waited_ms = wait_ms(policy=DeliveryPolicy(retries_s=(retry_s,)))
    assert waited_ms is not None
    assert waited_ms >= retry_s * 1000


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("retry_after", ["300", "Wed, 21 Oct 2026 07:33:00 GMT", "Wed Oct 21 07:33:00 2026"])
def test_a_busy_receiver_can_ask_for_a_longer_wait(status: int, retry_after: str) -> None:
    assert wait_ms(status=status, retry_after=retry_after) == 5 * MINUTE_MS


@pytest.mark.parametrize("status", [200, 302, 404, 500, 502, None])
def test_nobody_else_can(status: int | None) -> None:
    assert wait_ms(status=status, retry_after="300") == MINUTE_MS


@pytest.mark.parametrize("retry_after", ["0", "59", "Wed, 21 Oct 2026 07:28:10 GMT", "Wed, 21 Oct 2020 07:28:00 GMT"])
def test_no_receiver_can_shorten_a_wait(retry_after: str) -> None:
    assert wait_ms(retry_after=retry_after) == MINUTE_MS


@pytest.mark.parametrize("retry_after", ["1800", "1801", "999999999", "Wed, 21 Oct 2099 07:28:00 GMT"])
@pytest.mark.parametrize("retries_s", [(60.0,), (60.0, 7200.0)], ids=["minutes", "hours"])
def test_nobody_is_left_alone_for_longer_than_30_minutes(retry_after: str, retries_s: tuple[float, ...]) -> None:
    policy = DeliveryPolicy(retries_s=retries_s)
    assert wait_ms(policy=policy, retry_after=retry_after, random=0.999) == 30 * MINUTE_MS


def test_a_wait_of_the_schedule_that_is_longer_stays_as_it_is() -> None:
    assert wait_ms(policy=DeliveryPolicy(retries_s=(7200.0,)), retry_after="1") == 7200 * 1000


def test_chance_lengthens_what_was_asked_for_too() -> None:
    assert wait_ms(retry_after="300", random=0.5) == 5 * MINUTE_MS * 1.025


@pytest.mark.parametrize("text", ["", "-1", "1.5", "soon", "9" * 5000, "²", "Wed, 21 Oct 99999 07:28:00 GMT"])
def test_nonsense_asks_for_nothing(text: str) -> None:
    assert wait_ms(retry_after=text) == MINUTE_MS


@given(st.text())
def test_no_text_of_a_receiver_breaks_the_schedule(text: str) -> None:
    waited_ms = wait_ms(retry_after=text)
    assert waited_ms is not None
    assert MINUTE_MS <= waited_ms <= 30 * MINUTE_MS


def test_the_longest_wait_is_that_of_the_schedule_with_all_chance() -> None:
    assert longest_waits_ms(DeliveryPolicy(retries_s=(1.0, 7200.0))) == {None: 7560 * 1000}


def test_without_a_schedule_of_the_cloud_the_longest_wait_is_that_of_each_version() -> None:
    assert longest_waits_ms(DeliveryPolicy()) == {"2025-12": 30 * 60 * 1050, "2026-03": 24 * 3600 * 1050}
    assert {name: max(wire(name).retries_s) for name in NAMES} == LONGEST_RETRIES_S


def test_the_longest_wait_may_be_what_a_receiver_asks_for() -> None:
    assert longest_waits_ms(DeliveryPolicy(retries_s=(1.0,))) == {None: 30 * MINUTE_MS}
    assert longest_waits_ms(DeliveryPolicy(retries_s=())) == {None: 30 * MINUTE_MS}


def session_waits_ms(speed: float, status: int | None = 500, retry_after: str | None = None) -> list[int]:
    headers = (("Retry-After", retry_after),) if retry_after else ()
    outcome = AttemptOutcome("dlv_1", 1, False, status, None, NOW_MS, 1.0, response_headers=headers)
    return list(SessionRetries(POLICY, lambda: NOW_MS, lambda: 0.0).waits_ms(outcome, speed, "2025-12"))


@pytest.mark.parametrize(
    ("speed", "waits_ms"), [(1, [60_000, 300_000, 1_800_000]), (60, [1000, 5000, 30_000]), (600, [100, 500, 3000])]
)
def test_a_session_has_the_same_waits_so_many_times_faster(speed: float, waits_ms: list[int]) -> None:
    assert session_waits_ms(speed) == waits_ms
    assert SessionRetries(POLICY).scheduled_ms(speed, "2025-12") == tuple(waits_ms)


def test_what_a_receiver_asks_of_a_session_is_faster_too() -> None:
    assert session_waits_ms(60, 429, "120") == [2000, 5000, 30_000]
    assert session_waits_ms(60, 500, "120") == [1000, 5000, 30_000]


def test_a_session_has_as_many_retries_as_the_schedule_of_its_cloud() -> None:
    retries = SessionRetries(DeliveryPolicy(retries_s=(2.0,)), lambda: NOW_MS, lambda: 0.5)
    outcome = AttemptOutcome("dlv_1", 1, False, 500, None, NOW_MS, 1.0)
    assert retries.waits_ms(outcome, 1, "2026-03") == [2050]
    assert retries.scheduled_ms(1, "2026-03") == (2000,)
