import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest

from cstar_cli.events.catalogue import names
from cstar_cli.events.envelope import build_event
from cstar_cli.events.fixtures import fixture
from cstar_cli.events.wires import DEFAULT, NAMES
from tests.processes import RunCstar

TSC = Path(__file__).parents[1] / "typings" / "node_modules" / "typescript" / "bin" / "tsc"


def body_of(cstar: RunCstar, event_type: str, wire: str = DEFAULT) -> str:
    return cstar("trigger", event_type, "--print", "--wire", wire).stdout.strip()


def bodies(wire: str) -> list[str]:
    """A body of each type, made here: a process for each would take long."""
    made = (build_event(name, fixture(name, "team", 0, wire=wire), "team", 0, made_in=wire) for name in names(wire))
    return [event.body.decode() for event in made]


def generated(cstar: RunCstar, language: str, wire: str = DEFAULT) -> str:
    done = cstar("types", "generate", "--lang", language, "--wire", wire)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("wire", NAMES)
def test_typescript_compiles_and_fits_every_event(cstar: RunCstar, tmp_path: Path, wire: str) -> None:
    (tmp_path / "cstar.ts").write_text(generated(cstar, "typescript", wire))
    events = "".join(f"const event{number}: CstarEvent = {body};\n" for number, body in enumerate(bodies(wire)))
    narrowed = """
export function title(event: CstarEvent): string {
  return event.type === "ticket.created" ? event.data.title : event.id;
}
"""
    if wire != DEFAULT:
        narrowed = narrowed.replace("data.title", "data.ticket.title")
    (tmp_path / "app.ts").write_text(f'import type {{ CstarEvent }} from "./cstar";\n{events}{narrowed}')
    (tmp_path / "wrong.ts").write_text(
        'import type { TicketCreatedData } from "./cstar";\n'
        "export const of = (data: TicketCreatedData): string => data.number;\n"
    )
    done = subprocess.run(
        ["node", str(TSC), "--strict", "--noEmit", "--skipLibCheck", "--pretty", "false", "app.ts", "wrong.ts"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert [line.partition("(")[0] for line in done.stdout.splitlines()] == ["wrong.ts"], done.stdout


@pytest.mark.parametrize("wire", NAMES)
def test_python_passes_a_strict_type_checker_and_fits_every_event(cstar: RunCstar, tmp_path: Path, wire: str) -> None:
    (tmp_path / "cstar_events.py").write_text(generated(cstar, "python", wire))
    events = "".join(f"event{number}: CstarEvent = {json.loads(body)!r}\n" for number, body in enumerate(bodies(wire)))
    (tmp_path / "app.py").write_text(f"from cstar_events import CstarEvent\n\n{events}")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "app.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    subprocess.run([sys.executable, "app.py"], cwd=tmp_path, check=True)


GO_PROGRAM = """\
package main

import (
\t"bufio"
\t"bytes"
\t"encoding/json"
\t"fmt"
\t"os"

\t"example.com/app/cstar"
)

func main() {
\tlines := bufio.NewScanner(os.Stdin)
\tfor lines.Scan() {
\t\tvar event cstar.Event[json.RawMessage]
\t\tif err := json.Unmarshal(lines.Bytes(), &event); err != nil {
\t\t\tpanic(err)
\t\t}
\t\tif event.Type == cstar.TypeTicketCreated {
\t\t\tvar ticket cstar.TicketCreated
\t\t\tdecoder := json.NewDecoder(bytes.NewReader(event.Data))
\t\t\tdecoder.DisallowUnknownFields()
\t\t\tif err := decoder.Decode(&ticket); err != nil {
\t\t\t\tpanic(err)
\t\t\t}
\t\t\tfmt.Println(event.ID, ticket.Title, ticket.AssigneeID == nil, ticket.CreatedAt.Year())
\t\t}
\t}
}
"""


@pytest.mark.parametrize(("wire", "ticket"), [("2025-12", "ticket"), ("2026-03", "ticket.Ticket")])
def test_go_is_formatted_compiles_and_reads_an_event(
    cstar: RunCstar, tmp_path: Path, go_cache: Path, wire: str, ticket: str
) -> None:
    assert shutil.which("go"), "install Go: what is generated must compile"
    (tmp_path / "cstar").mkdir()
    (tmp_path / "cstar" / "cstar.go").write_text(generated(cstar, "go", wire))
    (tmp_path / "go.mod").write_text("module example.com/app\n\ngo 1.18\n")
    (tmp_path / "main.go").write_text(re.sub(r"ticket\.(?=Title|Ass|Cre)", f"{ticket}.", GO_PROGRAM))
    env = {**os.environ, "GOCACHE": str(go_cache), "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    assert subprocess.run(["gofmt", "-l", "."], cwd=tmp_path, capture_output=True, check=True).stdout == b""
    event = body_of(cstar, "ticket.created", wire)
    done = subprocess.run(
        ["go", "run", "."], cwd=tmp_path, env=env, input=event, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    value = json.loads(event)
    title = value["data"].get("ticket", value["data"])["title"]
    assert done.stdout == f"{value['id']} {title} true {value['created_at'][:4]}\n"


def test_events_types_shows_all_or_the_fields_of_one(cstar: RunCstar) -> None:
    assert [line.split("\t")[0] for line in cstar("events", "types").stdout.splitlines()] == [*names()]
    fields = dict(line.split("\t") for line in cstar("events", "types", "ticket.created").stdout.splitlines())
    assert fields["assignee_id"] == "uuid or null"
    [first, *_] = cstar("events", "types", "ticket.created", "--json").stdout.splitlines()
    assert json.loads(first) == {"name": "id", "type": "string", "format": "uuid"}


def test_its_schema_fits_what_trigger_prints(cstar: RunCstar) -> None:
    event = json.loads(body_of(cstar, "boss.defeated"))
    for arguments in (("boss.defeated",), ()):
        schema = cstar("events", "types", *arguments, "--schema").stdout
        assert jsonschema_rs.Draft202012Validator(schema).is_valid(event)


def test_an_unknown_type_is_a_usage_error_that_names_the_near_ones(cstar: RunCstar) -> None:
    done = cstar("events", "types", "ticket.craeted")
    assert done.returncode == 2
    assert "Did you mean ticket.created" in done.stderr
