"""Who is measured, and how each is started: the programs themselves, never a package manager's wrapper around them."""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.mock.services import Bare, Cstar, Hookdeck, Service, Smee, Stripe

MADE = Path(__file__).parent / ".made"
BIN = MADE / "venv" / "bin"
CLEAN_PYTHON = MADE / "clean" / "bin" / "python"
MODULES = MADE / "node_modules"
WITHOUT_UVLOOP = MADE / "without-uvloop"
PEER_KEY = "sk_test_" + 24 * "x"

_QUIET = {
    "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
    "DO_NOT_TRACK": "1",
    "HOOKDECK_CLI_TELEMETRY_DISABLED": "1",
    "STRIPE_DEVICE_NAME": "bench",
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
}

Command = Callable[[str, str], list[str]]  # the service's and the receiver's address → the arguments


@dataclass(frozen=True, slots=True)
class Tool:
    """One subject of the comparison; `program` must exist for it to be had."""

    name: str
    program: Path
    service: Callable[[bytes, str], Service]
    listen: Command
    version: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    by: Sequence[str] = ()  # what runs the program

    @property
    def missing(self) -> bool:
        return not self.program.exists()

    def environment(self, home: Path) -> dict[str, str]:
        """Return a whole environment that has nothing of this user's in it."""
        return {**_QUIET, "HOME": str(home), "CSTAR_HOME": str(home / "cstar"), **self.env}

    def command(self, *arguments: str) -> list[str]:
        """Return a command line of this tool."""
        return [*self.by, str(self.program), *arguments]


def _native(names: Mapping[str, str]) -> str:
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}-{names.get(machine, machine)}"


def cstar(name: str = "cstar", *options: str, env: Mapping[str, str] | None = None) -> Tool:
    """Return ourselves, with some options of `listen`."""
    program = BIN / "cstar"

    def listen(service: str, receiver: str) -> list[str]:
        return [str(program), "listen", "--forward-to", f"{receiver}/hook", "--api-base", service, *options]

    return Tool(name, program, Cstar, listen, env=env or {})


_STRIPE = MODULES / f"@stripe/cli-{_native({})}" / "bin" / "stripe"
_HOOKDECK = MODULES / "hookdeck-cli/binaries" / _native({"x64": "amd64"}) / "hookdeck"
_SMEE = MODULES / "smee-client/bin/smee.js"
_RELAY = MADE / "relay"


def _stripe(service: str, receiver: str) -> list[str]:
    options = ["--no-wss", "--skip-update", "--all-snapshot", "--forward-to", f"{receiver}/hook"]
    return [str(_STRIPE), "listen", "--api-key", PEER_KEY, "--api-base", service, *options]


def _hookdeck(service: str, receiver: str) -> list[str]:
    bases = ["--api-base", service, "--ws-base", f"ws{service.removeprefix('http')}/ws", "--no-wss"]
    options = ["--api-key", 32 * "x", "--output", "compact", "--no-healthcheck", "--device-name", "bench"]
    return [str(_HOOKDECK), "listen", receiver, "perf", *options, *bases]


def _smee(service: str, receiver: str) -> list[str]:
    return ["node", str(_SMEE), "--url", f"{service}/ch", "--target", f"{receiver}/hook"]


def _relay(service: str, receiver: str) -> list[str]:
    return [str(_RELAY), service.rpartition(":")[2], receiver.rpartition(":")[2], "32"]


CSTAR = cstar()
CSTAR_JSON = cstar("cstar --json", "--json")
CSTAR_FILTERED = cstar("cstar, filters", "--events", "ticket.*", "--events", "!ticket.closed")
CSTAR_PLAIN_LOOP = cstar("cstar, no uvloop", env={"PYTHONPATH": str(WITHOUT_UVLOOP)})
STRIPE = Tool("stripe-cli", _STRIPE, Stripe, _stripe, "1.52.0")
HOOKDECK = Tool("hookdeck-cli", _HOOKDECK, Hookdeck, _hookdeck, "2.6.0")
SMEE = Tool("smee-client", _SMEE, Smee, _smee, "5.0.0", by=("node",))
LIMIT = Tool("a relay in C", _RELAY, Bare, _relay)

PEERS: Sequence[Tool] = (STRIPE, HOOKDECK, SMEE)
