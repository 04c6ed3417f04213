import pytest

from benchmarks.__main__ import SCENARIOS, scenario
from benchmarks.figures import Figures, Key
from benchmarks.targets import RELAYED_PER_S, TARGETS, Target, judge
from benchmarks.tools import LIMIT

OURS, FAST, SLOW = (Key("forwarding", name, "events/s") for name in ("cstar", "fast", "slow"))


def figures(**values: tuple[float, ...]) -> Figures:
    made = Figures()
    for key in (OURS, FAST, SLOW):
        for number, value in enumerate(values.get(key.subject, ())):
            made.add(key, number, value)
    return made


@pytest.mark.parametrize(("value", "reached"), [(9.9, False), (10.0, True), (11.0, True)])
def test_an_absolute_target_holds_the_median_to_its_bound(value: float, reached: bool) -> None:
    verdict = judge(Target("", OURS, 10, "least"), figures(cstar=(1.0, value, 99.0)))
    assert verdict.reached is reached


def test_a_target_beside_another_holds_the_ratio_to_its_bound() -> None:
    verdict = judge(Target("", OURS, 5, "least", (SLOW,)), figures(cstar=(10.0, 60.0), slow=(2.0, 10.0)))
    assert verdict.measured is not None
    assert verdict.measured.median == 5.5
    assert verdict.reached is True


def test_a_target_beside_many_is_measured_by_the_smallest_of_each_round() -> None:
    target = Target("", OURS, 1, "most", (FAST, SLOW))
    assert judge(target, figures(cstar=(2.0,), fast=(3.0,), slow=(1.0,))).reached is False
    assert judge(target, figures(cstar=(1.0,), fast=(3.0,), slow=(1.0,))).reached is True


def test_what_has_no_figure_or_nobody_beside_it_is_neither_reached_nor_missed() -> None:
    assert judge(Target("", OURS, 1, "least"), figures()).reached is None
    assert judge(Target("", OURS, 1, "least", (SLOW,)), figures(cstar=(1.0,))).reached is None


def test_absolute_figures_are_scaled_by_what_the_relay_in_c_does_in_the_same_round() -> None:
    made = figures(cstar=(2_000.0, 4_000.0))
    for number, relayed in enumerate((RELAYED_PER_S / 2, RELAYED_PER_S)):
        made.add(Key("forwarding", LIMIT.name, "relayed/s"), number, relayed)
    rate = judge(Target("", OURS, 4_000, "least", scaled="rate"), made)
    time = judge(Target("", OURS, 4_000, "most", scaled="time"), made)
    assert rate.measured is not None
    assert rate.measured.by_round == pytest.approx({0: 4_000, 1: 4_000})
    assert time.measured is not None
    assert time.measured.by_round == pytest.approx({0: 1_000, 1: 4_000})


def test_without_the_relay_nothing_can_be_scaled() -> None:
    assert judge(Target("", OURS, 1, "least", scaled="rate"), figures(cstar=(2.0,))).reached is None


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.text)
def test_every_target_is_about_a_scenario_that_there_is(target: Target) -> None:
    assert {key.scenario for key in (target.of, *target.beside)} <= set(SCENARIOS)


def test_no_target_is_there_twice() -> None:
    texts = [target.text for target in TARGETS]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_has_a_title_and_a_round(name: str) -> None:
    assert scenario(name).TITLE
    assert callable(scenario(name).run_round)
