"""`cstar fixtures`: payloads of one's own, for `trigger`."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cstar_cli import config
from cstar_cli.commands.asking import asks
from cstar_cli.commands.completing import complete_type, ids
from cstar_cli.commands.ids import EVENT, of_kind
from cstar_cli.commands.options import NoColor, Wire, WireIfGiven
from cstar_cli.errors import CstarError, UsageError
from cstar_cli.events.wires import DEFAULT, checked_name

if TYPE_CHECKING:
    from cstar_cli.commands.dialogue import Dialogue
    from cstar_cli.events.library import Library, Shelf

app = typer.Typer(help="Payloads of your own, for trigger.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The fixture's name.", autocompletion=complete_type)]
Project = Annotated[
    bool, typer.Option("--project", help="In the project's .cstar/fixtures, to be shared; not in your home folder.")
]


def library() -> "Library":
    """Return the fixtures that hold here."""
    from cstar_cli.events import library

    return library.library(config.fixture_folders(os.environ))


@app.callback()
def fixtures() -> None:
    """Payloads of your own, for trigger."""


@app.command("list")
def index(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    no_color: NoColor = False,
    wire: Wire = DEFAULT,
) -> None:
    """List the fixtures: the project's, your own, those built in for a wire version."""
    from cstar_cli.commands.saying import say_aside, say_json_line
    from cstar_cli.render.console import open_console
    from cstar_cli.render.tables import table

    found = [*library().all(checked_name(wire))]
    output = open_console(no_color=no_color).out
    known = [fixture for fixture in found if not isinstance(fixture, CstarError)]
    if json:
        from cstar_cli.events.canonical import dumps

        for fixture in known:
            path = None if fixture.path is None else str(fixture.path)
            row = {"name": fixture.name, "type": fixture.type, "origin": fixture.origin, "path": path}
            say_json_line(dumps({**row, "wire": fixture.wire}))
    else:
        rows = ((each.name, each.type, each.origin, each.wire) for each in known)
        table(("Fixture", "Type", "Origin", "Wire"), rows, output)
    for fault in found:
        if isinstance(fault, CstarError):
            say_aside(str(fault))


@app.command("show")
def show(name: Name, wire: Wire = DEFAULT) -> None:
    """Print a fixture as it is written, or as it is built in for a wire version."""
    from cstar_cli.commands.saying import print_text

    print_text(library().get(name, checked_name(wire)).text())


@app.command("path")
def path(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The fixture's name.", autocompletion=complete_type)
    ] = None,
    project: Project = False,
) -> None:
    """Print the file of a fixture, or the folder they are in."""
    from cstar_cli.commands.saying import say

    if name is None:
        say(str(_shelf(library(), project).folder))
        return
    fixture = library().get(name)
    if fixture.path is None:
        raise UsageError(f"{name} is built in and has no file: cstar fixtures edit {name} makes one.")
    say(str(fixture.path))


@asks(app, "save")
def save(
    talk: "Dialogue",
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    event: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="evt_…",
            help="The event to make it of.",
            callback=of_kind(EVENT),
            autocompletion=ids(EVENT),
        ),
    ],
    project: Project = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a fixture of that name.")] = False,
    wire: WireIfGiven = None,
) -> None:
    """Make a fixture of an event that was received, in its wire version unless another is given."""
    from cstar_cli.commands.saying import say, say_json
    from cstar_cli.events.library import of_event
    from cstar_cli.files import write_private
    from cstar_cli.resources import EventInFull

    shelf = _shelf(library(), project)
    place = shelf.path(name)
    if place.exists() and not force:
        raise UsageError(f"{place} exists: --force replaces it.")
    wanted = None if wire is None else checked_name(wire)
    found = talk.read(talk.get(f"/events/{event}"), EventInFull)
    fixture = of_event(name, found.body.encode(), shelf.origin, found.wire)
    fixture = fixture.in_wire(wanted or found.wire)
    write_private(place, fixture.text())
    if talk.json:
        say_json({"name": name, "type": fixture.type, "origin": shelf.origin, "path": str(place), "wire": fixture.wire})
    else:
        say(f"Saved {place}.", f"Send it: cstar trigger {name}")


@app.command("edit")
def edit(name: Name, project: Project = False, wire: Wire = DEFAULT) -> None:
    """Change a fixture in $VISUAL or $EDITOR; of a built-in one a copy is made."""
    from cstar_cli.commands.editor import changed_text, keep_text
    from cstar_cli.commands.saying import say
    from cstar_cli.events.library import parse
    from cstar_cli.files import read, write_private

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("fixtures edit needs a terminal: write the file instead, see cstar fixtures path.")
    shelves = library()
    fixture = shelves.get(name, checked_name(wire))
    place = fixture.path if fixture.path and not project else _shelf(shelves, project).path(name)
    text = changed_text(read(fixture.path) if fixture.path else fixture.text())
    if text is None:
        say("Nothing changed.")
        return
    try:
        parse(text.encode(), name, fixture.origin, place)
    except CstarError as error:
        raise UsageError(f"{error} Nothing was saved; what you wrote is in {keep_text(text)}") from None
    write_private(place, text)
    say(f"Saved {place}.", f"Send it: cstar trigger {name}")


def _shelf(library: "Library", project: bool) -> "Shelf":
    wanted = "project" if project else "yours"
    for shelf in library.shelves:
        if shelf.origin == wanted:
            return shelf
    raise CstarError("The working folder was deleted: change into another.")
