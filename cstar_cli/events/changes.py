"""What an update says has changed, `{field: {"from", "to"}}`, in step with a resource that overrides have changed."""

from collections.abc import Mapping

from cstar_cli.events.canonical import Json, dumps

RESOURCE = "ticket"
"""What `changes` are about: `ticket.updated` alone has them, from wire version 2026-03 on."""


def in_step(before: Json, after: Json) -> Json:
    """Return the data as it is after overrides, with `changes` that lead to the resource's values now.

    A change that leads nowhere any more is left out. One that wasn't in step before, or was overridden itself, stays.
    """
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    match before.get(RESOURCE), after.get(RESOURCE), before.get("changes"), after.get("changes"):
        case dict(old), dict(new), dict(told), dict(telling):
            kept: dict[str, Json] = {}
            for field, change in telling.items():
                is_own = field not in told or dumps(told[field]) != dumps(change)
                followed = change if is_own else _followed(field, change, old, new)
                if followed is not None:
                    kept[field] = followed
            return {**after, "changes": kept}
    return after


def _followed(field: str, change: Json, old: Mapping[str, Json], new: Mapping[str, Json]) -> Json:
    """Return the change to the field's new value, None where that is none."""
    match change:
        case {"from": was, "to": to, **more} if not more and field in old and dumps(old[field]) == dumps(to):
            if field in new and dumps(new[field]) == dumps(to):
                return change
            return None if field not in new or dumps(new[field]) == dumps(was) else {"from": was, "to": new[field]}
    return change
