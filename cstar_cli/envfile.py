"""Env files (`.env`): lines of `NAME=value`, as dotenv, docker compose and shells read them.

Text in, text out. What isn't the value of a name that was asked for stays as it is, to the character.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec

from cstar_cli.errors import UsageError

SECRET_VARIABLE = "CSTAR_WEBHOOK_SECRET"

_BOM = "\ufeff"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE_END = re.compile(r"\r\n|\r|\n|\Z")
# A value in quotes may go on over lines; a quote that nothing closes is a character like any other.
_ASSIGNMENT = re.compile(
    r"""
    [ \t]* (?:export[ \t]+)? (?P<name>[A-Za-z_][\w.-]*) [ \t]* = [ \t]*
    (?:
        (?P<quoted> '[^']*' | "(?:[^"\\]|\\.)*" | `[^`]*` ) (?= [ \t]* (?:\#[^\r\n]*)? (?:\r|\n|\Z) )
      | (?P<plain> [^ \t\r\n\#][^\r\n]*? ) (?= [ \t]* (?:\r|\n|\Z) | [ \t]+\# )
    )?
    """,
    re.VERBOSE | re.DOTALL,
)
# What all readers take alike: as it stands, in any quotes, in single ones.
_PLAIN = re.compile(r"[A-Za-z0-9_.+/=:@-]+")
_IN_ANY_QUOTES = re.compile(r"[^'\"`\\$]*")
_IN_SINGLE_QUOTES = re.compile(r"(?:[^'\\$]|\$(?!\{))*")


class _Value(msgspec.Struct, frozen=True):
    """A value in a text, and from where to where it stands there, with the quotes that it may have."""

    text: str
    quote: str
    start: int
    end: int


def is_name(text: str) -> bool:
    """Tell whether a variable can be called this."""
    return _NAME.fullmatch(text) is not None


def values_of(text: str, name: str) -> list[str]:
    """Return what the text gives the name, each time: most readers take the last, some the first."""
    return [value.text for found, value in _values(text) if found == name]


def with_values(text: str, values: Mapping[str, str]) -> str:
    """Return the text with these values, wherever it has the names, and at its end where it doesn't.

    Raises UsageError for a value that the readers would not all take alike.
    """
    parts, at, missing = [], 0, dict(values)
    for name, old in _values(text):
        new = values.get(name)
        missing.pop(name, None)
        if new is None or new == old.text:
            continue
        written = _written(new, old.quote)
        joined = text[old.end : old.end + 1] == "#" and not written.endswith(("'", '"', "`"))
        parts += [text[at : old.start], written, " " if joined else ""]
        at = old.end
    parts.append(text[at:])
    return _appended("".join(parts), [f"{name}={_written(value, '')}" for name, value in missing.items()])


def _appended(text: str, lines: list[str]) -> str:
    """Return the text with the lines at its end; line ends are as before, and so is whether the last line has one."""
    ends = [end for end in _LINE_END.findall(text) if end]
    end = ends[-1] if ends else "\n"
    unended = text.removeprefix(_BOM) != "" and not text.endswith(("\r", "\n"))
    return text + "".join(f"{end}{line}" if unended else f"{line}{end}" for line in lines)


def _values(text: str) -> Iterator[tuple[str, _Value]]:
    at = len(_BOM) if text.startswith(_BOM) else 0
    while at < len(text):
        found = _ASSIGNMENT.match(text, at)
        if found is not None:
            yield found["name"], _value(text, found)
        line_end = _LINE_END.search(text, found.end() if found else at)
        assert line_end  # the text's end is one
        at = line_end.end()


def _value(text: str, found: re.Match[str]) -> _Value:
    if found["quoted"] is not None:
        start, end = found.span("quoted")
        return _Value(text[start + 1 : end - 1], text[start], start, end)
    if found["plain"] is not None:
        return _Value(found["plain"], "", *found.span("plain"))
    empty = found.start() + found[0].index("=") + 1  # right behind it: spaces before a comment stay before it
    return _Value("", "", empty, empty)


def _written(value: str, quote: str) -> str:
    if quote and _IN_ANY_QUOTES.fullmatch(value):
        return f"{quote}{value}{quote}"
    if _PLAIN.fullmatch(value):
        return value
    if _IN_SINGLE_QUOTES.fullmatch(value):
        return f"'{value}'"
    raise UsageError("The secret has characters that not all readers of env files take alike: use another --secret.")
