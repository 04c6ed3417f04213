"""The cloud's API as the tests use it: one connection that is kept, and made anew when it is gone."""

import contextlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..processes import Env


@dataclass(frozen=True)
class Answer:
    """What the cloud answered; `content` is the decoded body."""

    status: int
    headers: http.client.HTTPMessage
    content: Any


class Api:
    """Talks to the cloud of a test's home; a cloud that can't be reached raises OSError or HTTPException."""

    def __init__(self, env: Env, base: str | None = None) -> None:
        folder = Path(env["CSTAR_HOME"])
        team_id = json.loads((folder / "profiles" / "default.json").read_text())["team_id"]
        self._headers = {"Authorization": f"Bearer {(folder / 'cloud' / 'token').read_text().strip()}"}
        self._path = f"/api/v1/teams/{team_id}"
        self._host = urlsplit(base or env["CSTAR_API_BASE"]).netloc
        self._connection: http.client.HTTPConnection | None = None

    def post_event(self, event_type: str, data: object = None) -> dict[str, Any]:
        """Make an event; returns what the API answered, once it has answered 201."""
        wanted = {"type": event_type} if data is None else {"type": event_type, "data": data}
        answer: dict[str, Any] = self.post("/events", wanted)
        return answer

    def post(self, path: str, wanted: object) -> Any:
        return self._data(self.ask("POST", path, wanted))

    def get(self, path: str) -> Any:
        return self._data(self.ask("GET", path))

    def lines(self, path: str, silent_s: float = 10) -> Iterator[dict[str, Any]]:
        """Yield the lines of JSON of an answer that may go on for ever, over a connection of its own."""
        with contextlib.closing(http.client.HTTPConnection(self._host, timeout=silent_s)) as connection:
            connection.request("GET", self._path + path, headers=self._headers)
            response = connection.getresponse()
            assert response.status == 200, response.read()
            for line in response:
                yield json.loads(line)

    def ask(self, method: str, path: str, wanted: object = None) -> Answer:
        """Return the answer, whatever it says."""
        connection = self._connection or http.client.HTTPConnection(self._host, timeout=10)
        self._connection = None
        try:
            body = None if wanted is None else json.dumps(wanted)
            connection.request(method, self._path + path, body, self._headers)
            response = connection.getresponse()
            content = json.loads(response.read())
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return Answer(response.status, response.headers, content)

    def _data(self, answer: Answer) -> Any:
        assert answer.status in (200, 201), answer.content
        return answer.content["data"]

    def close(self) -> None:
        if self._connection:
            self._connection.close()
