"""Which of a team's sessions get some of a newcomer's events, and who is told of whom: the same whatever the driver."""

from collections.abc import Callable, Collection, Sequence

from cstar_cli.cloud.store.queries import NEIGHBOURS_TOLD
from cstar_cli.cloud.store.records import Neighbours, Session
from cstar_cli.events.filters import EventFilter

Neighbour = tuple[str, str, str, str | None]
"""A session's id, what to call it, its patterns and its origin."""

Announcement = tuple[str, str]
"""Which session is to be told, and who has come."""


def meet(
    newcomer: Session, others: Collection[Neighbour], filter: Callable[[str], EventFilter]
) -> tuple[Neighbours, Sequence[Announcement]]:
    """Return what the newcomer is told of the others, the latest first, and what some of them are told of it."""
    wanted = {row[2:] for row in others}  # few things, by however many
    overlaps = {each: newcomer.overlaps(filter(each[0]), each[1]) for each in wanted}
    found = [row for row in others if overlaps[row[2:]]]
    told = found[:NEIGHBOURS_TOLD]
    name = newcomer.name or newcomer.forward_to
    return Neighbours([who for _, who, *_ in told], len(found) - len(told)), [(id_, name) for id_, *_ in told]
