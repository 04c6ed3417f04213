"""Whose certificates a route takes: what it says itself, else what is said for all."""

from pathlib import Path

import pytest

from cstar_cli.commands.listening import Options, SessionOptions
from cstar_cli.commands.routing import plan, routes_here, trust_for
from cstar_cli.config import Home
from cstar_cli.errors import UsageError
from cstar_cli.sender.tls import SYSTEM, Trust
from cstar_cli.tunnel.routes import Route
from tests.sender.receivers import CERTIFICATE


@pytest.fixture
def route(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Route:
    """The route of a project that has a certificate beside its settings, looked at from a folder below."""
    (tmp_path / "ca.pem").write_bytes(CERTIFICATE.read_bytes())
    (tmp_path / "cstar.toml").write_text('[[routes]]\nforward_to = "https://localhost:1/"\ncacert = "ca.pem"\n')
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    [found] = routes_here(Home(tmp_path / "home"))
    return found


def test_a_file_is_looked_for_beside_the_settings(route: Route) -> None:
    assert "BEGIN CERTIFICATE" in str(trust_for(route, SYSTEM).authorities)


def test_what_a_route_does_not_say_is_as_for_all(route: Route) -> None:
    assert trust_for(route, Trust(insecure=True)).insecure
    plain = Route("", route.target, route.filter)
    assert trust_for(plain, Trust("pem")) == Trust("pem")
    assert trust_for(Route("", route.target, route.filter, insecure=False), Trust("pem", insecure=True)) == Trust("pem")


def test_a_file_without_a_certificate_is_refused(route: Route, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    with pytest.raises(UsageError, match=r"ca\.pem is empty"):
        trust_for(route, SYSTEM)


@pytest.mark.parametrize(
    ("of_all", "called", "told_apart"),
    [(None, ["billing", None], ["billing", None]), ("laptop", ["laptop", "laptop"], [None, None])],
)
def test_a_session_is_called_as_its_route_unless_all_have_a_name(
    route: Route, of_all: str | None, called: list[str | None], told_apart: list[str | None]
) -> None:
    both = [Route("billing", route.target, route.filter), Route(":3000/webhook", route.target, route.filter)]
    shared = Options(route.target, route.filter, "whsec_1", (), session=SessionOptions(name=of_all))
    planned = plan(both, shared, {})
    assert [each.options.session.name for each in planned.routes] == called
    assert [*planned.session_names().values()] == told_apart


def test_a_route_wants_its_own_wire_version_or_that_of_all_and_may_give_no_header_of_that(route: Route) -> None:
    routes = [Route("a", route.target, route.filter, wire="2025-12"), Route("b", route.target, route.filter)]
    shared = Options(route.target, route.filter, "whsec_1", (), wire="2026-03")
    assert [each.options.wire for each in plan(routes, shared, {}).routes] == ["2025-12", "2026-03"]
    given = Route("c", route.target, route.filter, headers=(("X-Event-ID", "1"),))
    with pytest.raises(UsageError, match="The header X-Event-ID is set by cstar"):
        plan([given], shared, {})
