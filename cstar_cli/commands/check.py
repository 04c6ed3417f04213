"""`cstar check`: puts a receiver to the test."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstar_cli import config
from cstar_cli.commands import listen_options
from cstar_cli.commands.completing import complete_trial
from cstar_cli.commands.given_body import Secret, signing_secret
from cstar_cli.commands.options import CaCert, Insecure, NoColor, Wire
from cstar_cli.errors import UsageError
from cstar_cli.events import wires

if TYPE_CHECKING:
    from cstar_cli.conformance.trial import Trial

TIMEOUT_S = 10.0  # of the contract

Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        "-k",
        metavar="TRIAL",
        help="Only these, by name or pattern: large,signature-*.",
        autocompletion=complete_trial,
    ),
]
Skip = Annotated[list[str] | None, typer.Option(metavar="TRIAL", help="Not these.", autocompletion=complete_trial)]


def check(
    url: Annotated[
        str | None,
        typer.Argument(metavar="URL", help="Your receiver: a URL, a port, host:port/path, unix:/app.sock:/path."),
    ] = None,
    secret: Secret = None,
    wire: Wire = wires.DEFAULT,
    only: Only = None,
    skip: Skip = None,
    list_trials: Annotated[bool, typer.Option("--list", help="List the trials and send nothing.")] = False,
    header: listen_options.Header = None,
    timeout: Annotated[
        float, typer.Option(min=0.001, max=600, metavar="SECONDS", help="How long an answer may take.")
    ] = TIMEOUT_S,
    insecure: Insecure = False,
    cacert: CaCert = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the results as JUnit's XML, too.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    no_color: NoColor = False,
) -> None:
    """Put a receiver to the test: what it does with bad signatures, duplicates, large bodies and much else.

    It really sends events to the URL, so let it be one where they do no harm. Exit 5 when a trial failed. What each
    trial is and why it matters: docs/check.md
    """
    from cstar_cli.conformance.trials import chosen, trials_for
    from cstar_cli.render.console import open_console

    trials = chosen(trials_for(wires.wire(wire)), only or [], skip or [])
    console = open_console(no_color=no_color)
    if list_trials:
        _list(trials, json=json)
        return
    if url is None:
        raise UsageError("Which receiver? Give its URL, like cstar check http://localhost:3000/webhook.")
    from cstar_cli.clock import now_ms
    from cstar_cli.commands.check_run import Job, Report, run
    from cstar_cli.commands.loop import run_async
    from cstar_cli.commands.other_secrets import known_secrets, secrets_beside_a_given_one
    from cstar_cli.conformance.making import Maker
    from cstar_cli.render.check import JsonLines, Table
    from cstar_cli.sender.tls import trust_of
    from cstar_cli.tunnel.addresses import parse_forward_to
    from cstar_cli.tunnel.headers import parse_headers

    version = wires.wire(wire)
    target = parse_forward_to(url)
    key = signing_secret(secret)
    job = Job(
        trials=trials,
        target=target,
        maker=Maker(version, key, config.home(os.environ).profile().team_id, now_ms),
        headers=parse_headers(header or [], wire),
        timeout_s=timeout,
        trust=trust_of(cacert, insecure=insecure),
        whose="the profile's secret" if secret is None else "the secret that you gave",
        other_secrets=known_secrets if secret is None else secrets_beside_a_given_one,
    )
    shown = JsonLines(console, target.url, wire) if json else Table(console, [each.name for each in trials])
    run_async(run(job, Report(shown, junit)))


def _list(trials: "tuple[Trial, ...]", *, json: bool) -> None:
    from cstar_cli.commands.saying import say, say_json

    width = max(len(each.name) for each in trials)
    for each in trials:
        if json:
            told = {"name": each.name, "sends": each.sends, "wants": each.wants, "why": each.why, "change": each.change}
            say_json(told)
        else:
            say(f"{each.name.ljust(width)}  {each.sends}")
