"""Lists whose every filter walks one index in the order of the answer, and stops when the page is full."""

import sqlite3
from collections.abc import Sequence
from typing import Literal

from cstar_cli.cloud.store.queries import EVERYTHING
from cstar_cli.cloud.store.sqlite.rows import SESSION_PREFIX, WEBHOOK_PREFIX
from cstar_cli.events.filters import EventFilter

# SQLite merges up to 500 branches; so many types match much of the log, and walking all of it finds them as soon.
MERGED_TYPES = 60


class Listing:
    """The rows that a team has in a table, narrowed down and then read. Of the columns, the first is `seq`."""

    def __init__(self, connection: sqlite3.Connection, table: str, columns: str, team_id: str) -> None:
        self._connection = connection
        self._select = f"SELECT {columns} FROM {table}"
        self._parameters: dict[str, object] = {"team_id": team_id}
        self._conditions = ["team_id = :team_id"]
        self._types: Sequence[str] | None = None
        self._type_column = ""

    def narrow(self, condition: str, **values: object) -> None:
        self._conditions.append(condition)
        self._parameters |= values

    def of_types(self, column: str, filter: EventFilter) -> None:
        """Resolve the filter against the types that the team has had, so that one matcher decides everywhere."""
        if filter == EVERYTHING:
            return
        known = [
            type_
            for (type_,) in self._connection.execute(
                "SELECT type FROM event_types WHERE team_id = :team_id", {"team_id": self._parameters["team_id"]}
            )
        ]
        matching = [type_ for type_ in known if filter.matches(type_)]
        if len(matching) < len(known):
            self._types, self._type_column = matching, column

    def of_event(self, condition: str, event_id: str | None) -> None:
        if event_id is not None:
            # The plus keeps SQLite from an index of the whole team: an event has few rows.
            self._conditions[0] = "+team_id = :team_id"
            self.narrow(condition, event_id=event_id)

    def to_target(self, target: str | None) -> None:
        """Narrow down to the id of a session or webhook, or else to a URL."""
        if target is not None:
            is_id = target.startswith((SESSION_PREFIX, WEBHOOK_PREFIX))
            self.narrow("target = :target" if is_id else "url = :target", target=target)

    def read(self, order: Literal["ASC", "DESC"], limit: int, offset: int = 0) -> sqlite3.Cursor:
        paging = {"limit": limit, "offset": offset}
        sql, types = self._branches()
        return self._connection.execute(
            f"{sql} ORDER BY 1 {order} LIMIT :limit OFFSET :offset", self._parameters | types | paging
        )

    def _branches(self) -> tuple[str, dict[str, object]]:
        """One SELECT, or one for each type: SQLite merges those by index, where an IN would make it walk or sort."""
        select = f"{self._select} WHERE {' AND '.join(self._conditions)}"
        if self._types is None:
            return select, {}
        if not self._types:
            return f"{select} AND FALSE", {}
        types: dict[str, object] = {f"type_{number}": type_ for number, type_ in enumerate(self._types)}
        if len(types) > MERGED_TYPES:
            marks = ", ".join(f":{name}" for name in types)
            return f"{select} AND +{self._type_column} IN ({marks})", types
        return " UNION ALL ".join(f"{select} AND {self._type_column} = :{name}" for name in types), types
