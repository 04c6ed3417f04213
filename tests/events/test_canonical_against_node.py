"""Canonical bytes against JavaScript itself: thousands of generated documents through one node process."""

import base64
import subprocess
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cstar_cli.events import quick
from cstar_cli.events.canonical import MalformedJson, canonical, dumps

_ORACLE = """
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const answer = (line) => {
  try {
    const value = JSON.parse(utf8.decode(Buffer.from(line, "base64")));
    return Buffer.from(JSON.stringify(value), "utf8").toString("base64");
  } catch (error) {
    return "refused";
  }
};
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  process.stdout.write(answer(line) + "\\n");
});
"""


class Node:
    """A node process that answers each document with JSON.stringify(JSON.parse(document)), or None."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._asked, self._answered = process.stdin, process.stdout

    def ask(self, documents: Sequence[bytes]) -> list[bytes | None]:
        self._asked.write(b"".join(base64.b64encode(document) + b"\n" for document in documents))
        self._asked.flush()
        answers = [self._answered.readline().strip() for _ in documents]
        assert b"" not in answers, "node has ended"
        return [None if answer == b"refused" else base64.b64decode(answer) for answer in answers]


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    # Without node this is an error, never a skip: the contract's receiver is a node program.
    with subprocess.Popen(["node", "-e", _ORACLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Node(process)
        assert process.stdin is not None
        process.stdin.close()


def ours(document: bytes) -> bytes | None:
    try:
        return canonical(document)
    except MalformedJson:
        return None


_ODD_KEYS = ["__proto__", "constructor", "toJSON", "length", "", "-1", "-0", "01", "1.5", "1e3", " 1", "1 ", "१", "²"]
_INDEX_KEYS = ["0", "1", "9", "10", "100", "2147483648", "4294967294", "4294967295", "4294967296", "99999999999"]

spaces = st.sampled_from(["", "", "", " ", "\n", "\t\r\n "])


def placed(digits: int, point: int, exponent: str, sign: str) -> str:
    whole = str(digits)
    return sign + (f"{whole[:point]}.{whole[point:]}" if 0 < point < len(whole) else whole) + exponent


exponents = st.one_of(
    st.just(""), st.integers(-30, 30).map("e{}".format), st.integers(-400, 400).map("E{:+03d}".format)
)
signs = st.sampled_from(["", "", "-"])
numbers = st.one_of(
    st.builds(placed, st.integers(0, 10**5), st.integers(0, 6), exponents, signs),
    st.builds(placed, st.integers(10**14, 10**25), st.integers(0, 24), exponents, signs),
    st.builds("{}0.{}{}".format, signs, st.integers(0, 10**20).map("{:023d}".format), exponents),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(2**53 - 4, 2**53 + 9).map(str),
    st.builds(lambda near, power: str(2**power + near), st.integers(-9, 9), st.integers(0, 80)),
    st.sampled_from(["1e400", "-1e400", "5e-324", "2e-324", "1e23", "1e21", "1e20", "1e-6", "1e-7", "-0", "-0.0E9"]),
)

# Raw surrogates cannot be in UTF-8; as escapes they come below.
_plain = st.characters(exclude_categories=["Cs"], exclude_characters='"\\', min_codepoint=0x20)
fragments = st.one_of(
    st.text(_plain, max_size=6),
    st.sampled_from(
        ["\u2028", "\u2029", "\x7f", "\x80", "\xad", "\ufeff", "\ufffe", "\uffff", "\u200b", "😀", "\U0010ffff"]
    ),
    st.sampled_from(
        [r"\"", r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t", r"\u0000", r"\u001f", r"\u007F", r"\u2028"]
    ),
    st.sampled_from([r"\ud83d", r"\uDE00", r"\ud800", r"\uDFFF", r"\udbff\udfff", r"\uDead", r"\\ud83d", "udead"]),
    st.integers(0, 0xFFFF).map(lambda unit: f"\\u{unit:04x}"),
)
strings = st.lists(fragments, max_size=4).map(lambda parts: '"' + "".join(parts) + '"')
keys = st.one_of(
    st.sampled_from(_ODD_KEYS + _INDEX_KEYS).map(lambda key: f'"{key}"'),
    st.integers(0, 30).map(lambda key: f'"{key}"'),
    st.sampled_from(["a", "b", r"\u0061", r"\u0031"]).map(lambda key: f'"{key}"'),
    strings,
)


def padded(text: str, before: str, after: str) -> str:
    return before + text + after


def listed(items: list[str]) -> str:
    return f"[{','.join(items)}]"


def keyed(items: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{key}:{value}" for key, value in items) + "}"


scalars = st.one_of(numbers, strings, st.sampled_from(["true", "false", "null"]))
documents = st.recursive(
    scalars,
    lambda inner: st.builds(
        padded,
        st.one_of(
            st.lists(inner, max_size=5).map(listed),
            st.lists(st.tuples(keys, inner), max_size=7).map(keyed),
        ),
        spaces,
        spaces,
    ),
    max_leaves=12,
)

mistakes = st.one_of(
    st.sampled_from(list('"\\{}[],:.-+eE01 /u\x00\x1f\n\x7f\u00a0\ufeff')),
    st.sampled_from(["NaN", "Infinity", "-Infinity", ",]", ",}", "//", "\\x41", "\\u00g0", "'", "tru", "undefined"]),
)


def thoroughly(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


@thoroughly(900)
@given(document=documents)
def test_every_document_becomes_what_javascript_makes_of_it(node: Node, document: str) -> None:
    body = document.encode()
    assert [ours(body)] == node.ask([body])


@thoroughly(250)
@given(batch=st.lists(numbers, min_size=20, max_size=60))
def test_every_number_is_printed_as_javascript_prints_it(node: Node, batch: list[str]) -> None:
    bodies = [number.encode() for number in batch]
    assert [ours(body) for body in bodies] == node.ask(bodies)


@thoroughly(400)
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_printed_as_javascript_prints_it(node: Node, value: float) -> None:
    assert [dumps(value)] == node.ask([repr(value).encode()])


@thoroughly(400)
@given(document=documents, mistake=mistakes, place=st.floats(0, 1), skipped=st.integers(0, 2))
def test_a_damaged_document_is_refused_when_javascript_refuses_it(
    node: Node, document: str, mistake: str, place: float, skipped: int
) -> None:
    at = int(place * len(document))
    body = (document[:at] + mistake + document[at + skipped :]).encode()
    assert [ours(body)] == node.ask([body])


@thoroughly(200)
@given(document=documents, byte=st.integers(0x80, 0xFF), place=st.floats(0, 1))
def test_invalid_utf_8_is_refused_where_a_strict_decoder_refuses_it(
    node: Node, document: str, byte: int, place: float
) -> None:
    body = document.encode()
    at = int(place * len(body))
    body = body[:at] + bytes([byte]) + body[at + 1 :]
    assert [ours(body)] == node.ask([body])


@thoroughly(200)
@given(document=documents)
def test_canonical_bytes_stay_as_they_are(document: str) -> None:
    once = canonical(document)
    assert canonical(once) == once


def assert_quick_is_exact(text: bytes) -> None:
    made = quick.canonical(text)
    assert made is None or made == ours(text)


@thoroughly(400)
@given(document=documents)
def test_what_msgspec_makes_of_a_document_is_the_same(document: str) -> None:
    assert_quick_is_exact(document.encode())


@thoroughly(150)
@given(batch=st.lists(numbers, min_size=20, max_size=60))
def test_what_msgspec_makes_of_a_number_is_the_same(batch: list[str]) -> None:
    for number in batch:
        assert_quick_is_exact(number.encode())


@thoroughly(400)
@given(document=documents, mistake=mistakes, place=st.floats(0, 1), skipped=st.integers(0, 2))
def test_a_damaged_document_is_not_made_good_by_msgspec(
    document: str, mistake: str, place: float, skipped: int
) -> None:
    at = int(place * len(document))
    assert_quick_is_exact((document[:at] + mistake + document[at + skipped :]).encode())


@pytest.mark.parametrize("unit", range(0, 0x110000, 0x1000))
def test_every_character_is_printed_by_msgspec_as_by_us(unit: int) -> None:
    scalars = (code for code in range(unit, unit + 0x1000) if not 0xD800 <= code < 0xE000)
    text = dumps("".join(map(chr, scalars)))
    assert quick.canonical(text) == text


def test_msgspec_does_the_usual() -> None:
    usual = b'{"type": "ticket.created", "data": {"title": "Caf\\u00e9", "price": 9.5, "tags": ["a", 1, null, true]}}'
    assert quick.canonical(usual) == canonical(usual)
    assert quick.canonical(b'{"9": 1}') is None
    assert quick.canonical(b"1.0") is None
