"""From Enter to exit, and from Enter to ready: what a user waits for at every command."""

import asyncio
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import typer

from benchmarks import tools
from benchmarks.bench import Bench, Failed
from benchmarks.mock.services import Stripe
from benchmarks.mock.stage import stage
from benchmarks.node import free_port, serving
from benchmarks.processes import HARNESS_CORES, Exit, run, started
from benchmarks.tools import Tool
from cstar_cli.main import app

TITLE = "Start, in milliseconds"
LISTENERS = (tools.CSTAR, *tools.PEERS)
Command = tuple[str, Tool, list[str]]  # its name, and what it runs
_READY = re.compile(rb'"ready"')


async def run_round(bench: Bench) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        await _exits(bench, list(_commands()), home)
        slowest = "cstar … --help: the slowest of all others"
        with bench.measuring(slowest):
            bench.add(slowest, "ms", max([await _help_ms(bench, path, home) for path in _other_helps()]))
        with bench.measuring("trigger"):
            await _triggers(bench, home)
    await _ready(bench)
    with bench.measuring("cstar listen: ready, no cloud runs"):
        await _ready_with_its_own_cloud(bench)


async def _exits(bench: Bench, commands: Sequence[Command], home: Path) -> None:
    """Run them by turns, each to its exit."""
    exits: dict[str, list[Exit]] = defaultdict(list)
    had = [(name, tool, command) for name, tool, command in commands if bench.has(tool, name)]
    for _ in range(bench.effort.starts):
        for name, tool, command in had:
            with bench.noting(name):
                exits[name].append(await asyncio.to_thread(run, command, tool.environment(home), home))
    for name, those in exits.items():
        with bench.measuring(name):
            if any(each.status not in (0, 1) for each in those):  # some answer --help with 1
                raise Failed(f"exited with {those[0].status}")
            bench.add(name, "ms", median(each.elapsed_s for each in those) * 1000)
            bench.add(name, "CPU ms", median(each.cpu_s for each in those) * 1000)


def _commands() -> Iterator[Command]:
    yield "python -c pass", tools.CSTAR, [str(tools.CLEAN_PYTHON), "-c", "pass"]
    for arguments in (("--version",), ("--help",), ("listen", "--help")):
        for tool in (tools.CSTAR, tools.STRIPE, tools.HOOKDECK):
            yield f"{tool.name} {' '.join(arguments)}", tool, tool.command(*arguments)
    yield "smee-client --help", tools.SMEE, tools.SMEE.command("--help")


def _other_helps() -> Iterator[tuple[str, ...]]:
    """Yield every command that has a help, but the root."""

    def below(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for name, child in getattr(command, "commands", {}).items():
            yield (*path, name)
            yield from below(child, (*path, name))

    return below(typer.main.get_command(app), ())


async def _help_ms(bench: Bench, path: tuple[str, ...], home: Path) -> float:
    command, env = tools.CSTAR.command(*path, "--help"), tools.CSTAR.environment(home)
    exits = [await asyncio.to_thread(run, command, env, home) for _ in range(max(1, bench.effort.starts // 3))]
    return median(each.elapsed_s for each in exits) * 1000


async def _triggers(bench: Bench, home: Path) -> None:
    """One event made: ours at a running cloud of ours, stripe's at its mock; both are on the harness's core."""
    async with serving(home, cores=HARNESS_CORES) as node, stage(Stripe) as mock:
        ours = tools.CSTAR.command("trigger", "ticket.created", "--api-base", node.address)
        options = ["--api-key", tools.PEER_KEY, "--api-base", mock.base]
        theirs = tools.STRIPE.command("trigger", "customer.created", *options)
        commands = [("cstar trigger", tools.CSTAR, ours), ("stripe-cli trigger", tools.STRIPE, theirs)]
        await _exits(bench, commands, home)


async def _ready(bench: Bench) -> None:
    """Until the tunnel is up, as the service sees it, by turns."""
    took: dict[str, list[float]] = defaultdict(list)
    had = [(f"{tool.name} listen: ready", tool) for tool in LISTENERS if bench.has(tool, f"{tool.name} listen: ready")]
    for _ in range(bench.effort.starts):
        for name, tool in had:
            with bench.noting(name):
                async with bench.listening(tool, settle_s=0.0) as (stage, process):
                    took[name].append((stage.connected_at - process.began) * 1000)
    for name, those in took.items():
        bench.say(name)
        bench.add(name, "ms", median(those))


async def _ready_with_its_own_cloud(bench: Bench) -> None:
    """Until the line that says so, with a new home: nothing there yet, no cloud on the port."""
    took = []
    for _ in range(bench.effort.starts):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            base = f"http://127.0.0.1:{free_port()}"
            with started(
                tools.CSTAR_JSON.listen(base, "http://127.0.0.1:9"), tools.CSTAR.environment(home), home
            ) as it:
                await it.said(_READY)
                took.append((time.perf_counter() - it.began) * 1000)
    bench.add("cstar listen: ready, no cloud runs", "ms", median(took))
