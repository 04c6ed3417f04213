"""What people call the targets of deliveries."""

from collections.abc import Iterable

from cstar_cli.cloud.api.views import NO_NAMES, Names
from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.records import Attempt, Delivery

_SESSION = "ses_"


async def names_of(store: Store, records: Iterable[Delivery | Attempt]) -> Names:
    """Return the names of the sessions that these are for."""
    sessions = {record.target for record in records if record.target.startswith(_SESSION)}
    return await store.names_of(sessions) if sessions else NO_NAMES
