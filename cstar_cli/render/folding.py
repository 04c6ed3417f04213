"""Lines folded for a terminal that is narrower than they are: between words, so that an id stays whole to be copied."""

import re
import unicodedata

_PAINT = re.compile(r"\x1b\[\d*m")
_WORD = re.compile(r" *[^ ]+")
_HANG = 4


def folded(line: str, columns: int) -> list[str]:
    """Return the line in as many as it takes, those after the first indented; a word wider than all is left whole."""
    if len(line) <= columns and line.isascii():
        return [line]
    if width(line) <= columns:
        return [line]
    hang = " " * min(len(line) - len(line.lstrip(" ")) + _HANG, columns // 4)
    lines, used = [""], 0
    for word in _WORD.findall(line):
        room = width(word)
        if used + room > columns and lines[-1].strip():
            word = word.lstrip(" ")
            word = hang[: max(columns - width(word), 0)] + word
            room = width(word)
            lines.append("")
            used = 0
        lines[-1] += word
        used += room
    return lines


def width(text: str) -> int:
    """Return how many columns a terminal gives the text; colours take none."""
    text = _PAINT.sub("", text)
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
