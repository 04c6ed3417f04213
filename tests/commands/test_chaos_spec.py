from enum import Enum

import pytest

from cstar_cli.commands.chaos_spec import EXAMPLE, MOST_RANDOM_SEED, chaos_of, parse
from cstar_cli.commands.pace import Pace, with_chaos
from cstar_cli.errors import UsageError
from cstar_cli.tunnel.chaos import Chaos


class Source(Enum):
    COMMANDLINE = 1
    ENVIRONMENT = 2


class Given:
    """A run whose seed comes from there."""

    def __init__(self, source: Source | None = None) -> None:
        self.args: list[str] = []
        self._source = source

    def get_parameter_source(self, name: str, /) -> Source | None:
        return self._source


def refused(text: str) -> str:
    with pytest.raises(UsageError) as refusal:
        parse(text, 7)
    return str(refusal.value)


def test_all_that_it_takes_is_read_as_it_is_written() -> None:
    assert parse(EXAMPLE, 7) == Chaos(EXAMPLE, 7, duplicate=0.1, shuffle=5, delay_ms=(0, 2000), drop=0.01)


@pytest.mark.parametrize(
    ("text", "delay_ms"),
    [
        ("500ms", (500, 500)),
        ("0..2s", (0, 2000)),
        ("200ms..1.5s", (200, 1500)),
        ("1..2", (1000, 2000)),
        ("10..20ms", (10, 20)),
    ],
)
def test_a_delay_is_one_time_or_two_of_which_the_first_may_do_without_its_unit(
    text: str, delay_ms: tuple[int, int]
) -> None:
    chaos = parse(f"delay={text}", 7)
    assert chaos is not None
    assert chaos.delay_ms == delay_ms


def test_blanks_and_a_last_comma_do_no_harm() -> None:
    chaos = parse(" drop = 0.5% , shuffle=5,", 7)
    assert chaos == Chaos("drop=0.5%,shuffle=5", 7, drop=0.005, shuffle=5)


def test_off_is_none_whatever_a_file_says() -> None:
    assert parse("off", 7) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("duplicat=10%", "--chaos has no 'duplicat'. Did you mean 'duplicate'? It takes duplicate, shuffle, "),
        ("", "--chaos says nothing: it takes duplicate, shuffle, delay, drop, like"),
        ("drop", "--chaos drop=: it takes a share of the deliveries, from 0% to 100%, like 10%."),
        ("drop=10", "--chaos drop=10: it takes a share of the deliveries, from 0% to 100%, like 10%."),
        ("drop=100.1%", "--chaos drop=100.1%: it takes a share of the deliveries, from 0% to 100%, like 10%."),
        ("drop=1%,drop=2%", "--chaos has drop twice: leave one out."),
        ("shuffle=1", "--chaos shuffle=1: it takes how many deliveries are shuffled together, from 2 to 100."),
        ("shuffle=101", "--chaos shuffle=101: it takes how many deliveries are shuffled together, from 2 to 100."),
        ("delay=soon", "--chaos delay=soon: it takes a time, like 500ms, or two, like 0..2s."),
        ("delay=2s..1s", "--chaos delay=2s..1s: it takes a time up to 10m, or two, the shorter first, like 0..2s."),
        ("delay=11m", "--chaos delay=11m: it takes a time up to 10m, or two, the shorter first, like 0..2s."),
    ],
)  # fmt: skip
def test_what_it_cannot_be_is_refused_with_what_it_takes(text: str, message: str) -> None:
    assert refused(text).startswith(message)


def test_a_seed_that_is_not_given_is_drawn() -> None:
    drawn = {chaos.seed for _ in range(20) if (chaos := chaos_of(Given(), "drop=1%", None))}
    assert len(drawn) > 1
    assert all(0 <= seed < MOST_RANDOM_SEED for seed in drawn)


def test_a_seed_alone_is_a_mistake_on_the_command_line_and_none_elsewhere() -> None:
    with pytest.raises(UsageError, match="--seed 7 is of --chaos, which is not given: add it, like --chaos dup"):
        with_chaos(Pace(), Given(Source.COMMANDLINE), None, 7)
    assert with_chaos(Pace(), Given(Source.ENVIRONMENT), None, 7) == Pace()


def test_each_route_has_the_chaos_of_all_with_fates_of_its_own_at_a_breakpoint_too() -> None:
    chaos = Chaos("drop=1%", 7, drop=0.01)
    for pace in (Pace(chaos=chaos), Pace(None, 1, chaos=chaos)):
        routed = pace.for_route("billing", 3, 2).chaos
        assert routed is not None
        assert (routed.route, routed.seed) == ("billing", 7)
