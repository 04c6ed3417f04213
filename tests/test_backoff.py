from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstar_cli.backoff import jittered, retry_after_s


def waits(first_s: float, most_s: float, random: float, count: int) -> list[float]:
    return list(islice(jittered(first_s, most_s, lambda: random), count))


def test_waits_double_up_to_the_most() -> None:
    assert waits(0.1, 1.0, 0.0, 6) == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_chance_cuts_off_up_to_half() -> None:
    assert waits(1.0, 8.0, 0.5, 4) == [0.75, 1.5, 3.0, 6.0]


def test_each_wait_draws_anew() -> None:
    draws = iter([0.0, 0.5, 1.0])
    assert list(islice(jittered(8.0, 8.0, lambda: next(draws)), 3)) == [8.0, 6.0, 4.0]


@given(st.floats(0.001, 100), st.floats(1, 1000), st.floats(0, 1, exclude_max=True))
def test_no_wait_is_longer_than_the_most_or_shorter_than_half_the_first(
    first_s: float, times: float, random: float
) -> None:
    most_s = first_s * times
    assert all(first_s / 2 <= wait_s <= most_s for wait_s in waits(first_s, most_s, random, 30))


def test_it_never_ends() -> None:
    assert waits(0.1, 10.0, 0.0, 5000)[-1] == 10.0


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("7", 7), ("60", 60), ("61", 60), ("999999999", 60)])
def test_retry_after_is_taken_up_to_the_most(text: str, seconds: int) -> None:
    assert retry_after_s(text, 60) == seconds


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5", "+1", " 1", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 5000, "²", "٣"]
)
def test_any_other_retry_after_asks_for_nothing(text: str) -> None:
    assert retry_after_s(text, 60) == 0
