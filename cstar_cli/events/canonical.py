"""JSON as JavaScript reads and writes it: the bytes of a body survive `JSON.stringify(JSON.parse(body))`.

Python's C codec does the work wherever it agrees with JavaScript; the few places where it does not (numbers,
integer-like keys, lone surrogates) are the code below. ECMA-262: 6.1.6.1.20, 7.1.17, 10.1.11, 25.5.
"""

import json
import math
import re
from typing import Final, NoReturn, TypeAlias

from cstar_cli.errors import UsageError

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

# Codec and writer recurse once a level; this leaves half of the interpreter's 1,000 to the callers.
MAX_DEPTH: Final = 500

_MAX_SAFE_INTEGER: Final = 2**53
_MAX_SAFE_DIGITS: Final = 15
_MAX_ARRAY_INDEX: Final = 2**32 - 2
_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
# Possessive, and an open string runs to the end: linear on hostile text.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]|-?Infinity|NaN', re.DOTALL)


class MalformedJson(UsageError):
    """The text is not JSON; the message says where."""


class _NotANumber(Exception):
    """Python's codec has met a constant that JSON does not have."""


def parse(text: bytes | str) -> Json:
    """Return the value that `JSON.parse` gives; integers beyond 2**53 become the float that JavaScript sees.

    Raises MalformedJson for whatever JSON.parse refuses, for text that is not UTF-8, and for more than 500 levels.
    """
    document = _decode(text)
    if document.count("[") + document.count("{") > MAX_DEPTH:
        _check_depth(document)
    try:
        value: Json = _DECODER.decode(document)
    except json.JSONDecodeError as error:
        raise _malformed(document, error.pos, error.msg) from None
    except _NotANumber as error:
        raise _malformed(document, _first_constant(document), f"{error} is not a JSON value") from None
    except RecursionError:
        raise MalformedJson("Malformed JSON: nested too deeply.") from None
    return value


def dumps(value: Json, depth: int = 0) -> bytes:
    """Return the bytes of `JSON.stringify(value)`; raises MalformedJson for more than 500 levels.

    `depth` is how many levels the value is nested in.
    """
    try:
        text = _ENCODER.encode(value) if prints_alike(value, depth) else _stringify(value, depth)
    except RecursionError:
        raise MalformedJson("The value is nested too deeply.") from None
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Surrogates: join the halves that stand side by side, as JavaScript's strings do; escape the lone ones.
        joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        return joined.encode("utf-8", "backslashreplace")


def canonical(text: bytes | str) -> bytes:
    """Return `JSON.stringify(JSON.parse(text))`."""
    return dumps(parse(text))


def _integer(digits: str) -> int | float:
    if len(digits) <= _MAX_SAFE_DIGITS:
        return int(digits)
    # Through float: JavaScript rounds it, and int() refuses more than 4,300 digits.
    number = float(digits)
    return int(number) if abs(number) <= _MAX_SAFE_INTEGER else number


def _refuse_constant(name: str) -> NoReturn:
    raise _NotANumber(name)


_DECODER = json.JSONDecoder(parse_int=_integer, parse_constant=_refuse_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"))


def _decode(text: bytes | str) -> str:
    if isinstance(text, bytes):
        try:
            document = text.decode()
        except UnicodeDecodeError as error:
            raise _malformed(text[: error.start].decode(), error.start, "invalid UTF-8") from None
    else:
        document = text
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise _malformed(text, error.start, "invalid UTF-8") from None
    if document.startswith("\ufeff"):
        raise _malformed(document, 0, "a byte order mark")
    return document


def _check_depth(document: str) -> None:
    depth = 0
    for token in _TOKEN.finditer(document):
        match token[0]:
            case "[" | "{":
                depth += 1
                if depth > MAX_DEPTH:
                    raise _malformed(document, token.start(), f"nested more than {MAX_DEPTH} levels deep")
            case "]" | "}":
                depth -= 1


def _first_constant(document: str) -> int:
    return next((t.start() for t in _TOKEN.finditer(document) if t[0][0] not in '"[{]}'), 0)


def _malformed(document: str, position: int, problem: str) -> MalformedJson:
    before = document[:position]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    what = problem.removesuffix(" at").removesuffix(" starting")
    first = what[0] if what.startswith("NaN") else what[0].lower()
    return MalformedJson(f"Malformed JSON at line {line}, column {column}: {first}{what[1:]}.")


def prints_alike(value: Json, depth: int) -> bool:
    """Say whether Python's C encoder prints the value as JavaScript does."""
    if isinstance(value, str) or value is None:
        return True
    if isinstance(value, int):
        return -_MAX_SAFE_INTEGER <= value <= _MAX_SAFE_INTEGER
    if isinstance(value, float):
        return 1e-4 <= abs(value) < 1e16 and not value.is_integer()
    _check_level(depth)
    if isinstance(value, list):
        for item in value:  # noqa: SIM110 (a generator would take two frames a level)
            if not isinstance(item, str) and not prints_alike(item, depth + 1):
                return False
        return True
    for key, item in value.items():
        if "0" <= key < ":" or not (isinstance(item, str) or prints_alike(item, depth + 1)):
            return False
    return True


def _stringify(value: Json, depth: int) -> str:
    parts: list[str] = []
    _write(value, parts, depth)
    return "".join(parts)


def _write(value: Json, parts: list[str], depth: int) -> None:
    if isinstance(value, str):
        parts.append(_ENCODER.encode(value))
    elif value is None:
        parts.append("null")
    elif isinstance(value, bool):
        parts.append("true" if value else "false")
    elif isinstance(value, int | float):
        parts.append(_number(value))
    elif isinstance(value, list):
        _check_level(depth)
        opening = "["
        for item in value:
            parts.append(opening)
            _write(item, parts, depth + 1)
            opening = ","
        parts.append("]" if value else "[]")
    else:
        _check_level(depth)
        opening = "{"
        for key in _in_order(value):
            parts.append(f"{opening}{_ENCODER.encode(key)}:")
            _write(value[key], parts, depth + 1)
            opening = ","
        parts.append("}" if value else "{}")


def _check_level(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise MalformedJson(f"The value is nested more than {MAX_DEPTH} levels deep.")


def _in_order(value: dict[str, Json]) -> list[str]:
    """Return the keys as JavaScript lists them: array indices ascending, then the others as they came."""
    indices = [key for key in value if _ARRAY_INDEX.fullmatch(key) and int(key) <= _MAX_ARRAY_INDEX]
    if not indices:
        return list(value)
    first = set(indices)
    return [*sorted(indices, key=int), *(key for key in value if key not in first)]


def _number(value: int | float) -> str:
    """Return the number as `Number.prototype.toString` prints it, and null for what is not finite."""
    try:
        number = float(value)
    except OverflowError:
        return "null"
    if not math.isfinite(number):
        return "null"
    if number == 0:
        return "0"
    # repr holds the shortest digits that read back as the same number, as JavaScript's does; the layout differs.
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    return ("-" if number < 0 else "") + _layout(digits.rstrip("0"), point)


def _layout(digits: str, point: int) -> str:
    """Lay out 0.digits * 10**point (ECMA-262, Number::toString)."""
    if len(digits) <= point <= 21:
        return digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"
