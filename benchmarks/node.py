"""A cloud of ours as a process, and who may use it."""

import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import TOOL_CORES, Running, started
from benchmarks.tools import CSTAR
from cstar_cli.config import Home

_ADDRESS = re.compile(rb"http://[0-9.]+:[0-9]+")


@dataclass(frozen=True, slots=True)
class Node:
    """A running cloud. `team` is the base of its API's paths."""

    process: Running
    address: str
    team: str
    token: str


def home_of(folder: Path) -> Home:
    """Return the `CSTAR_HOME` of what is started in this folder."""
    return Home(folder / "cstar")


@asynccontextmanager
async def serving(folder: Path, database: str = "", cores: set[int] = TOOL_CORES, port: int = 0) -> AsyncIterator[Node]:
    """Run `cstar cloud serve`, without limits of rate and allowed to deliver to this machine."""
    command = [*CSTAR.command("cloud", "serve", "--port", str(port)), "--rate-limit", "0", "--allow-private-addresses"]
    command += ["--database", database] if database else []
    with started(command, CSTAR.environment(folder), folder, cores) as process:
        said = await process.said(_ADDRESS)
        home = home_of(folder)
        yield Node(process, said, f"/api/v1/teams/{home.profile().team_id}", home.token())


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
