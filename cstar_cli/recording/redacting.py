"""One delivery and its answer as a file may have them: without secrets, and without what the user has named."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from cstar_cli.errors import UsageError
from cstar_cli.events import canonical
from cstar_cli.events.canonical import Json
from cstar_cli.recording import paths
from cstar_cli.recording.format import Answer, packed
from cstar_cli.recording.scrubbing import REMOVED, Scrubber

RESPONSE = "response"
_EVENT_ROOTS = ("data", "team_id")
_LEAST_CHARS = 4
MOST_HIDDEN = 200
"""Texts that an answer is searched for: that takes its time, and the tunnel waits."""
_JSON_STARTS = (b"{", b"[")


class Posted(msgspec.Struct, frozen=True):
    """An event's body as it may be kept, None where nothing of it may; `hidden` texts were in it."""

    body: bytes | None
    hidden: tuple[str, ...] = ()


class Answered(msgspec.Struct, frozen=True):
    """An answer as it came."""

    status: int | None
    duration_ms: float
    error: str | None
    headers: tuple[tuple[str, str], ...]
    body: bytes
    cut: bool


class _Path(msgspec.Struct):
    text: str
    steps: tuple[paths.Step, ...]
    found: bool = False


class Redactor:
    """Removes secrets, and what is at the paths: `data.…` of the event, `response.…` of the answer."""

    def __init__(self, redacted: Iterable[str], secrets: Iterable[str]) -> None:
        self.scrubber = Scrubber(secrets)
        self._of_event: list[_Path] = []
        self._of_answer: list[_Path] = []
        for text in redacted:
            self._add(text)

    @property
    def never_found(self) -> Sequence[str]:
        """The paths that have led nowhere so far."""
        return [path.text for path in (*self._of_event, *self._of_answer) if not path.found]

    def posted(self, body: bytes) -> Posted:
        """Return an event's body without what is to be removed; to the byte as it is where that is nothing."""
        if not self._of_event:
            return Posted(self.scrubber.known(body))
        event = _parsed(body)
        if event is None:
            return Posted(None)  # nobody can tell where in it the redacted values are
        hidden = _hide(event, self._of_event)
        kept = canonical.dumps(event) if hidden else body
        texts = dict.fromkeys(text for value in hidden for text in _texts(value))
        return Posted(self.scrubber.known(kept), tuple(texts))

    def answered(self, answer: Answered, hidden: Sequence[str] = (), own: Sequence[str] = ()) -> Answer:
        """Return an answer without what is to be removed, `hidden` texts of the event and `own` secrets included."""
        too_many = len(hidden) > MOST_HIDDEN  # then the answer may have any of them
        scrubber = self.scrubber.beside([*([] if too_many else hidden), *own])
        kept = None if too_many or _is_encoded(answer.headers) else self._answer_body(answer.body)
        body, in_base64 = packed(scrubber.all(kept or b""))
        return Answer(
            status=answer.status,
            duration_ms=answer.duration_ms,
            error=None if answer.error is None else scrubber.text(answer.error),
            headers=tuple((name, None) for name, _ in answer.headers) if too_many else scrubber.headers(answer.headers),
            body=body,
            body_base64=in_base64,
            cut=answer.cut,
            removed=kept is None and bool(answer.body),
        )

    def _add(self, text: str) -> None:
        steps = paths.parse(text)
        first, *others = steps
        if first == RESPONSE:
            self._of_answer.append(_Path(text, tuple(others)))
        elif first in _EVENT_ROOTS:
            self._of_event.append(_Path(text, steps))
        else:
            raise UsageError(
                f"--redact {text}: a path begins with data (the event's data) or response (the answer),"
                f" like data.{text} or response.{text}."
            )

    def _answer_body(self, body: bytes) -> bytes | None:
        """Return it without what is at the paths; None where nobody can tell where that is."""
        if not self._of_answer or not body:
            return body
        if any(not path.steps for path in self._of_answer):
            for path in self._of_answer:
                path.found = path.found or not path.steps
            return None
        value = _parsed(body)
        if value is None:
            return None if body.lstrip().startswith(_JSON_STARTS) else body  # JSON that was cut off may have it
        return canonical.dumps(value) if _hide(value, self._of_answer) else body


def hidden_value(value: Json) -> Json:
    """Return what stands for a value: of its kind, so that a receiver can still read it, and always the same."""
    match value:
        case bool():
            return False
        case int() | float():
            return 0
        case str():
            return REMOVED
        case list():
            return []
        case dict():
            return {}
        case None:
            return None


def _hide(value: Json, wanted: Iterable[_Path]) -> list[Json]:
    """Replace what is at the paths, and return what was there."""
    found = []
    for path in wanted:
        leads_to = paths.places(value, path.steps)
        path.found = path.found or bool(leads_to)
        found += leads_to
    were = [paths.value_at(place) for place in found]
    for place, was in zip(found, were, strict=True):
        paths.put(place, hidden_value(was))
    return were


def _texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            if len(value) >= _LEAST_CHARS and value != REMOVED:
                yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for item in value.values():
                yield from _texts(item)


def _parsed(body: bytes) -> Json:
    """Return the object or list that a body is in JSON, None where it is neither."""
    try:
        value = canonical.parse(body)
    except UsageError:
        return None
    return value if isinstance(value, dict | list) else None


def _is_encoded(headers: Iterable[tuple[str, str]]) -> bool:
    """Say whether secrets in a body can't be seen, since it is compressed."""
    return any(name.lower() == "content-encoding" and value.strip().lower() != "identity" for name, value in headers)
