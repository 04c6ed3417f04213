"""`cstar doctor`: looks for what keeps events from arriving, and says how to mend it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from cstar_cli import config
from cstar_cli.commands.checks import CHECKS, Check, Finding, Scene, fault_of_routes
from cstar_cli.commands.options import ApiBase, CaCert, Insecure, NoColor
from cstar_cli.envfile import SECRET_VARIABLE
from cstar_cli.errors import CstarError, ExitCode
from cstar_cli.render.output import Colour, Output, whoever_reads

CHECK_S = 3.0
MANY_RECEIVERS_S = 15.0  # each has its own limit
_FROZEN = "The cloud's process may be frozen or overloaded: end it, and start it again."
REMEDIES = {"cloud": _FROZEN, "port": _FROZEN}
"""What to do where a check got no answer."""


def doctor(
    context: typer.Context,
    forward_to: Annotated[
        str | None, typer.Option("--forward-to", "-f", metavar="URL", help="Your receiver; else that of listen.")
    ] = None,
    insecure: Insecure = False,
    cacert: CaCert = None,
    env_file: Annotated[
        Path, typer.Option(metavar="FILE", help=f"Where your application's {SECRET_VARIABLE} may stand.")
    ] = Path(".env"),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    no_color: NoColor = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Look for what keeps events from arriving; exit 1 when something does."""
    from cstar_cli.commands.saying import say_json
    from cstar_cli.render.console import open_console

    home = config.home(os.environ)
    said = forward_to or os.environ.get("CSTAR_LISTEN_FORWARD_TO")
    fault = context.obj or fault_of_routes(home)
    scene = Scene(home, config.api_base(api_base), said, insecure, cacert, env_file, fault)
    output = open_console(no_color=no_color).out
    ill = False
    for finding in _all_examined(scene):
        ill = ill or finding.status == "problem"
        if json:
            say_json(finding)
        else:
            with whoever_reads(output.stream):
                _show(output, finding)
    if ill:
        raise typer.Exit(ExitCode.FAILED)


def _all_examined(scene: Scene) -> Iterator[Finding]:
    for name, check in CHECKS.items():
        yield from examined(name, check, scene, MANY_RECEIVERS_S if name == "receiver" else CHECK_S)


def examined(name: str, check: Check, scene: Scene, limit_s: float) -> Iterator[Finding]:
    """Yield what a check finds; neither its error nor its silence keeps the others from being made."""
    from cstar_cli.commands.within import OutOfTime, within

    try:
        yield from within(limit_s, lambda: check(scene))
    except CstarError as error:
        yield Finding(name, "problem", str(error))
    except OSError as error:
        yield Finding(name, "problem", f"can't be looked at: {error.strerror or error}")
    except OutOfTime:
        yield Finding(name, "problem", f"no answer in {limit_s:g} s", REMEDIES.get(name))


def _show(output: Output, finding: Finding) -> None:
    from cstar_cli.render.safe import harmless

    mark, colour = _MARKS[finding.status]
    shown = output.look.paint(colour, output.look.symbol(mark) if mark != "-" else mark)
    output.line(f"{shown} {finding.check:<11}  {harmless(finding.message)}")
    if finding.remedy:
        output.line(f"  {'':<11}  {harmless(finding.remedy)}")


_MARKS: dict[str, tuple[str, Colour]] = {"ok": ("✓", "green"), "problem": ("✗", "red"), "skipped": ("-", "dim")}
