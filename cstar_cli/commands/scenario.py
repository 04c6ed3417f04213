"""`cstar scenario`: events that tell a story, one after the other."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cstar_cli import config
from cstar_cli.commands.options import ApiBase, NoColor, Wire
from cstar_cli.errors import CstarError, UsageError
from cstar_cli.events.wires import DEFAULT, checked_name

if TYPE_CHECKING:
    from cstar_cli.activity import Accepted, Activity
    from cstar_cli.client.api import ApiClient
    from cstar_cli.commands.payload import Payload
    from cstar_cli.commands.sending import Clocks, Expectation
    from cstar_cli.events.canonical import Json
    from cstar_cli.events.scenarios import Step

app = typer.Typer(help="Send events that tell a story.", no_args_is_help=True, rich_markup_mode=None)

OUTCOME_S = 30


@dataclass(frozen=True, slots=True)
class Planned:
    """A step whose words are understood: `wait_s` before it, and what must come of it."""

    step: "Step"
    wait_s: float
    expectation: "Expectation"
    is_expected: bool


def complete_scenario(incomplete: str) -> list[str]:
    """Return the built-in scenarios that begin so, for the shell."""
    from cstar_cli.events.scenarios import built_in

    return [name for name in built_in() if name.startswith(incomplete)]


Named = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="A built-in one, or a file.", autocompletion=complete_scenario)
]


@app.callback()
def scenario() -> None:
    """Send events that tell a story."""


@app.command("list")
def index() -> None:
    """List the built-in scenarios."""
    from cstar_cli.commands.saying import say
    from cstar_cli.events.scenarios import built_in

    say(*built_in())


@app.command("show")
def show(name: Named, wire: Wire = DEFAULT) -> None:
    """Print a scenario, to begin one of your own with."""
    from cstar_cli.commands.saying import print_text
    from cstar_cli.events.scenarios import text_of

    print_text(text_of(name, checked_name(wire)))


@app.command("run")
def run(
    name: Named,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the bodies that would go; send nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the API's answers, one line an event.")] = False,
    no_color: NoColor = False,
    wire: Wire = DEFAULT,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Send the events of a scenario, each when the one before it has come through.

    It ends at the first step whose outcome is not what the step expects.
    """
    from cstar_cli.events.scenarios import load

    made_in = checked_name(wire)
    plan = [_planned(step) for step in load(name, made_in)]
    if dry_run:
        _print_bodies(plan, made_in, api_base)
    else:
        _send(plan, made_in, api_base, json=json, no_color=no_color)


class Story:
    """Makes the payload of each step in turn, from the fixtures and from what happened before."""

    def __init__(self, team_id: str, now_ms: Callable[[], int], wire: str = DEFAULT) -> None:
        from cstar_cli.commands.fixtures import library

        self._library = library()
        self._team_id, self._now_ms, self._wire = team_id, now_ms, wire
        self._uuids: dict[str, str] = {}
        self._earlier: dict[str, dict[str, Json]] = {}

    def payload(self, step: "Step") -> "Payload":
        """Return what to send."""
        from cstar_cli.commands.payload import Payload
        from cstar_cli.events import canonical
        from cstar_cli.events.catalogue import is_known
        from cstar_cli.events.fixtures import Filling

        try:
            fixture = self._library.get(step.type, self._wire).in_wire(self._wire)
        except CstarError as error:
            raise type(error)(f"{step.place}: {error}") from error
        data = step.made(fixture.data, self._earlier, Filling(self._team_id, self._now_ms(), uuids=self._uuids))
        self._earlier[step.name] = {"type": fixture.type, "data": data}
        return Payload(fixture.type, not is_known(fixture.type, self._wire), canonical.dumps(data), self._wire)

    def tell(self, step: "Step", event_id: str) -> None:
        """Let later steps know the event's id."""
        self._earlier[step.name] = {"id": event_id, **self._earlier[step.name]}


def _planned(step: "Step") -> Planned:
    from cstar_cli.commands.durations import duration_ms
    from cstar_cli.commands.sending import Expectation, expected_status

    try:
        status = None if step.expect is None else expected_status(step.expect)
        within_ms = OUTCOME_S * 1000 if step.within is None else duration_ms(step.within)
        wait_ms = 0 if step.wait is None else duration_ms(step.wait)
    except UsageError as error:
        raise UsageError(f"{step.place}: {error}") from error
    return Planned(step, wait_ms / 1000, Expectation(status, within_ms), step.expect is not None)


def _rehearsed(plan: Sequence[Planned], wire: str, team_id: str) -> "list[Payload]":
    """Make all payloads without sending any: what is wrong with a step is said before the first is sent."""
    from cstar_cli.clock import now_ms
    from cstar_cli.events.envelope import new_id

    story = Story(team_id, now_ms, wire)
    made = []
    for planned in plan:
        made.append(story.payload(planned.step))
        story.tell(planned.step, new_id("evt"))
    return made


def _print_bodies(plan: Sequence[Planned], wire: str, api_base: str) -> None:
    from cstar_cli.clock import now_ms
    from cstar_cli.commands.saying import say_json_line
    from cstar_cli.commands.trigger import team_of

    team_id = team_of(api_base)
    for payload in _rehearsed(plan, wire, team_id):
        say_json_line(payload.body(team_id, now_ms()))


def _send(plan: Sequence[Planned], wire: str, api_base: str, *, json: bool, no_color: bool) -> None:
    from cstar_cli.activity import Notice
    from cstar_cli.client.connect import connect
    from cstar_cli.clock import now_ms
    from cstar_cli.commands.sending import Clocks
    from cstar_cli.commands.trigger import team_of
    from cstar_cli.render.console import make_renderer

    report = make_renderer(json=json, quiet=False, no_color=no_color)
    team_id = team_of(api_base)
    _rehearsed(plan, wire, team_id)
    with connect(api_base, os.environ, lambda message: report(Notice(message))) as client:
        tell(client, plan, Story(team_id, now_ms, wire), Clocks(time.sleep, time.monotonic, now_ms), report)


def tell(
    client: "ApiClient",
    plan: Sequence[Planned],
    story: Story,
    clocks: "Clocks",
    report: "Callable[[Activity], None]",
) -> None:
    """Send each step when the one before it has its outcomes. Raises as `judge` does where one differs."""
    from cstar_cli.client.tail import end_of_log
    from cstar_cli.commands.sending import nobody_listens

    after = end_of_log(client)
    unheard = False
    for planned in plan:
        clocks.sleep(planned.wait_s)
        event = client.create_event(story.payload(planned.step).request())
        report(event)
        story.tell(planned.step, event.event_id)
        if not (event.delivery_ids or unheard):
            unheard = True
            report(nobody_listens(client, event))
        _await(client, planned, event, after, clocks, report)


def _await(
    client: "ApiClient",
    planned: Planned,
    event: "Accepted",
    after: str,
    clocks: "Clocks",
    report: "Callable[[Activity], None]",
) -> None:
    from cstar_cli.client.waiting import Limit, await_outcomes
    from cstar_cli.commands.sending import judge

    within_ms = planned.expectation.within_ms
    limit = Limit(clocks.monotonic() + within_ms / 1000, clocks.now_ms() + within_ms)
    awaited = await_outcomes(client, [event], after, limit, planned.expectation.meets, report)
    if planned.is_expected:
        try:
            judge(planned.expectation, [event], awaited)
        except CstarError as error:
            raise type(error)(f"{planned.step.place}: {error}") from error
