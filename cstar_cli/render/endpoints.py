"""What an endpoint, a webhook or a session, wants: its cell in a table."""

from collections.abc import Sequence

from cstar_cli.events.wires import DEFAULT
from cstar_cli.render.tables import Words


def wanted(events: Sequence[str], wire: str) -> Words:
    """Return the events, and the wire version where it isn't the usual one."""
    return Words(", ".join(events) + ("" if wire == DEFAULT else f", wire {wire}"))
