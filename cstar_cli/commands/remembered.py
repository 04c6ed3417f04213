"""What commands have seen of a cloud, kept for completion: ids and names, newest first, with words for a person.

    cache/PROFILE.json   {"api_base", "seen": {"whk": [[id, words], …], "evt": …, "dlv": …, "ses": …, "key": …,
                          "name": …}}

It is written by the way and as well as can be: a full disk or a home that can't be written stops no command. Whatever
stands there came from a cloud, and is made harmless before it is kept.
"""

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from cstar_cli.commands.ids import ID, SESSION_NAME
from cstar_cli.config import Home
from cstar_cli.errors import CstarError
from cstar_cli.files import write_private

MOST_OF_A_KIND = 50
MOST_WORDS = 80
_MOST_BYTES = 256 * 1024
_NAME = re.compile(r"[A-Za-z0-9.-]{1,50}")
# Shells take these for themselves, a terminal what isn't printable; all others are only shown.
_UNSAFE = re.compile(r"[\\\"'`$!;|&<>(){}\[\]*~#^]")

Seen = tuple[str, str]


class _Cache(msgspec.Struct):
    api_base: str
    seen: dict[str, list[Seen]]


def remember(home: Home, api_base: str, kind: str, things: Iterable[Seen], *, all_there_are: bool = False) -> None:
    """Keep these, the newest first, before those of their kind that were kept, or in their place."""
    fresh = [(id_, _words(words)) for id_, words in things if _is_of(kind, id_)]
    cache = _read(home)
    if cache is None or cache.api_base != api_base:  # another cloud: nothing that was seen is there
        cache = _Cache(api_base, {})
    before = cache.seen.get(kind, [])
    ids = {id_ for id_, _ in fresh}
    older = [] if all_there_are else [thing for thing in before if thing[0] not in ids]
    _keep(home, cache, kind, before, [*fresh, *older][:MOST_OF_A_KIND])


def forget(home: Home, id_: str) -> None:
    """Keep this no longer."""
    cache = _read(home)
    kind = id_.partition("_")[0]
    if cache is not None and kind in cache.seen:
        before = cache.seen[kind]
        _keep(home, cache, kind, before, [thing for thing in before if thing[0] != id_])


def recall(home: Home, kind: str) -> list[Seen]:
    """Return what is kept of a kind, the newest first."""
    cache = _read(home)
    return [] if cache is None else cache.seen.get(kind, [])


def _is_of(kind: str, text: str) -> bool:
    if kind == SESSION_NAME:
        return _NAME.fullmatch(text) is not None
    return text.startswith(kind) and ID.fullmatch(text) is not None


def _keep(home: Home, cache: _Cache, kind: str, before: list[Seen], after: list[Seen]) -> None:
    if after == before:
        return
    cache.seen[kind] = after
    with contextlib.suppress(CstarError):
        write_private(_path(home), msgspec.json.encode(cache).decode())


def _read(home: Home) -> _Cache | None:
    try:
        with _path(home).open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        return msgspec.json.decode(text, type=_Cache) if len(text) <= _MOST_BYTES else None
    except (OSError, msgspec.DecodeError):
        return None


def _path(home: Home) -> Path:
    return home.path / "cache" / f"{home.profile_name}.json"


def _words(text: str) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in _UNSAFE.sub(" ", text)).split())
    return text if len(text) <= MOST_WORDS else f"{text[: MOST_WORDS - 1]}…"
