"""`cstar fixtures`: payloads of one's own, for `trigger`."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cstar_cli import config
from cstar_cli.commands.asking import asks
from cstar_cli.commands.completing import complete_type, ids
from cstar_cli.commands.ids import EVENT, of_kind
from cstar_cli.commands.options import NoColor
from cstar_cli.errors import CstarError, UsageError

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
) -> None:
    """List the fixtures: the project's, your own, the built-in ones."""
    from cstar_cli.commands.saying import say_aside
    from cstar_cli.render.console import open_console
    from cstar_cli.render.tables import table

    found = [*library().all()]
    output = open_console(no_color=no_color).out
    known = [fixture for fixture in found if not isinstance(fixture, CstarError)]
    if json:
        from cstar_cli.events.canonical import dumps

        for fixture in known:
            path = None if fixture.path is None else str(fixture.path)
            output.raw_line(dumps({"name": fixture.name, "type": fixture.type, "origin": fixture.origin, "path": path}))
    else:
        table(("Fixture", "Type", "Origin"), ((each.name, each.type, each.origin) for each in known), output)
    for fault in found:
        if isinstance(fault, CstarError):
            say_aside(str(fault))


@app.command("show")
def show(name: Name) -> None:
    """Print a fixture as it is written."""
    from cstar_cli.commands.saying import print_text

    print_text(library().get(name).text())


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
) -> None:
    """Make a fixture of an event that was received."""
    from cstar_cli.commands.saying import say, say_json
    from cstar_cli.events.library import of_event
    from cstar_cli.files import write_private
    from cstar_cli.resources import EventInFull

    shelf = _shelf(library(), project)
    place = shelf.path(name)
    if place.exists() and not force:
        raise UsageError(f"{place} exists: --force replaces it.")
    body = talk.read(talk.get(f"/events/{event}"), EventInFull).body
    fixture = of_event(name, body.encode(), shelf.origin)
    write_private(place, fixture.text())
    if talk.json:
        say_json({"name": name, "type": fixture.type, "origin": shelf.origin, "path": str(place)})
    else:
        say(f"Saved {place}.", f"Send it: cstar trigger {name}")


@app.command("edit")
def edit(name: Name, project: Project = False) -> None:
    """Change a fixture in $VISUAL or $EDITOR; of a built-in one a copy is made."""
    from cstar_cli.commands.editor import changed_text, keep_text
    from cstar_cli.commands.saying import say
    from cstar_cli.events.library import parse
    from cstar_cli.files import read, write_private

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("fixtures edit needs a terminal: write the file instead, see cstar fixtures path.")
    shelves = library()
    fixture = shelves.get(name)
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
