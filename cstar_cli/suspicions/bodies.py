"""A body → what it was before something changed it, or what something made of it before the signature was computed.

Nobody knows which of the two is the true body: each change is tried both ways where it can be undone.
"""

import codecs
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial

from cstar_cli.errors import UsageError
from cstar_cli.events import canonical
from cstar_cli.suspicions.suspicion import Suspicion

MOST_UNPACKED_BYTES = 8 * 1024 * 1024
RAW = "Verify over the raw body, the bytes as they came, before anything parses them."
CUT = "Raise the limit or buffer, and count its length in bytes, not in characters."
_UTF_16 = (
    ("utf-16-le", b""),
    ("utf-16-be", b""),
    ("utf-16-le", codecs.BOM_UTF16_LE),
    ("utf-16-be", codecs.BOM_UTF16_BE),
)
_CUTS = (*(2**power for power in range(6, 20)), *(10**power for power in range(2, 7)), 65_535, 102_400, 512_000)


def written_by_javascript(body: bytes) -> Iterator[bytes]:
    """Yield what `JSON.stringify` writes, the form that is signed: it undoes all that leaves the keys' order."""
    try:
        yield canonical.canonical(body)
    except UsageError:
        return


def written_by_python(
    body: bytes, *, ascii: bool, indent: int | str | None = None, compact: bool = False, sorted_keys: bool = False
) -> Iterator[bytes]:
    """Yield what `json.dumps` writes with these arguments."""
    value = _parsed(body)
    if value is None:
        return
    separators = (",", ":") if compact else None
    try:
        text = json.dumps(value, ensure_ascii=ascii, indent=indent, separators=separators, sort_keys=sorted_keys)
        yield text.encode()
    except (RecursionError, UnicodeEncodeError):
        return


def written_by_php(body: bytes) -> Iterator[bytes]:
    """Yield what `json_encode` writes: slashes are escaped, and non-ASCII text unless it is told otherwise."""
    for ascii in (True, False):
        for indent in (None, 4):
            for text in written_by_python(body, ascii=ascii, compact=indent is None, indent=indent):
                yield text.replace(b"/", b"\\/")


def written_by_dotnet(body: bytes) -> Iterator[bytes]:
    """Yield what `System.Text.Json` writes: escapes in upper-case hex, also of some ASCII characters."""
    for indent in (None, 2):
        for text in written_by_python(body, ascii=True, compact=indent is None, indent=indent):
            upper = re.sub(rb"(?<!\\)((?:\\\\)*\\u)([0-9a-f]{4})", lambda found: found[1] + found[2].upper(), text)
            quoted = re.sub(rb'(?<!\\)((?:\\\\)*)\\"', rb"\1\\u0022", upper)
            yield re.sub(rb"[<>&'+`]", lambda found: b"\\u%04X" % ord(found[0]), quoted)


def with_a_part_alone(body: bytes) -> Iterator[bytes]:
    """Yield the event's `data` alone."""
    value = _parsed(body)
    if isinstance(value, dict) and "data" in value:
        data = json.dumps(value["data"], ensure_ascii=False).encode("utf-8", "surrogatepass")
        yield data
        yield from written_by_javascript(data)


def written_by_go_or_rails(body: bytes) -> Iterator[bytes]:
    """Yield what escapes `<`, `>` and `&`: Go's `json.Marshal`, of a map with its keys sorted, and Rails' `to_json`."""
    escapes = {b"<": b"\\u003c", b">": b"\\u003e", b"&": b"\\u0026"}
    for sorted_keys in (True, False):
        for text in written_by_python(body, ascii=False, compact=True, sorted_keys=sorted_keys):
            yield re.sub(b"[<>&]", lambda found: escapes[found[0]], text)


def printed_by_python(body: bytes) -> Iterator[bytes]:
    """Yield what `str` writes of the parsed body."""
    value = _parsed(body)
    if isinstance(value, dict | list):
        try:
            yield str(value).encode()
        except (RecursionError, UnicodeEncodeError):
            return


def with_another_end(body: bytes) -> Iterator[bytes]:
    """Yield the body with and without line ends and spaces at its end."""
    stripped = body.rstrip(b" \t\r\n")
    yield from (stripped + end for end in (b"", b"\n", b"\r\n") if stripped + end != body)


def with_other_line_ends(body: bytes) -> Iterator[bytes]:
    """Yield the body with LF for CRLF, and with CRLF for LF."""
    unix = body.replace(b"\r\n", b"\n")
    yield unix
    yield unix.replace(b"\n", b"\r\n")


def with_or_without_bom(body: bytes) -> Iterator[bytes]:
    """Yield the body with UTF-8's byte order mark, or without the one that it has."""
    yield body.removeprefix(codecs.BOM_UTF8) if body.startswith(codecs.BOM_UTF8) else codecs.BOM_UTF8 + body


def in_utf_16(body: bytes) -> Iterator[bytes]:
    """Yield the text in UTF-16, and what was in UTF-16 in UTF-8."""
    for encoding, mark in _UTF_16:
        if (text := _decoded(body, "utf-8")) is not None:
            yield mark + text.encode(encoding, "surrogatepass")
        if body.startswith(mark) and (text := _decoded(body.removeprefix(mark), encoding)) is not None:
            yield text.encode("utf-8", "replace")


def read_as_latin_1(body: bytes) -> Iterator[bytes]:
    """Yield UTF-8 that was taken for Latin-1, and the other way round; and the text in Latin-1 itself."""
    if body.isascii():
        return
    for encoding in ("latin-1", "cp1252"):
        if (text := _decoded(body, encoding)) is not None:
            yield text.encode()
        if (text := _decoded(body, "utf-8")) is not None:
            try:
                yield text.encode(encoding)
            except UnicodeEncodeError:
                continue


def cut_short(body: bytes) -> Iterator[bytes]:
    """Yield the beginnings that buffers and limits leave, and the one of as many bytes as there are characters."""
    if (text := _decoded(body, "utf-8")) is not None and len(text) < len(body):
        yield body[: len(text)]
    yield from (body[:length] for length in _CUTS if length < len(body))
    yield body[:-1]


def nothing(_: bytes) -> Iterator[bytes]:
    """Yield what is left of a stream that something has read already, and of a parser that found nothing."""
    yield from (b"", b"{}", b"null", b"undefined", b"[object Object]")


def unpacked(body: bytes) -> Iterator[bytes]:
    """Yield what a body compressed by gzip or deflate was before, as far as an event can be that large."""
    if not body.startswith((b"\x1f\x8b", b"\x78")):
        return
    try:
        yield zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(body, MOST_UNPACKED_BYTES)
    except zlib.error:
        return


def as_text_in_json(body: bytes) -> Iterator[bytes]:
    """Yield the body as a JSON string, and what the string was that was written so."""
    if (text := _decoded(body, "utf-8")) is not None:
        yield json.dumps(text, ensure_ascii=False).encode()
    value = _parsed(body)
    if isinstance(value, str):
        yield value.encode("utf-8", "replace")


_AGAIN = "The body was parsed and written again"
_PYTHON = f"{_AGAIN} by json.dumps"


def _indented(body: bytes) -> Iterator[bytes]:
    for ascii in (False, True):
        for indent in (2, 4, "\t"):
            yield from written_by_python(body, ascii=ascii, indent=indent)


def _sorted(body: bytes) -> Iterator[bytes]:
    for compact in (True, False):
        for ascii in (False, True):
            yield from written_by_python(body, ascii=ascii, compact=compact, sorted_keys=True)


def _spaced(body: bytes) -> Iterator[bytes]:
    yield from written_by_python(body, ascii=False)


SUSPICIONS: Iterable[Suspicion] = (
    Suspicion("A newline or space at the body's end was added or lost", RAW, with_another_end),
    Suspicion(f"{_AGAIN}; JSON.stringify's form is the other one", RAW, written_by_javascript),
    Suspicion(
        f"{_PYTHON} as it is by default: with spaces, non-ASCII text escaped",
        RAW,
        partial(written_by_python, ascii=True),
    ),
    Suspicion(f"{_PYTHON} with spaces behind commas and colons", RAW, _spaced),
    Suspicion(f"{_PYTHON}, non-ASCII text escaped", RAW, partial(written_by_python, ascii=True, compact=True)),
    Suspicion(f"{_AGAIN} by Python's str, in single quotes", RAW, printed_by_python),
    Suspicion(f"{_AGAIN} with indentation", RAW, _indented),
    Suspicion(f"{_AGAIN} with its keys sorted", RAW, _sorted),
    Suspicion(f"{_AGAIN} by PHP's json_encode, slashes escaped", RAW, written_by_php),
    Suspicion(f"{_AGAIN} with <, > and & escaped, as Go and Rails do", RAW, written_by_go_or_rails),
    Suspicion(f"{_AGAIN} with escapes in upper-case hex, as .NET does", RAW, written_by_dotnet),
    Suspicion("The event's data alone was signed, and not the whole body", RAW, with_a_part_alone),
    Suspicion("The body's text was written as a JSON string, in quotes", RAW, as_text_in_json),
    Suspicion("The body was empty or lost when the signature was made: something had read it", RAW, nothing),
    Suspicion(
        "Line ends were changed, CRLF for LF or the other way round",
        "Read and keep the body as bytes, not as text; git's autocrlf changes files too.",
        with_other_line_ends,
    ),
    Suspicion(
        "A byte order mark stands before one of the two and not the other",
        "Keep the body without a BOM: UTF-8, not utf-8-sig, in your editor or PowerShell.",
        with_or_without_bom,
    ),
    Suspicion(
        "The body was in UTF-16 on one side",
        "Handle it as bytes or as UTF-8; PowerShell's > writes UTF-16, Java and C# have it inside.",
        in_utf_16,
    ),
    Suspicion("UTF-8 was taken for Latin-1", "Handle the body as bytes, or decode it as UTF-8.", read_as_latin_1),
    Suspicion(
        "The body is compressed, and its signature is that of the text",
        "Unpack it before you verify, or have the proxy not compress it.",
        unpacked,
    ),
    Suspicion("The body was cut short", CUT, cut_short),
)
ENDED = "A newline stands at its end as well, as print and echo write it"
"""What comes on top of a body that was written again."""


def truncation(body: bytes) -> str | None:
    """Say that a body seems to lack its end, which nothing can prove."""
    if not body:
        return "The body is empty: give it as @FILE or on standard input, or as what your receiver has seen."
    try:
        json.loads(body)
    except json.JSONDecodeError as error:
        if body[:1] in b"{[" and (error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated")):
            return "The body ends in the middle of its JSON: it may have been cut short."
    except (ValueError, RecursionError):
        return None
    return None


def difference(seen: bytes, sent: bytes) -> str | None:
    """Say where the body that a receiver has seen begins to differ from what was sent."""
    if seen == sent:
        return None
    at = next((at for at, (one, other) in enumerate(zip(seen, sent, strict=False)) if one != other), None)
    if at is None:
        shorter, end = ("yours", len(seen)) if len(seen) < len(sent) else ("what was sent", len(sent))
        return f"The body differs from what was sent: both are alike to byte {end}, where {shorter} ends."
    return (
        f"The body differs from what was sent, from byte {at + 1} on: {_excerpt(seen, at)} where {_excerpt(sent, at)} "
        "was sent."
    )


def _excerpt(body: bytes, at: int) -> str:
    return repr(body[at : at + 20].decode("utf-8", "replace"))


@lru_cache(maxsize=1)
def _parsed(body: bytes) -> object:
    try:
        # As bytes it would be read in UTF-16, too, which is a fault by itself.
        value: object = json.loads(body.decode())
    except (ValueError, RecursionError):
        return None
    return value


def _decoded(body: bytes, encoding: str) -> str | None:
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        return None
