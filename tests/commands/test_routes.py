"""`[[routes]]` in the settings files: what `cstar routes`, `config`, `doctor` and `listen` make of them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import Env, RunCstar, free_port
from tests.receiver import StartReceiver

TWO = """\
[[routes]]
name = "billing"
forward_to = "4000/hook"
events = ["customer.*", "!customer.updated"]
headers = { Authorization = "Bearer hidden" }
secret_env = "BILLING_SECRET"
timeout = 3

[[routes]]
forward_to = "5000/all"
secret = "whsec_hidden"
"""
Project = Callable[[str], Path]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Write the project's cstar.toml."""

    def write(text: str) -> Path:
        file = tmp_path / "cstar.toml"
        file.write_text(text)
        return file

    return write


def test_the_list_says_what_each_is_and_no_secret(cstar: RunCstar, project: Project, home: Env) -> None:
    project(TWO)
    assert cstar("routes", "list").stdout.splitlines() == [
        "billing\tcustomer.*, !customer.updated\thttp://localhost:4000/hook\tBILLING_SECRET (not set)",
        ":5000/all\t*\thttp://localhost:5000/all\tits own",
    ]
    shown = cstar("routes", "list", "--json", env={**home, "BILLING_SECRET": "whsec_hidden"}).stdout
    first, second = map(json.loads, shown.splitlines())
    assert first == {
        "name": "billing",
        "forward_to": "http://localhost:4000/hook",
        "events": ["customer.*", "!customer.updated"],
        "headers": ["Authorization"],
        "own_secret": True,
        "secret_env": "BILLING_SECRET",
        "timeout": 3.0,
        "concurrency": None,
        "cacert": None,
        "insecure": None,
        "wire": None,
    }
    assert (second["name"], second["own_secret"], second["secret_env"]) == (":5000/all", True, None)
    assert "hidden" not in shown


@pytest.mark.parametrize(
    ("event_type", "first", "second"),
    [
        ("customer.created", "✓ billing    → http://localhost:4000/hook  (customer.* takes it)", "(* takes it)"),
        ("customer.updated", "- billing    !customer.updated leaves it out", "(* takes it)"),
        ("ticket.created", "- billing    none of customer.*, !customer.updated takes it", "(* takes it)"),
    ],
)
def test_a_dry_run_says_what_goes_where_and_which_pattern_decides(
    cstar: RunCstar, project: Project, event_type: str, first: str, second: str
) -> None:
    project(TWO)
    done = cstar("routes", "test", event_type)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [first, f"✓ :5000/all  → http://localhost:5000/all  {second}"]


def test_a_dry_run_for_programs_has_the_pattern_too(cstar: RunCstar, project: Project) -> None:
    project(TWO)
    lines = [json.loads(line) for line in cstar("routes", "test", "customer.updated", "--json").stdout.splitlines()]
    assert lines == [
        {
            "name": "billing",
            "forward_to": "http://localhost:4000/hook",
            "sent": False,
            "pattern": "!customer.updated",
        },
        {"name": ":5000/all", "forward_to": "http://localhost:5000/all", "sent": True, "pattern": "*"},
    ]


def test_what_goes_nowhere_exits_1_and_a_type_that_is_unknown_is_told(cstar: RunCstar, project: Project) -> None:
    project('[[routes]]\nforward_to = 1\nevents = "boss.*"\n')
    done = cstar("routes", "test", "ticket.craeted")
    assert (done.returncode, done.stdout) == (1, "- :1  boss.* does not take it\n")
    assert "Unknown event type 'ticket.craeted'. Did you mean ticket.created" in done.stderr
    assert cstar("routes", "test", "no type").returncode == 2


def test_without_routes_it_says_how_to_get_some(cstar: RunCstar) -> None:
    for arguments in (("list",), ("test", "ticket.created")):
        done = cstar("routes", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert "cstar init writes" in done.stderr


def test_the_projects_routes_hold_instead_of_the_users(cstar: RunCstar, project: Project, home: Env) -> None:
    users = Path(home["CSTAR_HOME"]) / "config.toml"
    users.parent.mkdir(exist_ok=True)
    users.write_text("[[routes]]\nforward_to = 1\n")
    assert cstar("routes", "list").stdout.startswith(":1\t")
    project("[[routes]]\nforward_to = 2\n")
    assert cstar("routes", "list").stdout.startswith(":2\t")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[routes]]\nforward_to = "3000"\nevnts = []\n', ":3:1: unknown key 'evnts'. Did you mean 'events'?"),
        ("[[routes]]\nforward_to = 3000\ntimeout = '5'\n", ":3:11: timeout: it must be a number of seconds"),
        ("[[route]]\nforward_to = 3000\n", ":1:1: Unknown tables [[route]]. Did you mean [[routes]]?"),
        ("[route]\nforward_to = 3000\n", ":1:1: Unknown table [route]. Did you mean [[routes]]?"),
        ("[routes]\nforward_to = 3000\n", ":1:1: Routes are tables: begin each with [[routes]], in two brackets."),
        ("[[routes]]\nforward_to = \n", ":2:14: Invalid value."),
        ('[[routes]]\nforward_to = 1\nsecret = "whsec_hidden "\n', ":3:10: secret: the secret is empty or holds stray"),
    ],
)
def test_a_wrong_file_is_told_with_line_and_column_and_no_secret(
    cstar: RunCstar, project: Project, text: str, said: str
) -> None:
    file = project(text)
    done = cstar("listen")
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"cstar: {file}")
    assert said in line
    assert "hidden" not in line


@pytest.mark.parametrize("arguments", [("routes", "list"), ("config", "list")], ids=" ".join)
def test_whoever_lists_the_routes_tells_of_a_wrong_one(
    cstar: RunCstar, project: Project, arguments: tuple[str, ...]
) -> None:
    file = project("[[routes]]\nforward_to = true\n")
    done = cstar(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{file}:2:14: forward_to: it must be" in done.stderr


def test_another_command_does_not_look_into_the_routes(cstar: RunCstar, project: Project) -> None:
    project("[[routes]]\nforward_to = false\n")
    assert cstar("trigger", "ticket.created", "--print").returncode == 0


def test_the_settings_are_listed_without_secrets(cstar: RunCstar, project: Project) -> None:
    file = project(f'[listen]\nsecret = "whsec_hidden"\n{TWO}')
    assert cstar("config", "list").stdout.splitlines() == [
        f"listen.secret\t(hidden)\t{file}",
        f'routes\t["billing", ":5000/all"]\t{file}',
    ]
    assert "whsec_hidden" not in cstar("config", "list", "--json").stdout
    assert "Routes are written in the file itself" in cstar("config", "set", "routes.timeout", "1").stderr


def test_setting_another_key_leaves_the_routes_as_they_are(cstar: RunCstar, project: Project) -> None:
    file = project(TWO)
    assert cstar("config", "set", "--project", "listen.timeout", "4").returncode == 0
    assert file.read_text().startswith(TWO)


def test_the_doctor_looks_at_the_receiver_of_each_route_and_at_their_secrets(
    cstar: RunCstar, project: Project, receiver: StartReceiver, home: Env, tmp_path: Path
) -> None:
    running, silent = receiver().url, f"http://127.0.0.1:{free_port()}/"
    project(
        f'[[routes]]\nname = "app"\nforward_to = "{running}"\nsecret_env = "APP_SECRET"\n'
        f'[[routes]]\nforward_to = "{silent}"\n'
    )
    (tmp_path / ".env").write_text("CSTAR_WEBHOOK_SECRET=whsec_app\n")

    def found(check: str, env: Env) -> list[tuple[str, str]]:
        lines = map(json.loads, cstar("doctor", "--json", env=env).stdout.splitlines())
        return [(each["status"], each["message"]) for each in lines if each["check"] == check]

    with_secret = {**home, "APP_SECRET": "whsec_app"}
    ok, problem = found("receiver", with_secret)
    assert ok == ("ok", f"{running}: its port answers")
    assert problem[0] == "problem"
    assert silent in problem[1]
    assert [status for status, _ in found("secret", with_secret)] == ["ok"]
    assert found("secret", home) == [
        ("problem", "Route app takes its secret from APP_SECRET, which is not set: set it.")
    ]


def test_the_doctor_tells_of_a_wrong_route(cstar: RunCstar, project: Project) -> None:
    project("[[routes]]\nforward_to = true\n")
    done = cstar("doctor")
    assert done.returncode == 1
    assert ":2:14: forward_to: it must be a URL or a port" in done.stdout


def test_a_secret_that_is_missing_is_told_by_route_and_variable(cstar: RunCstar, project: Project) -> None:
    project(TWO)
    done = cstar("listen")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "cstar: Route billing takes its secret from BILLING_SECRET, which is not set: set it.\n"


@pytest.mark.parametrize("given", ["flag", "variable"])
def test_events_are_each_routes_own_to_say(cstar: RunCstar, project: Project, home: Env, given: str) -> None:
    project(TWO)
    flags, variables = (["-e", "ticket.*"], {}) if given == "flag" else ([], {"CSTAR_LISTEN_EVENTS": "ticket.*"})
    done = cstar("listen", *flags, env={**home, **variables})
    assert (done.returncode, done.stdout) == (2, "")
    assert "--events goes with --forward-to" in done.stderr
