"""Routes: which events go where, as the `[[routes]]` of a settings file say. No I/O.

    name = "billing"                     [else the short form of its URL]
    forward_to = "4000/webhook"          what --forward-to takes, or a port
    events = ["ticket.*"]                [else all]
    headers = { "X-Stage" = "dev" }      secret = "whsec_…", or secret_env = "VARIABLE"
    timeout = 10                         concurrency = 32
    cacert = "ca.pem"                    insecure = true

What a route leaves out is as the options of `listen` say.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, combinations
from typing import Any, TypeVar

import msgspec

from cstar_cli.envfile import is_name
from cstar_cli.errors import UsageError, meant
from cstar_cli.events.catalogue import all_names
from cstar_cli.events.filters import EventFilter
from cstar_cli.events.wires import DEFAULT, checked_name
from cstar_cli.positions import Path, TomlFile
from cstar_cli.profiles import checked_secret
from cstar_cli.protocol.frames import Headers
from cstar_cli.sender.target import Target
from cstar_cli.tunnel.addresses import parse_forward_to
from cstar_cli.tunnel.headers import parse_headers
from cstar_cli.tunnel.limits import MOST_CONCURRENCY, MOST_TIMEOUT_S

KEY = "routes"
KEYS = (
    *("name", "forward_to", "events", "headers", "secret", "secret_env"),
    *("timeout", "concurrency", "cacert", "insecure", "wire"),
)

_SHOWN_TYPES = 3
_HEADERS = '{ "X-Stage" = "dev" }'
_NAME = re.compile(r"[\w.:/-]{1,50}")
_LOCAL = re.compile(r"http://((localhost|127\.0\.0\.1|\[::1\])(?=:))?")

T = TypeVar("T")


class Route(msgspec.Struct, frozen=True):
    """Where the events that pass its filter go, and how; what is None is as for every route."""

    name: str
    target: Target
    filter: EventFilter
    headers: Headers | None = None
    secret: str | None = None
    secret_env: str | None = None
    timeout_s: float | None = None
    concurrency: int | None = None
    insecure: bool | None = None
    cacert: str | None = None
    wire: str | None = None


def parse(written: object, file: TomlFile) -> Sequence[Route]:
    """Return the routes that a file's `routes` are. Raises UsageError, with line and column, for what they can't be."""
    tables = written if isinstance(written, list) else []
    if not tables or not all(isinstance(table, dict) for table in tables):
        raise file.fault((KEY,), "routes are tables: begin each with [[routes]], in two brackets.")
    routes = [_route(_Table(file, number, table)) for number, table in enumerate(tables)]
    given: dict[str, int] = {}
    for number, table in enumerate(tables):
        name = table.get("name", "")
        if given.setdefault(name, number) != number and name:
            raise file.fault_of_value((KEY, number, "name"), f"name: a route before this one is called {name!r} too.")
    return _named_apart(routes)


def warnings(routes: Sequence[Route]) -> Iterator[str]:
    """Return a sentence for each route that no known event takes, and for each two that send the same to one URL."""
    for route in routes:
        yield from (f"Route {route.name}: {warning}" for warning in route.filter.warnings())
    for one, other in combinations(routes, 2):
        twice = [name for name in all_names() if one.filter.matches(name) and other.filter.matches(name)]
        if one.target == other.target and twice:
            more = f" and {len(twice) - _SHOWN_TYPES} more" if len(twice) > _SHOWN_TYPES else ""
            yield (
                f"Routes {one.name} and {other.name} both go to {one.target.url}, which gets "
                f"{', '.join(twice[:_SHOWN_TYPES])}{more} twice."
            )


def short_form(url: str) -> str:
    """Return the URL without what goes without saying: `:3000/webhook`."""
    return _LOCAL.sub("", url).removesuffix("/")


class _Table:
    """One route as it is written."""

    def __init__(self, file: TomlFile, number: int, table: Mapping[str, Any]) -> None:
        self._file = file
        self._path: Path = (KEY, number)
        self._spelled: dict[str, str] = {}
        self._table = table
        for key in table:
            name = key.replace("-", "_")
            if name not in KEYS:
                raise file.fault(
                    (*self._path, key), f"unknown key {key!r}.{meant(name, KEYS)} Valid are: {', '.join(KEYS)}."
                )
            self._spelled[name] = key

    def take(self, name: str, read: Callable[[object], T]) -> T | None:
        """Return a key's value as `read` reads it, None where it isn't given."""
        if name not in self._spelled:
            return None
        key = self._spelled[name]
        try:
            return read(self._table[key])
        except UsageError as error:
            raise self._file.fault_of_value((*self._path, key), f"{name}: {error}") from error

    def take_within(self, name: str, inner: str, read: Callable[[object], T]) -> T:
        """Return what `read` makes of one entry of a key's table."""
        key = self._spelled[name]
        try:
            return read(self._table[key][inner])
        except UsageError as error:
            raise self._file.fault_of_value((*self._path, key, inner), f"{name}.{inner}: {error}") from error

    def fault(self, message: str) -> UsageError:
        """Return the error about the route as a whole."""
        return self._file.fault(self._path, message)


def _route(table: _Table) -> Route:
    target = table.take("forward_to", _target)
    if target is None:
        raise table.fault('this route has no forward_to: say where its events go, as in forward_to = "4000/webhook".')
    secret, secret_env = table.take("secret", _secret), table.take("secret_env", _variable)
    if secret is not None and secret_env is not None:
        raise table.fault("this route has both secret and secret_env: leave one out.")
    return Route(
        name=table.take("name", _name) or "",
        target=target,
        filter=table.take("events", _filter) or EventFilter.parse([]),
        headers=_headers(table),
        secret=secret,
        secret_env=secret_env,
        timeout_s=table.take("timeout", _seconds),
        concurrency=table.take("concurrency", _count),
        insecure=table.take("insecure", _truth),
        cacert=table.take("cacert", _file),
        wire=table.take("wire", _wire),
    )


def _named_apart(routes: Sequence[Route]) -> Sequence[Route]:
    """Give those without a name the short form of their URL, and their number where that is another's."""
    shown = [route.name or short_form(route.target.url) for route in routes]
    return [
        msgspec.structs.replace(route, name=name if route.name or shown.count(name) == 1 else f"{name}#{number}")
        for number, (route, name) in enumerate(zip(routes, shown, strict=True), 1)
    ]


def _target(value: object) -> Target:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise UsageError('it must be a URL or a port, like "http://localhost:4000/webhook" or 4000.')
    if not value.strip():
        raise UsageError("it is empty: give a port, or a URL like http://localhost:4000/webhook.")
    return parse_forward_to(value)


def _filter(value: object) -> EventFilter:
    if isinstance(value, str):
        return EventFilter.parse([value])
    if not isinstance(value, list) or not all(isinstance(pattern, str) for pattern in value):
        raise UsageError('it must be a list of texts, like ["ticket.*", "!ticket.updated"].')
    return EventFilter.parse(value)


def _headers(table: _Table) -> Headers | None:
    written = table.take("headers", _table)
    if written is None:
        return None
    version = table.take("wire", _wire) or DEFAULT
    each = (table.take_within("headers", name, partial(_header, name, version)) for name in written)
    return tuple(chain.from_iterable(each))


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise UsageError(f"it must be a table of texts, like {_HEADERS}.")
    return value


def _header(name: str, version: str, value: object) -> Headers:
    if not isinstance(value, str):
        raise UsageError(f"it must be a text, as in {_HEADERS}.")
    return parse_headers([f"{name}: {value}"], version)


def _name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise UsageError("it must be up to 50 letters, digits and any of _ . : / -")
    return value


def _secret(value: object) -> str:
    if not isinstance(value, str):
        raise UsageError('it must be a text, like "whsec_…".')
    return checked_secret(value, "the secret")


def _variable(value: object) -> str:
    if not isinstance(value, str) or not is_name(value):
        raise UsageError('it must be the name of an environment variable, like "BILLING_WEBHOOK_SECRET".')
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.001 <= value <= MOST_TIMEOUT_S:
        raise UsageError(f"it must be a number of seconds up to {MOST_TIMEOUT_S}, without quotes.")
    return float(value)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_CONCURRENCY:
        raise UsageError(f"it must be a whole number from 1 to {MOST_CONCURRENCY}, without quotes.")
    return value


def _wire(value: object) -> str:
    return checked_name(str(value))


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise UsageError("it must be true or false, without quotes.")
    return value


def _file(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError('it must be a file, like "ca.pem".')
    return value
