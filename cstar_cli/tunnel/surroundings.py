"""`Surroundings`: what a listener needs from outside, for tests to hand in what is not real."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import msgspec

from cstar_cli.activity import Activity, Ready
from cstar_cli.protocol.frames import Delivery
from cstar_cli.tunnel.connection import Connection

if TYPE_CHECKING:
    from cstar_cli.sender.posting import Cancelable, Spawn
    from cstar_cli.tunnel.forwarder import Done


class Surroundings(msgspec.Struct, frozen=True):
    """What a listener needs from outside.

    `start_cloud` makes this process the cloud where that is possible (True: in place of the one we used), and raises
    Unreachable when another was first;
    `forward` posts a delivery and calls back, later, starting tasks by what it is given last; `room` is None, or what
    to wait for while whoever shows the outcomes can't keep up; `clock` is monotonic, in seconds.
    """

    dial: Callable[[], AbstractAsyncContextManager[Connection]]
    forward: "Callable[[Delivery, Done, Spawn], Cancelable]"
    ready: Callable[[str, bool], Ready]
    report: Callable[[Activity], None]
    room: Callable[[], Awaitable[object] | None]
    start_cloud: Callable[[bool], AbstractAsyncContextManager[object]] | None
    clock: Callable[[], float]
    now_ms: Callable[[], int]
    random: Callable[[], float]
