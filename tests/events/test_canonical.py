import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from cstar_cli.errors import UsageError
from cstar_cli.events.canonical import MAX_DEPTH, Json, MalformedJson, canonical, dumps, parse


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("1.0", "1"),
        ("1e0", "1"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0.1", "0.1"),
        ("1e21", "1e+21"),
        ("1e20", "100000000000000000000"),
        ("123456789012345680000", "123456789012345680000"),
        ("12345678901234567890", "12345678901234567000"),
        ("9007199254740992", "9007199254740992"),
        ("9007199254740993", "9007199254740992"),
        ("9007199254740995", "9007199254740996"),
        ("-9007199254740993", "-9007199254740992"),
        ("1e-6", "0.000001"),
        ("1e-7", "1e-7"),
        ("1.5e-5", "0.000015"),
        ("1.25e-9", "1.25e-9"),
        ("5e-324", "5e-324"),
        ("1e-400", "0"),
        ("1e400", "null"),
        ("-1e400", "null"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("1234567890123456.7", "1234567890123456.8"),
        ("12345678901234567.8", "12345678901234568"),
        ("1.5E+300", "1.5e+300"),
        ("9" * 5000, "null"),
        ("1" + "0" * 300, "1e+300"),
        ("0." + "0" * 400 + "1", "0"),
    ],
)
def test_numbers_are_printed_as_javascript_does(text: str, printed: str) -> None:
    assert canonical(text) == printed.encode()
    assert canonical(f'{{"n":[{text}]}}') == f'{{"n":[{printed}]}}'.encode()


def test_an_integer_beyond_2_to_the_53_is_rounded_as_javascript_does() -> None:
    assert dumps([2**53 + 1, -(2**53) - 1]) == b"[9007199254740992,-9007199254740992]"


def test_an_integer_too_large_for_any_float_is_null() -> None:
    assert dumps(10**400) == b"null"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_null(value: float) -> None:
    assert dumps([value]) == b"[null]"


def test_parsed_integers_are_those_that_javascript_sees() -> None:
    assert parse("[1, 9007199254740993, 123456789012345678901]") == [1, 9007199254740992, 123456789012345683968.0]


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ('{"b":1,"2":2,"a":3,"1":4}', '{"1":4,"2":2,"b":1,"a":3}'),
        ('{"10":1,"9":2}', '{"9":2,"10":1}'),
        ('{"01":1,"0":2,"-1":3,"1.5":4,"":5}', '{"0":2,"01":1,"-1":3,"1.5":4,"":5}'),
        ('{"4294967295":1,"4294967294":2}', '{"4294967294":2,"4294967295":1}'),
        ('{"4294967296":1,"a":2,"7":3}', '{"7":3,"4294967296":1,"a":2}'),
        ('{"b":1,"a":2,"b":3}', '{"b":3,"a":2}'),
        ('{"x":{"2":[],"1":{}}}', '{"x":{"1":{},"2":[]}}'),
        ('{"__proto__":1,"constructor":2,"toJSON":3}', '{"__proto__":1,"constructor":2,"toJSON":3}'),
        ('{"\\u0661":1,"1":2}', '{"1":2,"\u0661":1}'),
    ],
)
def test_keys_come_in_the_order_of_javascript(text: str, printed: str) -> None:
    assert canonical(text) == printed.encode()


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        (r'"\u00e9\/\u007f"', b'"\xc3\xa9/\x7f"'),
        (r'"\u2028\u2029"', b'"\xe2\x80\xa8\xe2\x80\xa9"'),
        (r'"\b\f\n\r\t\"\\"', rb'"\b\f\n\r\t\"\\"'),
        (r'"\u0000\u001F\u000A"', rb'"\u0000\u001f\n"'),
        (r'"\ud83d\ude00"', b'"\xf0\x9f\x98\x80"'),
        (r'"\uD83D"', rb'"\ud83d"'),
        (r'"\ude00\ud83d"', rb'"\ude00\ud83d"'),
        (r'"\ud83d\ud83d\ude00"', b'"\\ud83d\xf0\x9f\x98\x80"'),
        (r'{"\uDEAD":"\ud83d\\ude00"}', rb'{"\udead":"\ud83d\\ude00"}'),
    ],
)
def test_strings_are_escaped_as_javascript_does(text: str, printed: bytes) -> None:
    assert canonical(text) == printed


def test_surrogate_halves_joined_in_python_become_one_character() -> None:
    assert dumps("\ud83d" + "\ude00") == '"😀"'.encode()


def test_white_space_between_tokens_is_dropped() -> None:
    assert canonical(' {\n"a" :\t[ 1 ,\r2 ] } ') == b'{"a":[1,2]}'


@pytest.mark.parametrize("value", [{}, [], "", None, True, False, {"a": []}, [[], {}], [0.00001, [], {}, None, True]])
def test_simple_values_survive(value: Json) -> None:
    assert parse(dumps(value)) == value


@pytest.mark.parametrize(
    "text",
    ["", " ", "NaN", "-NaN", "Infinity", "-Infinity", "[1,]", '{"a":1,}', "{'a':1}", "01", "1.", ".5", "+1", "-", "1e"]
    + [
        "tru",
        "nul",
        "[1 2]",
        '"\n"',
        '"\t"',
        '"\\x"',
        '"\\u12g4"',
        '"\\u+123"',
        '"\\u 123"',
        "[1]x",
        "[",
        '"a',
        "{1:2}",
    ]
    + [
        "\ufeff{}",
        "{}\ufeff",
        "\u00a01",
        "// x\n1",
        "undefined",
        "[NaN]",
        '{"a":Infinity}',
        "١",
        "1١",
        "\x00",
        "1_000",
    ],
)
def test_what_javascript_refuses_is_refused(text: str) -> None:
    with pytest.raises(MalformedJson):
        parse(text)


@pytest.mark.parametrize("body", [b"\xff", b'"\xe9"', b'"\xed\xa0\x80"', b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16")])
def test_bytes_that_are_not_plain_utf_8_are_refused(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse(body)


def test_text_with_undecodable_arguments_of_a_shell_is_refused() -> None:
    with pytest.raises(MalformedJson, match="column 3: invalid UTF-8"):
        parse('["\udce9"]')


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{\n  "a": 1,\n}', "line 3, column 1: expecting property name"),
        (b'{"\xc3\xa9": \xff}', "line 1, column 7: invalid UTF-8"),
        ('["NaN", "\\"NaN",\n NaN]', "line 2, column 2: NaN is not a JSON value"),
        ("[-Infinity]", "line 1, column 2: -Infinity is not a JSON value"),
        ('["a\n"]', "line 1, column 4: invalid control character"),
        ("\ufeff1", "line 1, column 1: a byte order mark"),
    ],
)
def test_the_message_says_where_the_text_goes_wrong(text: str | bytes, place: str) -> None:
    with pytest.raises(MalformedJson) as caught:
        parse(text)
    assert place.lower() in str(caught.value).lower()


def test_malformed_json_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        parse("{")


def nested(levels: int) -> str:
    return '{"a":[' * (levels // 2) + "1.0" + "]}" * (levels // 2)


def test_the_deepest_allowed_document_is_read_and_written() -> None:
    assert canonical(nested(MAX_DEPTH)) == nested(MAX_DEPTH).replace("1.0", "1").encode()


@pytest.mark.parametrize("levels", [MAX_DEPTH + 2, 100_000])
def test_a_document_nested_too_deeply_is_refused(levels: int) -> None:
    with pytest.raises(MalformedJson, match=f"column 1503: nested more than {MAX_DEPTH} levels"):
        parse("  " + nested(levels))


def test_an_unclosed_document_nested_too_deeply_is_refused() -> None:
    with pytest.raises(MalformedJson, match="nested more than"):
        parse("[" * 1_000_000)


def test_brackets_in_strings_are_not_levels() -> None:
    text = '["' + '[{\\"' * MAX_DEPTH * 2 + '"]'
    assert canonical(text) == text.encode()


def test_many_siblings_are_not_levels() -> None:
    text = "[" + ",".join(["[]"] * MAX_DEPTH * 2) + "]"
    assert canonical(text) == text.encode()


@pytest.mark.parametrize("leaf", [1, 1.0])
def test_a_value_nested_too_deeply_is_refused(leaf: Json) -> None:
    value: Json = leaf
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    with pytest.raises(MalformedJson, match="nested more than"):
        dumps(value)


def test_a_caller_with_little_stack_left_sees_no_recursion_error() -> None:
    def descend(levels: int) -> Json:
        return descend(levels - 1) if levels else parse(nested(MAX_DEPTH))

    # Its own thread, so that the depth does not hang on who runs the test; some Pythons have the stack all the same.
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(descend, sys.getrecursionlimit() - 200).exception()
    assert error is None or isinstance(error, MalformedJson)
