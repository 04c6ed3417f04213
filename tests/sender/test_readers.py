"""Both parsers, without a socket: bytes in, one answer out."""

import contextlib
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstar_cli.sender.answer import ANSWER_LIMIT, BODY_LIMIT, HEAD_LIMIT, INTERIM_LIMIT, AnswerReader, BadAnswer
from cstar_cli.sender.parse import best_reader
from cstar_cli.sender.parse_h11 import H11Reader

READERS: list[type[AnswerReader]] = list(dict.fromkeys([H11Reader, best_reader()]))
Make = Callable[[], AnswerReader]

pytestmark = pytest.mark.parametrize("make", READERS, ids=lambda reader: reader.__name__)


def fed(make: Make, *chunks: bytes) -> AnswerReader:
    reader = make()
    for chunk in chunks:
        reader.feed(chunk)
    return reader


def feed_again(reader: AnswerReader, chunk: bytes, limit: int) -> None:
    """Feed the same bytes until a little more than the limit was fed."""
    for _ in range(limit // len(chunk) + 2):
        reader.feed(chunk)


def test_an_answer_with_a_length_is_read(make: Make) -> None:
    reader = fed(make, b"HTTP/1.1 201 Created\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok")
    assert (reader.status, reader.body, reader.complete, reader.reusable) == (201, b"ok", True, True)


def test_headers_keep_their_order_and_spelling(make: Make) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\nX-B: 2\r\nx-a: \t1 \r\nX-B: 3\r\nContent-Length: 0\r\n\r\n")
    assert reader.headers == [("X-B", "2"), ("x-a", "1"), ("X-B", "3"), ("Content-Length", "0")]


def test_a_chunked_answer_is_read_without_its_framing(make: Make) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")
    assert (reader.body, reader.complete, reader.reusable) == (b"abcde", True, True)


def test_a_body_without_a_length_ends_with_the_stream(make: Make) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\n\r\nabc")
    assert not reader.complete
    reader.feed_eof()
    assert (reader.body, reader.complete, reader.reusable) == (b"abc", True, False)


def test_lines_may_end_without_a_carriage_return(make: Make) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\nX-A: 1\nContent-Length: 2\n\nok")
    assert (reader.status, reader.headers[0], reader.body, reader.complete) == (200, ("X-A", "1"), b"ok", True)


@pytest.mark.parametrize("framing", [b"Content-Length: 9", b"Transfer-Encoding: chunked"])
def test_a_body_with_a_length_does_not_end_with_the_stream(make: Make, framing: bytes) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n5\r\nab")
    reader.feed_eof()
    assert (reader.status, reader.complete) == (200, False)


def test_half_a_head_does_not_end_with_the_stream(make: Make) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\nX-A: 1\r\n")
    reader.feed_eof()
    assert (reader.status, reader.complete) == (None, False)


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_204_and_304_have_no_body_whatever_their_headers_say(make: Make, status: bytes) -> None:
    reader = fed(make, b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\n\r\n")
    assert (reader.body, reader.complete, reader.reusable) == (b"", True, True)


def test_interim_answers_are_skipped(make: Make) -> None:
    reader = fed(
        make,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    )
    assert (reader.status, reader.headers) == (200, [("Content-Length", "0")])


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n"])
def test_a_connection_that_the_receiver_closes_is_not_reusable(make: Make, answer: bytes) -> None:
    reader = fed(make, answer + b"Content-Length: 0\r\n\r\n")
    assert (reader.complete, reader.reusable) == (True, False)


def test_bytes_after_the_answer_make_the_connection_unusable(make: Make) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 Oops\r\n\r\n")
    assert (reader.status, reader.body, reader.complete, reader.reusable) == (200, b"ok", True, False)


def test_the_next_answer_starts_from_nothing(make: Make) -> None:
    reader = fed(make, b"HTTP/1.1 500 Oops\r\nX-A: 1\r\nContent-Length: 4\r\n\r\noops")
    reader.begin()
    assert not reader.started
    reader.feed(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (reader.status, reader.headers, reader.body, reader.complete) == (204, [], b"", True)


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"hello",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_as_soon_as_it_shows(make: Make, garbage: bytes) -> None:
    with pytest.raises(BadAnswer, match=r"^not an HTTP answer$"):
        fed(make, garbage)


def test_a_body_that_is_not_http_keeps_the_status(make: Make) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    with pytest.raises(BadAnswer, match="answered 200, and then"):
        reader.feed(b"zz\r\n")
    assert reader.status == 200


def test_a_body_of_exactly_the_limit_is_whole(make: Make) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BODY_LIMIT + b"x" * BODY_LIMIT)
    assert (len(reader.body), reader.complete, reader.reusable) == (BODY_LIMIT, True, True)


@pytest.mark.parametrize("framing", [b"", b"Content-Length: 999999\r\n"])
def test_a_longer_body_is_complete_at_the_limit(make: Make, framing: bytes) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n", *[b"x" * 1000] * 17)
    assert (len(reader.body), reader.complete, reader.reusable) == (BODY_LIMIT, True, False)


def test_chunks_of_one_byte_reach_the_body_limit(make: Make) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    reader.feed(b"1\r\nx\r\n" * BODY_LIMIT + b"0\r\n\r\n")
    assert (len(reader.body), reader.complete, reader.reusable) == (BODY_LIMIT, True, True)


@pytest.mark.parametrize("line", [b"X-A: " + b"a" * 1000 + b"\r\n", b"a" * 1000])
def test_an_endless_head_is_cut_at_its_limit(make: Make, line: bytes) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\nX-Start: ")
    with pytest.raises(BadAnswer, match="headers are longer than 64 KiB"):
        feed_again(reader, line, HEAD_LIMIT)


def test_a_head_beyond_the_limit_is_refused_in_one_piece_too(make: Make) -> None:
    with pytest.raises(BadAnswer, match="headers are longer than 64 KiB"):
        fed(make, b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 200_000 + b"\r\nContent-Length: 0\r\n\r\n")


def test_a_head_just_below_the_limit_is_read(make: Make) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: " + b"a" * (HEAD_LIMIT - 100) + b"\r\n\r\n")
    assert reader.complete


def test_endless_interim_answers_are_cut(make: Make) -> None:
    reader = fed(make, b"HTTP/1.1 100 Continue\r\n\r\n" * INTERIM_LIMIT)
    with pytest.raises(BadAnswer, match="interim answers"):
        reader.feed(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize("again", [b"X-T: " + b"a" * 1000 + b"\r\n", b"a" * 1000])
def test_endless_trailers_are_cut(make: Make, again: bytes) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Start: ")
    with pytest.raises(BadAnswer):
        feed_again(reader, again, ANSWER_LIMIT)


def test_an_endless_chunk_extension_is_cut(make: Make) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=")
    with pytest.raises(BadAnswer):
        feed_again(reader, b"a" * 1000, ANSWER_LIMIT)


ANSWER = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 202 Accepted\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n"
)


@given(cuts=st.lists(st.integers(0, len(ANSWER))))
def test_it_does_not_matter_how_an_answer_is_cut_into_pieces(make: Make, cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(ANSWER)]
    reader = fed(make, *[ANSWER[a:b] for a, b in itertools.pairwise(ends) if a < b])
    assert (reader.status, reader.headers, reader.body, reader.complete, reader.reusable) == (
        202,
        [("X-A", "1"), ("Transfer-Encoding", "chunked")],
        b"abc0123456789",
        True,
        True,
    )


SIMILAR = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes",
    b"HTTP/1.1 500 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX-Padding: 0\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
]


@given(answers=st.lists(st.sampled_from(SIMILAR), max_size=6), cut=st.integers(0, 80))
def test_an_answer_is_read_as_if_none_had_come_before(make: Make, answers: list[bytes], cut: int) -> None:
    reader = make()
    for answer in answers:
        reader.begin()
        for piece in filter(None, (answer[:cut], answer[cut:])):
            reader.feed(piece)
        alone = fed(make, answer)
        assert (reader.complete, reader.reusable, reader.started) == (True, True, True)
        assert (reader.status, reader.headers, reader.body) == (alone.status, alone.headers, alone.body)


@pytest.mark.parametrize("surplus", [b"\r\n", b"!", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"])
def test_bytes_after_an_answer_that_came_before_are_seen(make: Make, surplus: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    reader = fed(make, answer)
    reader.begin()
    reader.feed(answer + surplus)
    alone = fed(make, answer + surplus)
    assert (reader.body, reader.complete, reader.reusable) == (alone.body, alone.complete, alone.reusable)


def test_the_answer_before_within_another_is_only_its_body(make: Make) -> None:
    before = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    reader = fed(make, before)
    reader.begin()
    reader.feed(b"HTTP/1.1 500 No\r\nContent-Length: %d\r\n\r\n" % len(before))
    reader.feed(before)
    assert (reader.status, reader.body, reader.complete) == (500, before, True)


def test_the_last_piece_of_an_answer_is_no_head_to_know_again(make: Make) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\n", b"Content-Length: 2\r\n\r\nok")
    reader.begin()
    with pytest.raises(BadAnswer):
        reader.feed(b"Content-Length: 2\r\n\r\nok")


def test_an_answer_that_ends_its_connection_does_so_each_time(make: Make) -> None:
    last = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    reader = fed(make, last)
    reader.begin()
    with contextlib.suppress(BadAnswer):  # nothing comes after the last one
        reader.feed(last)
    assert not reader.reusable


def test_a_head_that_came_before_is_not_read_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = fed(make, b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok")
    monkeypatch.setattr(make, "_parse", None)
    reader.begin()
    reader.feed(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nno")
    assert (reader.status, reader.headers[0], reader.body, reader.complete) == (200, ("X-A", "1"), b"no", True)
