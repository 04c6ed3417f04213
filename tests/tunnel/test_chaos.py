"""What chaos decides: the same of the same, and nothing that loses a delivery it doesn't drop."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cstar_cli.tunnel.chaos import Chaos, Fate, Shuffle

CHAOS = Chaos("", 7, duplicate=0.3, shuffle=5, delay_ms=(100, 2000), drop=0.2)


def fates(chaos: Chaos, count: int = 1000) -> list[Fate]:
    return [chaos.fate(number, 1) for number in range(1, count + 1)]


def order(size: int, count: int, quiet_after: frozenset[int] = frozenset()) -> list[int]:
    """Return in which order so many deliveries go, where nothing comes for a while after some of them."""
    shuffle, gone = Shuffle(size), list[str]()
    for number in range(1, count + 1):
        gone += [each.delivery_id for each in shuffle.take(str(number), number, CHAOS.fate(number, 1).rank)]
        if number in quiet_after:
            gone += [each.delivery_id for each in shuffle.let_go()]
    gone += [each.delivery_id for each in shuffle.let_go()]
    assert not shuffle.holds
    return [*map(int, gone)]


def test_a_seed_has_one_fate_for_each_delivery_and_another_seed_others() -> None:
    assert fates(CHAOS) == fates(replace(CHAOS))
    assert fates(CHAOS) != fates(replace(CHAOS, seed=8))


def test_what_a_seed_once_meant_it_means_for_ever() -> None:
    drops = [number for number, fate in enumerate(fates(CHAOS, 30), 1) if fate.drop]
    assert (drops, CHAOS.fate(1, 1).delay_ms) == ([6, 11, 12, 16, 21, 25, 28], 916)
    assert order(5, 10) == [4, 3, 2, 1, 5, 7, 6, 9, 10, 8]


def test_each_attempt_and_each_route_has_a_fate_of_its_own() -> None:
    assert fates(CHAOS) != [CHAOS.fate(number, 2) for number in range(1, 1001)]
    assert fates(CHAOS.for_route("a")) == fates(CHAOS.for_route("a")) != fates(CHAOS.for_route("b"))


def test_to_ask_for_one_thing_more_changes_nothing_else() -> None:
    without = fates(replace(CHAOS, drop=0.0))
    kept = [(fate, other) for fate, other in zip(fates(CHAOS), without, strict=True) if not fate.drop]
    assert 700 < len(kept) < 900
    assert all(fate == other for fate, other in kept)


def test_shares_are_what_was_asked_for_and_delays_within_their_bounds() -> None:
    all_of_them = fates(CHAOS)
    assert 150 < sum(fate.drop for fate in all_of_them) < 250
    assert 190 < sum(fate.duplicate for fate in all_of_them) < 290, "30% of the 80% that are not dropped"
    delays = [fate.delay_ms for fate in all_of_them if not fate.drop]
    assert 100 <= min(delays) < 150
    assert 1950 < max(delays) <= 2000


def test_all_and_none_are_exact() -> None:
    assert all(fate.drop and not fate.duplicate for fate in fates(replace(CHAOS, drop=1.0, duplicate=1.0)))
    none = fates(Chaos("", 7))
    assert not any(fate.drop or fate.duplicate or fate.delay_ms for fate in none)


@given(st.integers(1, 20), st.integers(0, 60), st.frozensets(st.integers(1, 60)))
def test_a_shuffle_loses_nothing_and_moves_nothing_out_of_its_window(
    size: int, count: int, quiet_after: frozenset[int]
) -> None:
    gone = order(size, count, quiet_after)
    assert sorted(gone) == [*range(1, count + 1)]
    assert [(number - 1) // size for number in gone] == sorted((number - 1) // size for number in gone)


def test_a_delivery_has_moved_that_goes_in_another_place_than_it_came_in() -> None:
    shuffle = Shuffle(4)
    assert [shuffle.take(name, number, rank) for number, (name, rank) in enumerate([("a", 0.1), ("b", 0.9)], 1)] == [
        (),
        (),
    ]
    assert shuffle.take("c", 3, 0.5) == ()
    assert [(each.delivery_id, each.moved) for each in shuffle.take("d", 4, 0.95)] == [
        ("a", False), ("c", True), ("b", True), ("d", False),
    ]  # fmt: skip
