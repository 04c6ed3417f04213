import typer
from typer.testing import CliRunner

from cstar_cli.commands.pace import Pace, pace_of
from cstar_cli.errors import UsageError

Settings = dict[str, object]


def pace(*arguments: str, env: dict[str, str] | None = None, settings: Settings | None = None) -> Pace | str:
    """Return the pace that a command line, variables and a settings file ask for, or what is wrong with them."""
    found: list[Pace | str] = []
    app = typer.Typer(context_settings={"auto_envvar_prefix": "CSTAR"})

    @app.command()
    def listen(context: typer.Context, timeout: float = 10, concurrency: int = 32, debug_wait: bool = False) -> None:
        try:
            found.append(pace_of(context, timeout, concurrency, debug_wait=debug_wait))
        except UsageError as error:
            found.append(str(error))

    CliRunner().invoke(app, arguments, env=env, default_map=settings)
    [only] = found
    return only


def test_as_many_as_asked_for_go_at_once_each_with_its_timeout() -> None:
    assert pace() == Pace(10.0, 32)
    assert pace("--timeout", "3", "--concurrency", "2") == Pace(3.0, 2)


def test_a_breakpoint_has_all_the_time_and_one_event() -> None:
    assert pace("--debug-wait") == pace("--debug-wait", "--concurrency", "1") == Pace(None, 1)


def test_what_goes_against_it_on_the_command_line_is_refused() -> None:
    assert "leave out --timeout" in str(pace("--debug-wait", "--timeout", "10"))
    assert "leave out --concurrency" in str(pace("--debug-wait", "--concurrency", "2"))


def test_what_settings_and_variables_say_gives_way_to_it() -> None:
    usual: Settings = {"timeout": 5.0, "concurrency": 8}
    assert pace(settings=usual) == Pace(5.0, 8)
    assert pace("--debug-wait", settings=usual) == Pace(None, 1)
    assert pace("--debug-wait", env={"CSTAR_TIMEOUT": "5", "CSTAR_CONCURRENCY": "8"}) == Pace(None, 1)


def test_a_route_says_how_it_is_forwarded_along_but_at_a_breakpoint() -> None:
    assert Pace(10.0, 32).for_route("a", None, None) == Pace(10.0, 32)
    assert Pace(10.0, 32).for_route("a", 2.5, None) == Pace(2.5, 32)
    assert Pace(10.0, 32).for_route("a", None, 1) == Pace(10.0, 1)
    assert Pace(None, 1).for_route("a", 2.5, 8) == Pace(None, 1)
