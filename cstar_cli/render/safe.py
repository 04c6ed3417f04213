"""Foreign text made harmless for a terminal.

Payloads, headers and receivers' answers are written by others: escape sequences (ESC, C0, C1: colours, titles, OSC 8
links, OSC 52 clipboards), bidi controls that reorder a line, and characters that take no room are shown as escapes.
"""

import re
import unicodedata

_HARMFUL_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Cn", "Zl", "Zp"))
# Letters and marks by category, invisible by design: grapheme joiner, Hangul and Khmer fillers.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
_LINE_BREAK = re.compile(r"[ \t]*[\t\r\n\v\f][ \t\r\n\v\f]*")
# More than a character ever takes in UTF-8.
_BYTES_A_CHARACTER = 4
# A run of marks on one letter paints over the lines above and below.
_MOST_MARKS = 4
_MARKS = re.compile(
    r"([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})"
    r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)


def harmless(text: str | bytes, limit: int | None = None) -> str:
    """Return the text on one line, of at most `limit` characters of the original, then `…`.

    Line breaks and tabs become one space; what could steer the terminal or deceive the eye becomes `\\x1b`, `\\u202e`.
    Bytes are read as UTF-8, what isn't as U+FFFD.
    """
    if isinstance(text, bytes):
        text, cut = _decode(text, limit)
    else:
        cut = False
    if limit is not None and len(text) > limit:
        text, cut = text[: _boundary(text, limit)], True
    if not (text.isascii() and text.isprintable()):
        text = _MARKS.sub(r"\1", _LINE_BREAK.sub(" ", text))
        text = "".join(map(_shown, text))
    return f"{text}…" if cut else text


def escaped(text: str) -> str:
    """Return the text as it is but for what could steer a terminal or deceive the eye: `\\u009b`, as JSON has it."""
    return "".join(character if _is_harmless(character) else _json_escape(character) for character in text)


def _decode(text: bytes, limit: int | None) -> tuple[str, bool]:
    """Return the text, and whether bytes were left; no more is decoded than can be shown."""
    if limit is None or len(text) <= (limit + 1) * _BYTES_A_CHARACTER:
        return text.decode("utf-8", "replace"), False
    # The cut may fall within a character, but never within the first `limit` of them.
    return text[: (limit + 1) * _BYTES_A_CHARACTER].decode("utf-8", "replace"), True


def _boundary(text: str, limit: int) -> int:
    """Return where to cut: not between a letter and its marks, nor within a joined emoji."""
    end = limit
    while end > 0 and (unicodedata.combining(text[end]) or text[end] in "\u200d\ufe0f" or text[end - 1] == "\u200d"):
        end -= 1
    return end or limit


def _shown(character: str) -> str:
    return character if _is_harmless(character) else _escape(ord(character))


def _is_harmless(character: str) -> bool:
    return character not in _INVISIBLE and unicodedata.category(character) not in _HARMFUL_CATEGORIES


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
