"""What came of a recording that was replayed, as lines, as JSON and as a table."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from cstar_cli.activity import Forwarded
from cstar_cli.recording.comparing import WHATS, Difference
from cstar_cli.recording.format import Delivery
from cstar_cli.render.jsonlines import json_line
from cstar_cli.render.lines import lines_of
from cstar_cli.render.output import Look, Output
from cstar_cli.render.safe import harmless
from cstar_cli.render.tables import Text, table

_INDENT = "    "
_PLACE_CHARS = 200


def lines(forwarded: Forwarded, differences: Sequence[Difference], look: Look) -> list[str]:
    """Return the line that `listen` would have shown, and one for each difference."""
    shown = lines_of(forwarded, look)
    for difference in differences:
        name = look.paint("yellow", f"{difference.what} differs:")
        if difference.what == "body":
            places = "; ".join(harmless(place, _PLACE_CHARS) for place in difference.places)
            text = places
        else:
            text = f"{harmless(difference.recorded)} → {harmless(difference.now)}"
        shown.append(f"{_INDENT}{name} {text.replace('→', look.symbol('→')).replace('…', look.symbol('…'))}")
    return shown


def line_of_json(forwarded: Forwarded, recorded: Delivery, differences: Sequence[Difference] | None) -> bytes:
    """Return the same for programs; `differences` is None where nothing was compared."""
    line = json_line(forwarded)
    assert line is not None
    fields = msgspec.json.decode(line)
    answer = recorded.answer
    fields["type"] = "replayed"
    del fields["next_attempt_at"]
    fields["recorded"] = (
        None if answer is None else {"status": answer.status, "duration_ms": answer.duration_ms, "error": answer.error}
    )
    fields["differences"] = None if differences is None else [msgspec.to_builtins(each) for each in differences]
    return msgspec.json.encode(fields)


def summary_table(counted: Mapping[str, Mapping[str, int]], output: Output) -> None:
    """Show, for each event type, how many were compared, how many are the same, and how many differ in what.

    Its titles are there without a terminal, too: it stands among other lines, in the log of a CI perhaps. Where
    columns are few, the numbers are told in words.
    """
    columns = ("compared", "same", *WHATS)
    rows = [(name, *(_cell(column, counts.get(column, 0)) for column in columns)) for name, counts in counted.items()]
    titles = ("Event type", *columns)
    if rows and not output.stream.isatty():
        output.line("\t".join(titles))
    narrow = (line for name, counts in counted.items() for line in _in_words(name, counts, output.look))
    table(titles, rows, output, narrow=narrow)


def _in_words(name: str, counts: Mapping[str, int], look: Look) -> Iterator[str]:
    yield harmless(name)
    yield f"  {counts.get('same', 0)} of {counts['compared']} the same"
    if differing := [look.paint("red", f"{what} {counts[what]}") for what in WHATS if counts.get(what)]:
        yield f"  differ: {', '.join(differing)}"


def _cell(column: str, count: int) -> str | Text:
    return Text(str(count), "red") if count and column in WHATS else str(count)
