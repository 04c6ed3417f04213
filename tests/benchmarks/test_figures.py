from benchmarks.figures import Figures, Key, Series, least_of

KEY = Key("forwarding", "cstar", "events/s")


def test_a_series_is_told_by_its_median_least_and_most() -> None:
    series = Series({0: 30.0, 1: 10.0, 2: 20.0})
    assert (series.median, series.least, series.most) == (20.0, 10.0, 30.0)


def test_a_ratio_is_taken_within_each_round_and_not_between_medians() -> None:
    drifting, other = Series({0: 100.0, 1: 10.0, 2: 30.0}), Series({0: 50.0, 1: 10.0, 2: 10.0})
    ratio = drifting.over(other)
    assert ratio is not None
    assert ratio.by_round == {0: 2.0, 1: 1.0, 2: 3.0}
    assert ratio.median == 2.0


def test_rounds_that_only_one_of_both_has_are_left_out_of_a_ratio() -> None:
    ratio = Series({0: 4.0, 1: 9.0}).over(Series({1: 3.0, 2: 1.0}))
    assert ratio == Series({1: 3.0})


def test_without_a_common_round_there_is_no_ratio() -> None:
    assert Series({0: 1.0}).over(Series({1: 1.0})) is None
    assert Series({0: 1.0}).over(Series({0: 0.0})) is None


def test_the_best_of_many_is_the_smallest_of_each_round() -> None:
    assert least_of([Series({0: 3.0, 1: 1.0}), Series({0: 2.0, 1: 5.0})]) == Series({0: 2.0, 1: 1.0})
    assert least_of([]) is None


def test_subjects_come_in_the_order_of_their_first_turn_and_those_without_figures_last() -> None:
    figures = Figures()
    figures.absent["forwarding", "gone"] = "not to be had"
    figures.add(Key("forwarding", "b", "x"), 0, 1.0)
    figures.add(Key("forwarding", "a", "x"), 0, 1.0)
    figures.add(Key("other", "c", "y"), 0, 1.0)
    assert figures.subjects("forwarding") == ["b", "a", "gone"]
    assert figures.metrics("forwarding") == ["x"]
    assert figures.scenarios() == ["forwarding", "other"]


def test_a_figure_that_was_not_taken_has_no_series() -> None:
    assert Figures().series(KEY) is None
