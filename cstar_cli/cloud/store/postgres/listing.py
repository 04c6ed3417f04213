"""Lists whose every filter walks one index in the order of the answer, and stops when the page is full."""

from collections.abc import Sequence
from typing import Literal

from cstar_cli.cloud.store.postgres.connection import Connection, Row
from cstar_cli.cloud.store.postgres.rows import SESSION_PREFIX, WEBHOOK_PREFIX
from cstar_cli.cloud.store.queries import EVERYTHING
from cstar_cli.events.filters import EventFilter

# So many types match much of the log, and walking all of it finds them as soon as one index after the other.
MERGED_TYPES = 60
MOST_ROWS = 2**62  # what LIMIT and OFFSET take


class Listing:
    """The rows that a team has in a table, narrowed down and then read in the order of some columns."""

    def __init__(self, connection: Connection, table: str, columns: str, order: Sequence[str], team_id: str) -> None:
        self._connection = connection
        self._table = table
        self._columns = columns
        self._order = order
        self._values: list[object] = [team_id]
        self._conditions = ["team_id = $1"]
        self._types: Sequence[str] | None = None
        self._type_column = ""

    def narrow(self, condition: str, *values: object) -> None:
        """Narrow down by a condition in which each `{}` stands for a value."""
        marks = [f"${len(self._values) + number}" for number in range(1, len(values) + 1)]
        self._conditions.append(condition.format(*marks))
        self._values += values

    async def of_types(self, column: str, filter: EventFilter) -> None:
        """Resolve the filter against the types that the team has had, so that one matcher decides everywhere."""
        if filter == EVERYTHING:
            return
        rows = await self._connection.fetch("SELECT type FROM event_types WHERE team_id = $1", self._values[0])
        matching = [type_ for (type_,) in rows if filter.matches(type_)]
        if len(matching) < len(rows):
            self._types, self._type_column = matching, column

    def of_event(self, event_id: str | None) -> None:
        if event_id is not None:
            # The empty text keeps the planner from an index of the whole team: an event has few rows.
            self._conditions[0] = "team_id || '' = $1"
            self.narrow("event_seq = (SELECT e.seq FROM events e WHERE e.id = {})", event_id)

    def to_target(self, target: str | None) -> None:
        """Narrow down to the id of a session or webhook, or else to a URL."""
        if target is None:
            return
        if target.startswith((SESSION_PREFIX, WEBHOOK_PREFIX)):
            self.narrow("target = {}", target)
        else:
            self.narrow("md5(url) = md5({0}) AND url = {0}", target)

    async def read(self, direction: Literal["ASC", "DESC"], limit: int, offset: int = 0) -> list[Row]:
        order = ", ".join(f"{column} {direction}" for column in self._order)
        offset = min(offset, MOST_ROWS)
        if self._types is None:
            return await self._fetch(f"{self._select()} ORDER BY {order}", limit, offset)
        if len(self._types) > MERGED_TYPES:
            self.narrow(f"{self._type_column} || '' = ANY({{}}::text[])", self._types)
            return await self._fetch(f"{self._select()} ORDER BY {order}", limit, offset)
        self._values.append(self._types)
        types = f"unnest(${len(self._values)}::text[]) AS wanted(of_type)"
        self._values.append(min(limit + offset, MOST_ROWS))
        branch = f"{self._select()} AND {self._type_column} = of_type ORDER BY {order} LIMIT ${len(self._values)}"
        return await self._fetch(
            f"SELECT b.* FROM {types} CROSS JOIN LATERAL ({branch}) b ORDER BY {order}", limit, offset
        )

    def _select(self) -> str:
        return f"SELECT {self._columns} FROM {self._table} WHERE {' AND '.join(self._conditions)}"

    async def _fetch(self, sql: str, limit: int, offset: int) -> list[Row]:
        count = len(self._values)
        return await self._connection.fetch(
            f"{sql} LIMIT ${count + 1} OFFSET ${count + 2}", *self._values, limit, offset
        )
