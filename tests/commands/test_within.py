import threading
from collections.abc import Iterator

import pytest

from cstar_cli.commands.within import OutOfTime, within


def test_what_the_work_yields_comes_until_it_hangs() -> None:
    never = threading.Event()

    def hangs() -> Iterator[int]:
        yield 1
        never.wait()

    items = within(0.2, hangs)
    assert next(items) == 1
    with pytest.raises(OutOfTime):
        next(items)
    never.set()


def test_work_that_ends_in_time_ends_the_iteration() -> None:
    assert [*within(30, lambda: [1, 2])] == [1, 2]


def test_what_the_work_raises_is_raised_to_the_caller() -> None:
    def fails() -> Iterator[int]:
        yield 1
        raise KeyError("x")

    items = within(30, fails)
    assert next(items) == 1
    with pytest.raises(KeyError):
        next(items)
