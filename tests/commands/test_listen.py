"""`cstar listen`: what its options, the environment and the settings files mean, and what it refuses."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import Env, RunCstar, StartListening, free_port
from tests.receiver import Answer, StartReceiver

Settings = Callable[[str], None]


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    """Write the project's cstar.toml."""

    def write(text: str) -> None:
        (tmp_path / "cstar.toml").write_text(text)

    return write


@pytest.fixture
def user(tmp_path: Path) -> Settings:
    """Write the user's config.toml."""

    def write(text: str) -> None:
        (tmp_path / "cstar").mkdir(exist_ok=True)
        (tmp_path / "cstar" / "config.toml").write_text(text)

    return write


def one_clear_line(stderr: str) -> str:
    """Return the last line, which must be the only one that tells of the error."""
    assert "Traceback" not in stderr
    told = [line for line in stderr.splitlines() if line.startswith(("cstar: ", "Error: "))]
    assert stderr.splitlines()[-1:] == told
    return told[0]


def test_the_options_say_where_to_what_and_how(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar
) -> None:
    app = receiver()
    ready = listening(
        *("-f", f"127.0.0.1:{app.port}/hook?a=1"),
        *("-e", "ticket.*,!ticket.updated", "-e", "boss.spawned"),
        *("-H", " Host:   app.test", "-H", "X-Empty:", "-H", "Connection: close"),
        *("--secret", "whsec_mine"),
    ).ready
    assert ready["forward_to"] == f"http://127.0.0.1:{app.port}/hook?a=1"
    assert ready["secret"] == "whsec_mine"
    for event_type in ("ticket.updated", "customer.created", "boss.spawned"):
        cstar("trigger", event_type)
    [request] = app.wait_for(1)
    assert request.path == "/hook?a=1"
    assert request.headers["host"] == "app.test"
    assert request.headers["x-empty"] == ""
    assert request.headers["x-cstar-event"] == "boss.spawned"
    assert request.headers.get("connection") != "close"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-f", ""), "--forward-to is empty"),
        (("-f", "65536"), "1 to 65535"),
        (("-f", "http:/x"), "'http:/x' is not a URL"),
        (("-f", "a b"), "is not a host name"),
        (("-e", "a b"), "'a b' is not an event filter"),
        (("-H", "foo"), "'foo' is not a header: write it as 'Name: value'."),
        (("-H", ":"), "':' is not a header"),
        (("-H", "X-Cstar-Event: mine"), "X-Cstar-Event is set by cstar"),
        (("-H", "A: b\nc"), "The value of the header A holds a character that can't be sent."),
        (("--secret", ""), "--secret is empty"),
        (("--secret-env", "A-B"), "'A-B' is not a variable's name"),
        (("--secret", "it's", "--env-file", ".env"), "not all readers of env files take alike"),
        (("--secret", "a\nb"), "holds stray characters"),
        (("--secret", " a"), "holds stray characters"),
        (("--timeout", "0"), "--timeout"),
        (("--timeout", "x"), "--timeout"),
        (("--timeout", "nan"), "--timeout nan is not a number of seconds up to 86400."),
        (("--timeout", "inf"), "--timeout inf is not a number of seconds up to 86400."),
        (("--retry-speed", "0.5"), "--retry-speed"),
        (("--retry-speed", "3601"), "--retry-speed"),
        (("--retry-speed", "nan"), "--retry-speed nan is not a number from 1 to 3600."),
        (("--concurrency", "0"), "--concurrency"),
        (("--concurrency", "513"), "--concurrency"),
        (("--debug-wait", "--timeout", "60"), "--debug-wait has no timeout: leave out --timeout, or --debug-wait."),
        (("--debug-wait", "--concurrency", "2"), "--debug-wait has one event in flight: leave out --concurrency"),
        (("--on-down", "wait"), "--on-down"),
        (("--max", "0"), "--max"),
        (("--once", "--max", "2"), "--once and --max 2 go against each other"),
        (("--for", "soon"), "--for: 'soon' is not a duration"),
        (("-f", "unix:"), "--forward-to names no socket"),
        (("--cacert", "nowhere.pem"), "--cacert nowhere.pem can't be read: No such file or directory."),
        (("--cacert", "/dev/null"), "--cacert /dev/null is empty"),
        (("--api-base", "nowhere"), "'nowhere' is not a cloud's address"),
        (("surplus",), "surplus"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_makes_no_sense_exits_2_with_one_clear_line(
    cstar: RunCstar, arguments: tuple[str, ...], said: str
) -> None:
    done = cstar("listen", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in one_clear_line(done.stderr)


def test_a_secret_that_is_no_text_is_refused(cstar: RunCstar) -> None:
    done = cstar("listen", "--secret", b"\xff".decode("utf-8", "surrogateescape"))
    assert done.returncode == 2
    assert "holds stray characters" in one_clear_line(done.stderr)


def test_the_secret_is_printed_alone_and_stays_the_same(cstar: RunCstar) -> None:
    first, second = cstar("listen", "--print-secret"), cstar("listen", "--print-secret")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == second.stdout
    assert first.stdout.startswith("whsec_")
    assert first.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "variable", "printed"),
    [
        (("--secret", "whsec_flag"), "whsec_env", "whsec_flag\n"),
        ((), "whsec_env", "whsec_env\n"),
    ],
)
def test_a_secret_that_is_given_goes_before_the_environments_and_that_before_the_profiles(
    cstar: RunCstar, home: Env, arguments: tuple[str, ...], variable: str, printed: str
) -> None:
    done = cstar("listen", "--print-secret", *arguments, env={**home, "CSTAR_SECRET": variable})
    assert done.stdout == printed


def test_an_empty_secret_in_the_environment_is_none(cstar: RunCstar, home: Env) -> None:
    done = cstar("listen", "--print-secret", env={**home, "CSTAR_SECRET": ""})
    assert done.stdout.startswith("whsec_")


def test_an_empty_secret_is_refused_rather_than_printed(cstar: RunCstar) -> None:
    done = cstar("listen", "--print-secret", "--secret", "")
    assert (done.returncode, done.stdout) == (2, "")


def test_a_filter_that_no_known_type_passes_warns_with_near_misses(
    listening: StartListening, receiver: StartReceiver
) -> None:
    listener = listening("-f", receiver().url, "-e", "tikcet.*")
    listener.await_stderr("No known event type matches tikcet.*. Did you mean ticket.*?\n")


def test_the_projects_settings_go_before_the_users(
    listening: StartListening, receiver: StartReceiver, project: Settings, user: Settings
) -> None:
    app = receiver()
    user('[listen]\nforward_to = "http://127.0.0.1:9/user"\nsecret = "whsec_user"\n')
    project(f'[listen]\nforward_to = "{app.url}"\nevents = ["ticket.*"]\n')
    ready = listening().ready
    assert (ready["forward_to"], ready["secret"]) == (app.url, "whsec_user")


def test_flags_and_environment_go_before_the_settings(
    listening: StartListening, home: Env, receiver: StartReceiver, project: Settings
) -> None:
    app = receiver()
    project('api_base = "http://127.0.0.1:1"\n[listen]\nforward_to = "http://127.0.0.1:9/"\n')
    ready = listening("-f", app.url).ready
    assert (ready["forward_to"], ready["cloud"]) == (app.url, home["CSTAR_API_BASE"])


def test_a_setting_at_the_top_is_for_every_command(cstar: RunCstar, home: Env, project: Settings) -> None:
    base = home["CSTAR_API_BASE"]
    project(f'api_base = "{base}"\n')
    done = cstar("cloud", "status", env={name: value for name, value in home.items() if name != "CSTAR_API_BASE"})
    assert done.returncode == 3
    assert base in done.stderr


def test_the_version_is_told_whatever_the_files_say(project: Settings, cstar: RunCstar) -> None:
    project("this is no TOML")
    assert cstar("--version").returncode == 0
    assert cstar("listen").returncode == 2


def test_a_key_may_be_written_like_its_option(
    project: Settings, listening: StartListening, receiver: StartReceiver
) -> None:
    url = receiver().url
    project(f'[listen]\nforward-to = "{url}"\n')
    assert listening().ready["forward_to"] == url


def test_a_list_of_one_may_be_written_plainly(
    project: Settings, listening: StartListening, receiver: StartReceiver, cstar: RunCstar
) -> None:
    project('[listen]\nheader = "X-Stage: test"\n')
    app = receiver()
    listening("-f", app.url)
    cstar("trigger", "ticket.created")
    assert app.wait_for(1)[0].headers["x-stage"] == "test"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('timeout = "x"', "--timeout"),
        ("concurrency = 0", "--concurrency"),
        ("timeout = [1]", "cstar.toml:2:1: 'timeout' in [listen] must be one value"),
        (
            'forwrd_to = "3000"',
            "cstar.toml:2:1: Unknown key 'forwrd_to' in [listen]. Did you mean 'forward_to'? Valid are: api_base,",
        ),
        ('context = "x"', "Unknown key 'context' in [listen]"),
        ('json = "maybe"', "--json"),
        ('forward_to = ""', "--forward-to is empty"),
        ("timeout = nan", "--timeout nan"),
        ('secret = ""', "--secret is empty"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_refused_by_its_name(
    cstar: RunCstar, project: Settings, settings: str, said: str
) -> None:
    project(f"[listen]\n{settings}\n")
    done = cstar("listen")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in one_clear_line(done.stderr)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("[lisen]\ntimeout = 1\n", "cstar.toml:1:1: Unknown table [lisen]. Did you mean 'listen'?"),
        ("timeout = \n", "cstar.toml:1:11: Invalid value"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    cstar: RunCstar, project: Settings, settings: str, said: str
) -> None:
    project(settings)
    done = cstar("listen")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in one_clear_line(done.stderr)


def test_help_that_an_application_is_asked_for_is_not_ours(cstar: RunCstar, project: Settings) -> None:
    project("[listen]\nforward = 1\n")
    done = cstar("listen", "--", "npm", "--help")
    assert done.returncode == 2
    assert "Unknown key 'forward'" in done.stderr
    assert "Usage: cstar listen" in cstar("listen", "--help").stdout


def test_an_env_file_gets_the_secret_that_events_are_signed_with(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("PORT=3000\nCSTAR_WEBHOOK_SECRET=mine\n")
    listener = listening("-f", receiver().url, "--env-file", ".env")
    assert (tmp_path / ".env").read_text() == f"PORT=3000\nCSTAR_WEBHOOK_SECRET={listener.ready['secret']}\n"
    assert listener.stderr == "Wrote CSTAR_WEBHOOK_SECRET to .env.\n"
    doctor = cstar("doctor", "--json").stdout
    assert '"secret","status":"ok"' in doctor


def test_a_second_cloud_of_the_same_home_is_not_started_and_the_first_is_named(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver, home: Env
) -> None:
    listener = listening("-f", receiver().url)
    done = cstar("listen", "--api-base", f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    said = one_clear_line(done.stderr)
    assert f"(pid {listener.pid}) runs on {home['CSTAR_API_BASE']}" in said
    assert f"--api-base {home['CSTAR_API_BASE']}, or set CSTAR_HOME to another folder." in said


def test_an_address_without_a_cloud_where_none_can_be_started_exits_3(cstar: RunCstar) -> None:
    done = cstar("listen", "--api-base", f"http://127.0.0.2:{free_port()}")
    assert (done.returncode, done.stdout) == (3, "")
    assert "Check the address, or leave out --api-base." in one_clear_line(done.stderr)


def test_quiet_shows_failures_alone(listening: StartListening, receiver: StartReceiver, cstar: RunCstar) -> None:
    app = receiver()
    listener = listening("-f", app.url, "--quiet")
    cstar("trigger", "ticket.created", "--wait")
    app.answer = Answer(500)
    cstar("trigger", "ticket.closed", "--wait")
    assert listener.next()["event_type"] == "ticket.closed"


def test_what_one_url_gets_is_counted_and_not_what_several_routes_get(cstar: RunCstar, project: Settings) -> None:
    project('[[routes]]\nforward_to = "3000"\n')
    done = cstar("listen", "--once")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--once and --max count what one URL gets: name it with --forward-to." in one_clear_line(done.stderr)
