"""Requests as cStar would send them, of one wire version and signed with one secret; and those that it never would."""

from collections.abc import Callable, Mapping

import msgspec

from cstar_cli.conformance.trial import Headers, Request
from cstar_cli.events import catalogue
from cstar_cli.events.canonical import Json
from cstar_cli.events.envelope import build_event, new_id
from cstar_cli.events.fixtures import fixture
from cstar_cli.events.wires.wire import Sending, Wire

ENDPOINT = "whk_check"


class Made(msgspec.Struct, frozen=True):
    """One event, and a delivery of it."""

    id: str
    type: str
    body: bytes
    delivery_id: str


class Maker:
    """Makes events and requests; `types` are those that the version has."""

    def __init__(
        self,
        wire: Wire,
        secret: str,
        team_id: str,
        now_ms: Callable[[], int],
        new_delivery: Callable[[], str] = lambda: new_id("dlv"),
    ) -> None:
        self.wire = wire
        self.secret = secret
        self.types = tuple(each.name for each in catalogue.types(wire.name))
        self._team_id = team_id
        self._now_ms = now_ms
        self._new_delivery = new_delivery

    @property
    def now_s(self) -> int:
        """The time in Unix seconds."""
        return self._now_ms() // 1000

    def event(self, event_type: str, more: Mapping[str, Json] = {}) -> Made:  # read only
        """Return a fresh event of a type of the catalogue, with more in its resource."""
        data = fixture(event_type, self._team_id, self._now_ms(), wire=self.wire.name)
        resource = self.wire.resource_of(event_type, data)
        for name, value in data.items():
            if value is resource and isinstance(value, dict):
                return self._made(event_type, {**data, name: {**value, **more}})
        return self._made(event_type, {**data, **more})

    def event_of(self, event_type: str, resource: dict[str, Json]) -> Made:
        """Return a fresh event about a resource, whatever its type."""
        return self._made(event_type, self.wire.data_of(event_type, resource))

    def _made(self, event_type: str, data: Json) -> Made:
        event = build_event(event_type, data, self._team_id, self._now_ms(), made_in=self.wire.name)
        return Made(event.id, event.type, event.body, self._new_delivery())

    def request(self, made: Made, label: str = "", *, spread_s: float = 0.0) -> Request:
        """Return the request of a delivery, as it should be."""
        return Request(self.headers(made), made.body, label, spread_s)

    def request_of(self, made: Made, seconds_off: int, label: str = "") -> Request:
        """Return the request as it would be at another time than now."""
        return Request(self.headers(made, seconds_off), made.body, label)

    def signed_otherwise(self, made: Made, signature: str | None, label: str = "") -> Request:
        """Return the request with this in place of its signature, None for no such header."""
        return Request(with_header(self.headers(made), self.wire.signature_header, signature), made.body, label)

    def headers(self, made: Made, seconds_off: int = 0) -> Headers:
        """Return the headers of a delivery's first attempt, made now or so many seconds later."""
        at_ms = self._now_ms() + 1000 * seconds_off
        return self.wire.headers(
            Sending(made.id, made.type, made.delivery_id, ENDPOINT, 1, at_ms, made.body), self.secret
        )

    def signature(self, made: Made, *, secret: str | None = None, at_s: int | None = None) -> str:
        """Return the signature of a delivery, perhaps with another secret or time."""
        return self.wire.sign(made.body, secret or self.secret, self.now_s if at_s is None else at_s)


def header_of(headers: Headers, name: str) -> str:
    """Return the value of a header, empty where it is missing."""
    return next((value for each, value in headers if each.lower() == name.lower()), "")


def with_header(headers: Headers, name: str, value: str | None) -> Headers:
    """Return the headers with another value for one, or without it."""
    changed = ((each, value if each.lower() == name.lower() else before) for each, before in headers)
    return tuple((each, after) for each, after in changed if after is not None)
