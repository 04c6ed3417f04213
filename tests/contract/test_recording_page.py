"""docs/recording.md tells of the lines that the program writes."""

import re

from cstar_cli.recording.comparing import Slower
from cstar_cli.recording.format import VERSION, Answer, Line
from cstar_cli.sender.answer import BODY_LIMIT

from .project import PAGES, rows

PAGE = PAGES["docs/recording.md"]
KINDS = {str(kind.__struct_config__.tag): kind for kind in Line.__args__}


def told_fields(name: str) -> list[str]:
    """Return the fields in the table under the line that begins with the name, or tells of one."""
    [after] = re.findall(rf"^(?:An )?`{name}`.*:\n\n(\| field(?:.*\n)+?)(?:\n|\Z)", PAGE, re.MULTILINE)
    return [row[0].strip("`") for row in rows(after, "field")]


def test_it_has_each_kind_of_line_with_each_field_in_order() -> None:
    assert {name: told_fields(name) for name in KINDS} == {
        name: list(kind.__struct_fields__) for name, kind in KINDS.items()
    }


def test_it_has_each_field_of_an_answer_in_order() -> None:
    assert told_fields("answer") == list(Answer.__struct_fields__)


def test_it_tells_of_no_other_kind() -> None:
    assert set(re.findall(r"^(?:An )?`(\w+)`.*:\n\n\| field", PAGE, re.MULTILINE)) == {*KINDS, "answer"}


def test_it_names_the_version_and_the_bounds() -> None:
    assert f"This is version {VERSION}." in PAGE
    assert f"the first {BODY_LIMIT // 1024} KiB" in PAGE
    assert (
        f"more than {Slower().times:g} times the recorded duration *and* by more than {Slower().more_ms:g} ms" in PAGE
    )
