import threading
from collections.abc import Iterator

import pytest

from cstar_cli.commands.within import OutOfTime, told_of_silence, within


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


def test_silence_is_told_of_once_it_has_lasted() -> None:
    told = threading.Event()
    with told_of_silence(0.01, told.set):
        assert told.wait(10)


def test_what_comes_in_time_is_no_silence() -> None:
    told = threading.Event()
    with told_of_silence(60, told.set) as something_came:
        something_came()
        timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
        for timer in timers:
            timer.join(10)
    assert not any(timer.is_alive() for timer in timers)
    assert not told.is_set()
