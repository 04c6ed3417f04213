"""A process of many listeners, each as `cstar listen` has it but for the POST: every delivery succeeds at once.

    python listeners.py COUNT

Each line on stdout is a JSON object: `{"up": SESSION, "resumed": BOOL, "at_s": MONOTONIC}` when a listener is
connected, `{"got": DELIVERY, "event": EVENT}` when one has forwarded something.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable

from cstar_cli import config
from cstar_cli.activity import Activity, Forwarded, Ready, Reconnected
from cstar_cli.clock import now_ms
from cstar_cli.commands.loop import run_async
from cstar_cli.protocol.frames import Delivery, Hello, Result
from cstar_cli.protocol.listener import ListenerProtocol
from cstar_cli.sender.posting import Cancelable, Spawn
from cstar_cli.tunnel.connection import CloudAddress, dial
from cstar_cli.tunnel.forwarder import Done
from cstar_cli.tunnel.listener import Listener
from cstar_cli.tunnel.surroundings import Surroundings

URL = "http://127.0.0.1:9/nobody"
FIRST_TOGETHER = 50


async def main(count: int) -> None:
    """Listen until killed."""
    home = config.home(os.environ)
    address = CloudAddress(os.environ["CSTAR_API_BASE"], home.profile().team_id, home.token())
    first = asyncio.Semaphore(FIRST_TOGETHER)
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            await first.acquire()
            group.create_task(_listener(address, first.release).run())


def _listener(address: CloudAddress, is_up: Callable[[], None]) -> Listener:
    def report(activity: Activity) -> None:
        match activity:
            case Ready(session_id=session_id):
                is_up()
                _say({"up": session_id, "resumed": False, "at_s": time.monotonic()})
            case Reconnected(session_id=session_id, resumed=resumed):
                _say({"up": session_id, "resumed": resumed, "at_s": time.monotonic()})
            case Forwarded(delivery_id=delivery_id, event_id=event_id):
                _say({"got": delivery_id, "event": event_id})

    around = Surroundings(
        dial=lambda: dial(address),
        forward=_forward,
        ready=lambda session_id, embedded: Ready(URL, "", address.api_base, "", session_id, embedded, ("*",)),
        report=report,
        room=lambda: None,
        start_cloud=None,
        clock=time.monotonic,
        now_ms=now_ms,
        # All wait as long as they may: those that lost their node together come back together.
        random=lambda: 0.0,
    )
    return Listener(ListenerProtocol(Hello(URL, ("*",), window=40, agent="crowd"), concurrency=8), around)


def _forward(delivery: Delivery, done: Done, _: Spawn) -> Cancelable:
    at_ms = now_ms()
    result = Result(delivery.delivery_id, delivery.attempt, True, 200, None, at_ms, 0.1)
    forwarded = Forwarded(
        time_ms=at_ms,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        delivery_id=delivery.delivery_id,
        attempt=delivery.attempt,
        url=URL,
        status=200,
        duration_ms=0.1,
        outcome="succeeded",
        error=None,
        response_body=b"",
    )
    return asyncio.get_running_loop().call_soon(done, result, forwarded, None)


def _say(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    run_async(main(int(sys.argv[1])))
