"""`Surroundings`: what a listener needs from outside, for tests to hand in what is not real."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Literal

import msgspec

from cstar_cli.activity import Activity, Ready
from cstar_cli.protocol.frames import Delivery
from cstar_cli.tunnel.connection import Connection

if TYPE_CHECKING:
    from cstar_cli.sender.posting import Cancelable, Spawn
    from cstar_cli.tunnel.chaos import Chaos
    from cstar_cli.tunnel.forwarder import Done


Look = Literal["answers", "refuses", "silent"]


class App(msgspec.Struct, frozen=True):
    """The application that events are forwarded to, as far as can be seen without one.

    `place` is where it listens, in few words. With `holds`, events wait while it is away. `look` connects and hangs up;
    `hint` says what may help when it refuses.
    """

    url: str
    place: str
    holds: bool
    look: Callable[[], Awaitable[Look]]
    hint: Callable[[], Awaitable[str | None]]


class Surroundings(msgspec.Struct, frozen=True):
    """What a listener needs from outside.

    `start_cloud` makes this process the cloud where that is possible (True: in place of the one we used), and raises
    Unreachable when another was first;
    `forward` posts a delivery and calls back, later, starting tasks by what it is given last; `room` is None, or what
    to wait for while whoever shows the outcomes can't keep up; `clock` is monotonic, in seconds; without an `app` an
    event that is refused fails, and that is all; `chaos` is what is to become of deliveries.
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
    app: App | None = None
    chaos: "Chaos | None" = None
