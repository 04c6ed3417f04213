import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstar_cli.errors import UsageError
from cstar_cli.events.catalogue import names
from cstar_cli.events.filters import EventFilter


def passing(*patterns: str) -> list[str]:
    return list(filter(EventFilter.parse(patterns).matches, names()))


def test_an_exact_type_passes_alone() -> None:
    assert passing("ticket.created") == ["ticket.created"]


def test_a_resource_wildcard_passes_its_types() -> None:
    assert passing("boss.*") == ["boss.spawned", "boss.defeated"]


def test_an_action_wildcard_passes_every_resource() -> None:
    assert passing("*.created") == ["ticket.created", "customer.created", "article.created"]


@pytest.mark.parametrize("pattern", ["ticket.message_*", "ticket.*_added", "t*t.m*_a*d", "ticket.message_added*"])
def test_a_star_stands_for_any_part_of_a_name(pattern: str) -> None:
    assert passing(pattern) == ["ticket.message_added"]


@pytest.mark.parametrize("patterns", [(), ("",), ("*",), ("*.*",), ("**",), (" , ",)])
def test_nothing_and_a_star_pass_everything(patterns: tuple[str, ...]) -> None:
    assert passing(*patterns) == list(names())


def test_everything_includes_types_outside_the_catalogue() -> None:
    assert EventFilter().matches("order.paid")


def test_several_patterns_pass_what_any_of_them_passes() -> None:
    assert (
        passing("survey.*", "ticket.closed")
        == passing("survey.*,ticket.closed")
        == ["ticket.closed", "survey.submitted"]
    )


def test_an_exclusion_wins_whatever_the_order() -> None:
    assert passing("!ticket.updated", "*.updated") == passing("*.updated,!ticket.updated")
    assert passing("*.updated,!ticket.updated") == ["customer.updated", "article.updated"]


def test_exclusions_alone_pass_everything_else() -> None:
    assert passing("!ticket.*", "!*.updated", "!article.*") == [
        name for name in names() if not name.startswith(("ticket.", "article.")) and not name.endswith(".updated")
    ]


def test_excluding_everything_passes_nothing() -> None:
    assert passing("ticket.*", "!*") == []


def test_an_exclusion_is_of_whole_names() -> None:
    assert EventFilter.parse(["order.*,!order.pa"]).matches("order.paid")


def test_a_star_does_not_reach_over_the_dot() -> None:
    assert not EventFilter.parse(["t*.created"]).matches("ticket.message.created")


@pytest.mark.parametrize(
    ("event_type", "passes"), [("order.paid", True), ("order.refunded", False), ("ticket.created", False)]
)
def test_types_outside_the_catalogue_are_matched_too(event_type: str, passes: bool) -> None:
    assert EventFilter.parse(["order.*", "!order.refunded"]).matches(event_type) is passes


@pytest.mark.parametrize(
    "pattern",
    ["ticket", "ticket*", "ticket.", ".created", "Ticket.created", "ticket.created.now", "ticket created", "!", "!!a.b"]
    + ["ticket.cre?ted", "ticket.[a-z]", "^ticket", "ticket:*", "é.*", "a." + "b" * 99],
)
def test_a_malformed_pattern_is_named_together_with_the_valid_forms(pattern: str) -> None:
    with pytest.raises(UsageError) as caught:
        EventFilter.parse([f"ticket.created,{pattern}"])
    assert repr(pattern) in str(caught.value)
    assert "!ticket.updated" in str(caught.value)


@pytest.mark.parametrize(
    ("given_patterns", "normal"),
    [
        ([], ("*",)),
        ([" ticket.* , ticket.*", "boss.**"], ("ticket.*", "boss.*")),
        (["! ticket.updated"], ("*", "!ticket.updated")),
        (["!ticket.updated", "ticket.*"], ("!ticket.updated", "ticket.*")),
    ],
)
def test_patterns_have_a_normal_form(given_patterns: list[str], normal: tuple[str, ...]) -> None:
    assert EventFilter.parse(given_patterns).patterns == normal


@given(st.lists(st.sampled_from(["*", "ticket.*", "!ticket.updated", "*.created", "!*", "a*b.c", "!order.*"])))
def test_the_normal_form_reads_back_as_the_same_filter(patterns: list[str]) -> None:
    first = EventFilter.parse(patterns)
    assert EventFilter.parse(first.patterns) == first
    assert hash(EventFilter.parse(first.patterns)) == hash(first)


@given(st.from_regex(r"[ab*]{1,6}\.[ab*]{1,6}", fullmatch=True), st.from_regex(r"[ab]{1,6}\.[ab]{1,6}", fullmatch=True))
def test_a_star_matches_as_a_plain_search_would(pattern: str, name: str) -> None:
    def naive(glob: str, text: str) -> bool:
        if not glob or not text:
            return not text and not glob.strip("*")
        if glob[0] == "*":
            return naive(glob[1:], text) or naive(glob, text[1:])
        return glob[0] == text[0] and naive(glob[1:], text[1:])

    expected = all(map(naive, pattern.split("."), name.split(".")))
    assert EventFilter.parse([pattern]).matches(name) is expected


def test_a_hostile_pattern_is_matched_at_once() -> None:
    # Backtracking would take longer than the universe has.
    hostile = EventFilter.parse(["*a" * 45 + "*b.x", "!" + "*a" * 45 + "*b.y"])
    assert not hostile.matches("a" * 98 + ".x")


@pytest.mark.parametrize(
    ("pattern", "warning"),
    [
        ("ticket.create", "No known event type matches ticket.create. Did you mean ticket.created?"),
        ("tickets.*", "No known event type matches tickets.*. Did you mean ticket.*?"),
        ("*.creatd", "No known event type matches *.creatd. Did you mean *.created?"),
        ("!tickt.updated", "No known event type matches !tickt.updated. Did you mean !ticket.updated?"),
        ("bogus.*", "No known event type matches bogus.*."),
    ],
)
def test_a_pattern_that_matches_no_known_type_has_a_warning_with_near_misses(pattern: str, warning: str) -> None:
    assert EventFilter.parse(["boss.*", pattern]).warnings() == [warning]


def test_patterns_that_match_a_known_type_have_no_warning() -> None:
    assert EventFilter.parse(["ticket.*", "*.up*", "!survey.submitted", "*"]).warnings() == []


def test_patterns_that_leave_nothing_have_a_warning() -> None:
    assert EventFilter.parse(["ticket.*", "!ticket.*"]).warnings() == ["No known event type passes ticket.*,!ticket.*."]


@pytest.mark.parametrize(
    ("patterns", "event_type", "pattern"),
    [
        (("boss.*", "ticket.*", "*.created"), "ticket.created", "ticket.*"),
        (("ticket.*", "!*.created"), "ticket.created", "!*.created"),
        (("!ticket.updated",), "boss.spawned", "*"),
        (("boss.*", "!boss.defeated"), "ticket.created", None),
        (("*",), "order.paid", "*"),
    ],
)
def test_the_pattern_that_decides_is_known(patterns: tuple[str, ...], event_type: str, pattern: str | None) -> None:
    assert EventFilter.parse(patterns).deciding(event_type) == pattern


@given(st.lists(st.sampled_from(["ticket.*", "*.created", "boss.*", "!ticket.updated", "!*.created", "!*"])))
def test_what_decides_agrees_with_what_passes(patterns: list[str]) -> None:
    filter = EventFilter.parse(patterns)
    for name in names():
        pattern = filter.deciding(name)
        assert filter.matches(name) == (pattern is not None and not pattern.startswith("!"))
