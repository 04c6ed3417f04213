"""The routes that hold here: where their file is, and what they are for a listener."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from cstar_cli import config
from cstar_cli.commands.account import Routed
from cstar_cli.commands.listening import UNVERIFIED, Options
from cstar_cli.errors import UsageError
from cstar_cli.files import read
from cstar_cli.positions import TomlFile
from cstar_cli.profiles import checked_secret
from cstar_cli.protocol.frames import SESSION_NAME
from cstar_cli.sender.target import Target
from cstar_cli.sender.tls import Trust, trust_of
from cstar_cli.tunnel import routes
from cstar_cli.tunnel.headers import check_headers
from cstar_cli.tunnel.routes import Route


class Plan(msgspec.Struct, frozen=True):
    """Several routes, each ready to be listened for."""

    routes: tuple[Routed, ...]
    told: tuple[str, ...]

    def warnings(self) -> Sequence[str]:
        """Return what the user should know before."""
        unverified = any(route.options.unverified for route in self.routes)
        return [*self.told, UNVERIFIED] if unverified else self.told

    def targets(self) -> Sequence[Target]:
        """Return where events go, each place once."""
        return [*dict.fromkeys(route.options.target for route in self.routes)]

    def session_names(self) -> Mapping[str | None, str | None]:
        """Return what the session of each route is called, where no other is."""
        called = [route.options.session.name for route in self.routes]
        named = zip(self.routes, called, strict=True)
        return {route.name: name if called.count(name) == 1 else None for route, name in named}


def routes_here(home: config.Home) -> Sequence[Route]:
    """Return the project's routes, else the user's, none where there are none. Raises UsageError for wrong ones."""
    for path in config.settings_files(config.folder(home), home):
        written = config.read_toml(path)
        if routes.KEY in written:
            found = routes.parse(written[routes.KEY], TomlFile(str(path), read(path)))
            return [_from_its_folder(route, path.parent) for route in found]
    return ()


def plan(found: Sequence[Route], shared: Options, env: Mapping[str, str]) -> Plan:
    """Return the routes with what they leave out as in `shared`. Raises UsageError where a secret is missing."""
    routed = [Routed(route.name, has_own_secret(route), _options(route, shared, env)) for route in found]
    return Plan(tuple(routed), tuple(routes.warnings(found)))


def has_own_secret(route: Route) -> bool:
    """Say whether a route is signed with another secret than what it isn't said of."""
    return route.secret is not None or route.secret_env is not None


def secret_of(route: Route, env: Mapping[str, str]) -> str | None:
    """Return a route's own secret, if any. Raises UsageError where its variable has none."""
    if route.secret_env is None:
        return route.secret
    value = env.get(route.secret_env)
    if not value:
        raise UsageError(f"Route {route.name} takes its secret from {route.secret_env}, which is not set: set it.")
    return checked_secret(value, f"{route.secret_env}, the secret of route {route.name},")


def secret_shown(route: Route, env: Mapping[str, str]) -> str:
    """Return where a route's secret comes from, and never the secret."""
    if route.secret_env is None:
        return "listen's" if route.secret is None else "its own"
    return route.secret_env if env.get(route.secret_env) else f"{route.secret_env} (not set)"


def trust_for(route: Route, shared: Trust) -> Trust:
    """Return whose certificates a route takes. Raises UsageError for a file that has none."""
    own = shared if route.cacert is None else trust_of(route.cacert, insecure=shared.insecure)
    return own if route.insecure is None else replace(own, insecure=route.insecure)


def _from_its_folder(route: Route, folder: Path) -> Route:
    """Return the route with its file as seen from where the settings stand."""
    if route.cacert is None or route.cacert.startswith("~"):
        return route
    return replace(route, cacert=str(folder / route.cacert))


def _session_name(route: Route, of_all: str | None) -> str | None:
    """Return what its session is called: as the route where that can be a session's name, and nothing else is said."""
    return route.name if of_all is None and re.fullmatch(SESSION_NAME, route.name) else of_all


def _options(route: Route, shared: Options, env: Mapping[str, str]) -> Options:
    secret = secret_of(route, env)
    headers = shared.headers if route.headers is None else route.headers
    wire = route.wire or shared.wire
    if headers:
        check_headers(headers, wire)
    return replace(
        shared,
        target=route.target,
        filter=route.filter,
        secret=shared.secret if secret is None else secret,
        headers=headers,
        session=replace(shared.session, name=_session_name(route, shared.session.name)),
        pace=shared.pace.for_route(route.name, route.timeout_s, route.concurrency),
        trust=trust_for(route, shared.trust),
        wire=wire,
    )
