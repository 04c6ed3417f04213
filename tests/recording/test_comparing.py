import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstar_cli.errors import UsageError
from cstar_cli.events import canonical
from cstar_cli.recording import paths
from cstar_cli.recording.comparing import Rules, Slower, Unfound, compare, slower_than
from cstar_cli.recording.format import Answer, packed


def answer(body: bytes = b"", status: int | None = 200, error: str | None = None, duration_ms: float = 5) -> Answer:
    text, in_base64 = packed(body)
    return Answer(status, duration_ms, error, body=text, body_base64=in_base64)


def places(before: bytes, after: bytes, *ignored: str) -> tuple[str, ...]:
    rules = Rules({path: paths.parse(path) for path in ignored})
    return tuple(place for found in compare(answer(before), answer(after), rules) for place in found.places)


@given(st.binary())
def test_an_answer_does_not_differ_from_itself(body: bytes) -> None:
    assert compare(answer(body), answer(body), Rules()) == ()


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ((200, None), (500, "answered 500"), ("200", "500")),
        ((200, None), (None, "no answer within 10 s"), ("200", "no answer")),
        ((None, "connection closed before an answer"), (200, None), ("no answer", "200")),
        ((200, None), (200, "answered 200, but did not finish within 1 s"), ("200", "200, not to its end")),
    ],
)
def test_another_status_differs(
    before: tuple[int | None, str | None], after: tuple[int | None, str | None], told: tuple[str, str]
) -> None:
    [difference] = compare(answer(b"", *before), answer(b"", *after), Rules())
    assert (difference.what, difference.recorded, difference.now) == ("status", *told)


def test_two_ways_to_get_no_answer_are_the_same() -> None:
    assert compare(answer(b"", None, "refused"), answer(b"", None, "no answer within 1 s"), Rules()) == ()


def test_json_is_compared_by_value() -> None:
    assert places(b'{"a":1,"b":[1e2]}', b'{ "b": [100.0], "a": 1 }') == ()


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (b'{"a":{"b":1}}', b'{"a":{"b":2}}', ("a.b: 1 → 2",)),
        (b'{"a":1}', b'{"a":true}', ("a: 1 → true",)),
        (b'{"a":null}', b"{}", ("a: null is missing",)),
        (b"{}", b'{"a.b":"x"}', (r'a\.b: "x" is new',)),
        (b"[1,2]", b"[1,3,4]", ("the list: 2 → 3 items", "[1]: 2 → 3")),
        (b'{"i":[{"n":1}]}', b'{"i":[{"n":"1"}]}', ('i[0].n: 1 → "1"',)),
        (b"1", b"2", ("the value: 1 → 2",)),
    ],
)
def test_each_place_that_differs_is_named(before: bytes, after: bytes, told: tuple[str, ...]) -> None:
    assert places(before, after) == told


def test_of_many_places_the_first_are_named() -> None:
    many = canonical.dumps({f"k{number}": number for number in range(9)})
    assert places(many, b"{}")[-1] == "and 4 more"


def test_what_may_differ_does() -> None:
    before, after = b'{"time":1,"items":[{"id":1,"n":1}]}', b'{"items":[{"id":2,"n":1}]}'
    assert places(before, after, "time", "items[*].id") == ()
    assert places(before, after, "time") == ("items[0].id: 1 → 2",)


def test_text_is_compared_to_the_first_place_that_differs() -> None:
    assert places(b"one\ntwo three", b"one\ntwo four") == ('line 2, column 5: "one\\ntwo three" → "one\\ntwo four"',)
    assert places(b"ok", b"okay") == ('line 1, column 3: "ok" → "okay"',)


def test_bytes_that_are_no_text_are_compared_by_their_number() -> None:
    assert places(b"\xff\x00\x01", b"\xff\x00\x02\x03") == ("byte 2, of 3 → 4",)
    assert places(b"\xff", b"\xff\xff") == ("byte 1, of 1 → 2",)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"a":"[redacted]"}', b'{"a":"anything"}'),
        (b'{"a":"[redacted]"}', b'{"a":null}'),
        (b'{"a":"for [redacted]!"}', b'{"a":"for zoe!"}'),
        (b"key [redacted] of [redacted].", b"key 1 of 2."),
    ],
)
def test_what_was_redacted_is_not_compared(before: bytes, after: bytes) -> None:
    assert places(before, after) == ()


@pytest.mark.parametrize("after", [b"key 1 or 2.", b"key 1 of 2", b"Key 1 of 2.", b"key of ."])
def test_what_stands_beside_it_is(after: bytes) -> None:
    assert places(b"key [redacted] of [redacted].", after)


def test_a_body_that_was_left_out_is_not_compared() -> None:
    assert compare(Answer(200, 1, removed=True), answer(b"new"), Rules()) == ()


@pytest.mark.parametrize(
    ("before_ms", "after_ms", "differs"),
    [(5, 100, False), (300, 700, False), (5, 206, True), (300, 901, True), (100, 301, True), (500, 5, False)],
)
def test_only_much_slower_is_slower(before_ms: float, after_ms: float, differs: bool) -> None:
    found = compare(answer(duration_ms=before_ms), answer(duration_ms=after_ms), Rules())
    assert [difference.what for difference in found] == ["latency"] * differs
    assert compare(answer(duration_ms=before_ms), answer(duration_ms=after_ms), Rules(slower=None)) == ()


@pytest.mark.parametrize(
    ("text", "slower"),
    [
        ("2x", Slower(2, 200)),
        ("1.5x+50ms", Slower(1.5, 50)),
        ("10x+2s", Slower(10, 2000)),
        ("1x+0ms", Slower(1, 0)),
        ("off", None),
    ],
)
def test_what_is_slower_can_be_said(text: str, slower: Slower | None) -> None:
    assert slower_than(text) == slower


@pytest.mark.parametrize("text", ["", "2", "0.5x", "x", "2x+5", "-1x", "nanx", "2x+50m"])
def test_what_says_nothing_of_it_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="3x, 2x"):
        slower_than(text)


def unfound(*answers: Answer) -> list[str]:
    sought = Unfound({path: paths.parse(path) for path in ("meta.time", "items[].id")})
    for each in answers:
        sought.look_in(each)
    return [*sought.paths]


def test_what_is_ignored_in_vain_is_known() -> None:
    assert unfound(answer(b"ok"), answer(b'{"meta":{"tim":1},"items":[]}')) == ["meta.time", "items[].id"]
    assert unfound(answer(b'{"meta":{"time":null}}'), answer(b'{"meta":0}')) == ["items[].id"]
    assert unfound(answer(b'{"meta":{"time":1}}'), answer(b'{"items":[{},{"id":2}]}')) == []


def test_nothing_is_ignored_in_vain_where_not_all_was_there_to_look_in() -> None:
    assert unfound() == unfound(answer(status=None)) == []
    assert unfound(answer(b"{}"), Answer(200, 1, removed=True)) == []
    assert unfound(answer(b"{}"), Answer(200, 1, body='{"meta"', cut=True)) == []
