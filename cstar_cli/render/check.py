"""What comes of putting a receiver to the test: a table for people, JSON lines for programs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from cstar_cli.conformance.trial import Result, Status
from cstar_cli.render.console import Console
from cstar_cli.render.output import Colour
from cstar_cli.render.safe import harmless

MOST_ANSWER_CHARS = 160
_MARKS: dict[Status, tuple[str, Colour]] = {
    Status.PASSED: ("✓", "green"),
    Status.WARNING: ("!", "yellow"),
    Status.FAILED: ("✗", "red"),
    Status.SKIPPED: ("-", "dim"),
}
_COUNTED = {
    Status.PASSED: "passed",
    Status.FAILED: "failed",
    Status.WARNING: "with a warning",
    Status.SKIPPED: "not made",
}


class Shown(Protocol):
    """Shows results as they come, and all of them at the end."""

    def result(self, result: Result) -> None: ...
    def end(self, results: Sequence[Result]) -> None: ...


class Table:
    """Lines for people: one a trial, with why it matters and what to change where it did not pass."""

    def __init__(self, console: Console, names: Iterable[str]) -> None:
        self._out = console.out
        self._width = max(map(len, names))

    def result(self, result: Result) -> None:
        """Show one; what was skipped is told of at the end, in one line."""
        if result.status is Status.SKIPPED:
            return
        look = self._out.look
        sign, colour = _MARKS[result.status]
        mark = look.paint(colour, look.symbol(sign) if sign in "✓✗" else sign)
        took = look.paint("dim", f"  {result.duration_ms:,.0f} ms")
        self._out.line(f"{mark} {result.name.ljust(self._width)}  {harmless(result.saw)}{took}")
        if result.status is not Status.PASSED:
            for name, text in (("Sent", result.sends), ("Why", result.why), ("Change", result.change)):
                if text:
                    self._out.line(f"    {look.paint('dim', f'{name}:')} {harmless(text)}")
            if result.answer:
                self._out.line(f"    {look.paint('dim', 'It said:')} {harmless(result.answer, MOST_ANSWER_CHARS)}")

    def end(self, results: Sequence[Result]) -> None:
        """Show how many came out how."""
        for reason, count in Counter(each.saw for each in results if each.status is Status.SKIPPED).items():
            self._out.line(self._out.look.paint("dim", f"- {count} more {harmless(reason)}"))
        counts = Counter(each.status for each in results)
        self._out.line("")
        self._out.line(", ".join(f"{counts[status]} {words}" for status, words in _COUNTED.items() if counts[status]))


class JsonLines:
    """One JSON object a trial, and a last one with how many came out how."""

    def __init__(self, console: Console, url: str, wire: str) -> None:
        self._out = console.out
        self._url = url
        self._wire = wire

    def result(self, result: Result) -> None:
        self._out.raw_line(msgspec.json.encode({"type": "trial", **msgspec.to_builtins(result)}))

    def end(self, results: Sequence[Result]) -> None:
        counts = Counter(each.status for each in results)
        numbers = {str(status): counts[status] for status in Status}
        self._out.raw_line(
            msgspec.json.encode({"type": "summary", "url": self._url, "wire": self._wire, **numbers}),
        )
