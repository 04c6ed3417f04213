"""The main job, end to end: a receiver, `cstar listen`, every event type triggered, a table of what arrived.

Exits with 0 only when every type arrived with a valid signature. It has a home folder and a port of its own, and
whatever it starts ends with it.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CSTAR = (sys.executable, "-m", "cstar_cli")
START_S = 20
ARRIVE_S = 10
ROW = "  {:<22} {:<10} {:<10} {:>9}"

Env = Mapping[str, str]


class DemoError(Exception):
    """The demo can't go on; the message says why."""


class Program:
    """A program that says what it does in lines of JSON."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self._name = name
        self._process = process

    async def says(self, within_s: float, **expected: str) -> dict[str, Any]:
        """Return the next line with these fields; raises DemoError when there is none in time."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(within_s):
                while line := await self._process.stdout.readline():
                    said: dict[str, Any] = json.loads(line)
                    if expected.items() <= said.items():
                        return said
        except TimeoutError:
            raise DemoError(f"{self._name} said nothing within {within_s} s.") from None
        raise DemoError(f"{self._name} has ended.")

    async def says_all(self) -> list[dict[str, Any]]:
        """Return its lines once it has ended, well."""
        output, _ = await self._process.communicate()
        if self._process.returncode:
            raise DemoError(f"{self._name} exited with {self._process.returncode}.")
        return [json.loads(line) for line in output.splitlines()]


@contextlib.asynccontextmanager
async def running(name: str, *command: str, env: Env) -> AsyncIterator[Program]:
    """Start a program and end it in the end, whatever happens."""
    process = await asyncio.create_subprocess_exec(*command, env=env, stdout=asyncio.subprocess.PIPE)
    try:
        yield Program(name, process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def trigger(*arguments: str, env: Env) -> list[dict[str, Any]]:
    async with running(f"cstar trigger {' '.join(arguments)}", *CSTAR, "trigger", *arguments, env=env) as program:
        return await program.says_all()


def receiver() -> tuple[str, list[str]]:
    """Return the name and the command of the receiver: Express where it is installed, else the same in Python."""
    node = shutil.which("node")
    if node is None:
        reason = "node is missing"
    elif subprocess.run([node, "-e", "require('express')"], cwd=HERE, capture_output=True, check=False).returncode:
        reason = "Express could not be installed from npm"
    else:
        return "receiver.js (Express)", [node, str(HERE / "receiver.js")]
    print(f"The receiver is the one in Python, for {reason}.")
    return "receiver.py", [sys.executable, str(HERE / "receiver.py")]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def deliver(event_type: str, listener: Program, target: Program, env: Env) -> bool:
    """Trigger one event, print what became of it, and say whether it arrived with a valid signature."""
    [answer] = await trigger(event_type, "--json", env=env)
    [delivery] = answer["data"]["deliveries"]
    forwarded = await listener.says(ARRIVE_S, type="forwarded", delivery_id=delivery["id"])
    status = forwarded["status"] or "no"
    verified = False
    if forwarded["status"]:
        verified = (await target.says(ARRIVE_S, type=event_type, delivery=delivery["id"]))["verified"]
    print(ROW.format(event_type, status, "verified" if verified else "WRONG", f"{forwarded['duration_ms']:.1f} ms"))
    return verified and forwarded["outcome"] == "succeeded"


async def demo(home: str) -> bool:
    """Run the demo in this home folder and say whether all went well."""
    own = {"CSTAR_HOME": home, "CSTAR_API_BASE": f"http://127.0.0.1:{free_port()}", "PORT": "0"}
    env = {**os.environ, **own, "CSTAR_SECRET": "whsec_demo_" + os.urandom(16).hex()}
    name, command = receiver()
    async with contextlib.AsyncExitStack() as programs:
        target = await programs.enter_async_context(running(name, *command, env=env))
        url = f"http://localhost:{(await target.says(START_S))['listening']}/webhook"
        listen = (*CSTAR, "listen", "--forward-to", url, "--json")
        listener = await programs.enter_async_context(running("cstar listen", *listen, env=env))
        ready = await listener.says(START_S, type="ready")
        types = [line["type"] for line in await trigger("--list", "--json", env=env)]
        print(f"{name} on {url}, cloud on {ready['cloud']}\n")
        print(ROW.format("type", "delivered", "signature", "time"))
        arrived = [await deliver(event_type, listener, target, env) for event_type in types]
    print(f"\n{sum(arrived)} of {len(types)} event types arrived with a valid signature.")
    return all(arrived)


async def main() -> int:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        with tempfile.TemporaryDirectory(prefix="cstar-demo-") as home:
            return 0 if await demo(home) else 1
    except DemoError as error:
        print(f"The demo failed: {error}", file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        print("Interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
