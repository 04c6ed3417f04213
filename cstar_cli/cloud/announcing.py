"""Tells the sessions of this node who else has come, whichever node that was to."""

from cstar_cli.cloud import logs
from cstar_cli.cloud.sessions import Sessions
from cstar_cli.cloud.store.interface import Store, StoreUnavailable
from cstar_cli.cloud.store.wakeups import ANNOUNCEMENTS


async def announce(store: Store, sessions: Sessions) -> None:
    """Go on for ever; what can't be read now is read when there is more."""
    wake = store.wakeups.join(ANNOUNCEMENTS)
    try:
        while True:
            await wake.wait()
            wake.clear()
            try:
                announcements = await store.announcements()
            except StoreUnavailable as error:
                logs.warning("announcements not read yet", reason=str(error))
                continue
            newcomers: dict[str, list[str]] = {}
            for session_id, who in announcements:
                newcomers.setdefault(session_id, []).append(who)
            for session_id, all_of_them in newcomers.items():
                sessions.tell(session_id, all_of_them)
    finally:
        store.wakeups.leave(ANNOUNCEMENTS, wake)
