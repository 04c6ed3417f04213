"""`trigger --forward-to`: cloud, tunnel and forwarder for these events alone, all within this process."""

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from cstar_cli.activity import Activity, Ready
from cstar_cli.client.api import ApiClient
from cstar_cli.client.connect import client_for
from cstar_cli.cloud.options import CloudOptions
from cstar_cli.commands.embedded import access_of, load_cloud
from cstar_cli.commands.listening import Options, Output, real_listener
from cstar_cli.commands.loop import on_stop_signals
from cstar_cli.config import Credentials, Home
from cstar_cli.errors import Interrupted
from cstar_cli.profiles import Profile
from cstar_cli.tunnel.connection import CloudAddress

Send = Callable[[ApiClient], None]


async def forward_once(
    options: Options, profile: Profile, send: Send, report: Callable[[Activity], None], say: Callable[[str], None]
) -> None:
    """Let `send` send events to a cloud that lives only as long, and forward them.

    Raises what `send` raises, and Interrupted at a signal, once nothing of the cloud is left.
    """
    task = asyncio.current_task()
    assert task
    on_stop_signals(lambda _: task.cancel())
    try:
        await _forward_once(options, profile, send, report, say)
    except asyncio.CancelledError:
        raise Interrupted from None


async def _forward_once(
    options: Options, profile: Profile, send: Send, report: Callable[[Activity], None], say: Callable[[str], None]
) -> None:
    load_cloud()
    from cstar_cli.cloud.server import running_cloud

    with tempfile.TemporaryDirectory(prefix="cstar-") as folder:
        home = Home(Path(folder))
        cloud_options = CloudOptions("127.0.0.1", 0, home.database, access_of(home, profile), embedded=True)
        async with running_cloud(cloud_options) as (_, api_base):
            credentials = Credentials(profile.team_id, home.token())
            place = CloudAddress(api_base, credentials.team_id, credentials.token)
            ready = asyncio.Event()

            def note(activity: Activity) -> None:
                ready.set() if isinstance(activity, Ready) else report(activity)

            async with (
                real_listener(options, place, Output(note, room=lambda: None), start_cloud=None) as listener,
                asyncio.TaskGroup() as group,
            ):
                group.create_task(listener.run())
                await ready.wait()
                with client_for(api_base, credentials, say) as client:
                    await _in_thread(send, client)
                listener.stop()


async def _in_thread(send: Send, client: ApiClient) -> None:
    """Run `send` in a thread that Ctrl-C needn't wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def finish(error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def work() -> None:
        error: BaseException | None = None
        try:
            send(client)
        except BaseException as raised:  # whatever it is, it is raised where `send` is awaited
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended: Ctrl-C didn't wait for us
            loop.call_soon_threadsafe(finish, error)

    threading.Thread(target=work, name="cstar-trigger", daemon=True).start()
    await done
