from cstar_cli.clock import elapsed_clock, elapsed_ns, now_ms, steady_ms

HOUR_MS = 3_600_000
NS_A_MS = 1_000_000


class Clocks:
    """A wall clock that anybody can set, and the time that has really passed."""

    def __init__(self) -> None:
        self.wall_ms = 1_765_376_000_000
        self.elapsed_ms = 77

    def steady(self) -> int:
        return self._steady()

    def start(self) -> None:
        self._steady = steady_ms(lambda: self.wall_ms, lambda: self.elapsed_ms * NS_A_MS)


def test_a_steady_clock_starts_with_the_wall_clock_and_goes_on_by_itself() -> None:
    clocks = Clocks()
    clocks.start()
    started_ms = clocks.wall_ms
    assert clocks.steady() == started_ms
    for moved_ms in (HOUR_MS, -2 * HOUR_MS, 0):
        clocks.wall_ms += moved_ms
        clocks.elapsed_ms += 1000
    assert clocks.steady() == started_ms + 3000


def test_a_steady_clock_that_is_started_later_takes_the_wall_clock_of_then() -> None:
    clocks = Clocks()
    clocks.start()
    clocks.wall_ms += HOUR_MS
    clocks.start()
    assert clocks.steady() == clocks.wall_ms


def test_the_clocks_of_this_machine_agree() -> None:
    steady = steady_ms()
    before_ns = elapsed_ns()
    first, second = steady(), steady()
    assert first <= second
    assert elapsed_ns() >= before_ns
    assert abs(second - now_ms()) < 5000


def test_the_clock_in_seconds_is_the_one_in_nanoseconds() -> None:
    before = elapsed_ns()
    seconds = elapsed_clock()()
    assert before / 1e9 <= seconds <= elapsed_ns() / 1e9
