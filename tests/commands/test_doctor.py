import json
import re
import socket
import threading
from collections.abc import Iterator
from email.utils import format_datetime, formatdate, parsedate_to_datetime
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from cstar_cli import config
from cstar_cli.commands.checks import Finding, Scene
from cstar_cli.commands.doctor import examined as bounded
from tests.processes import Env, RunCstar, StartListening, free_port
from tests.receiver import StartReceiver
from tests.sender.receivers import CERTIFICATE

Findings = dict[str, dict[str, str | None]]


def examined(cstar: RunCstar, *arguments: str, env: Env | None = None) -> tuple[int, Findings]:
    done = cstar("doctor", "--json", *arguments, env=env)
    assert "Traceback" not in done.stderr
    return done.returncode, {found["check"]: found for found in map(json.loads, done.stdout.splitlines())}


def test_where_all_is_well_it_says_so_and_exits_0(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver, tmp_path: Path
) -> None:
    url = receiver().url
    listening("--forward-to", url)
    (tmp_path / ".env").write_text(
        f"A=1\nexport CSTAR_WEBHOOK_SECRET='{cstar('listen', '--print-secret').stdout.strip()}'\n"
    )
    code, found = examined(cstar, "-f", url)
    assert code == 0, found
    assert {check: each["status"] for check, each in found.items()} == dict.fromkeys(
        ["settings", "permissions", "cloud", "clock", "database", "port", "receiver", "secret"], "ok"
    )


def test_before_anything_runs_only_the_receiver_is_missing(cstar: RunCstar) -> None:
    code, found = examined(cstar, "-f", str(free_port()))
    assert code == 1
    assert [check for check, each in found.items() if each["status"] == "problem"] == ["receiver"]
    assert "is the server running?" in str(found["receiver"]["remedy"])


def test_it_looks_where_listen_would_forward_to(cstar: RunCstar, tmp_path: Path) -> None:
    (tmp_path / "cstar.toml").write_text('[listen]\nforward_to = "http://127.0.0.1:1/x"\n')
    assert "http://127.0.0.1:1/x" in str(examined(cstar)[1]["receiver"]["message"])


def test_it_looks_where_a_connected_listener_forwards_to(
    cstar: RunCstar, listening: StartListening, receiver: StartReceiver
) -> None:
    url = receiver().url
    listening("--forward-to", url)
    found = examined(cstar)[1]["receiver"]
    assert (found["status"], found["message"]) == ("ok", f"{url}: its port answers")


@pytest.fixture
def only_on_ipv6() -> Iterator[int]:
    with socket.socket(socket.AF_INET6) as server:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.bind(("::1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_receiver_on_another_address_of_this_machine_is_found(cstar: RunCstar, only_on_ipv6: int) -> None:
    _, found = examined(cstar, "-f", f"http://127.0.0.1:{only_on_ipv6}/hook")
    assert f"http://[::1]:{only_on_ipv6}" in str(found["receiver"]["remedy"])


def test_a_receiver_is_reached_over_tls_as_listen_would(
    cstar: RunCstar, receiver: StartReceiver, tmp_path: Path
) -> None:
    url = receiver(certificate=CERTIFICATE).url.replace("127.0.0.1", "localhost")
    _, found = examined(cstar, "-f", url)
    assert "trust that with --cacert FILE" in str(found["receiver"]["remedy"])
    (tmp_path / "cstar.toml").write_text(f'[listen]\nforward_to = "{url}"\ncacert = "{CERTIFICATE}"\n')
    assert examined(cstar)[1]["receiver"]["status"] == "ok"


def test_a_socket_that_is_missing_is_a_problem(cstar: RunCstar, tmp_path: Path) -> None:
    _, found = examined(cstar, "-f", "unix:app.sock:/hook")
    assert f"there is no socket {tmp_path}/app.sock" in str(found["receiver"]["message"])


def test_what_others_can_read_is_named_with_the_command_that_closes_it(cstar: RunCstar, home: Env) -> None:
    cstar("listen", "--print-secret")
    profile = Path(home["CSTAR_HOME"]) / "profiles" / "default.json"
    profile.chmod(0o644)
    code, found = examined(cstar)
    assert code == 1
    assert found["permissions"]["remedy"] == f"chmod 600 '{profile}'"


def test_another_secret_in_the_env_file_is_told_without_showing_either(cstar: RunCstar, tmp_path: Path) -> None:
    (tmp_path / "app.env").write_text("CSTAR_WEBHOOK_SECRET=whsec_of_another\n")
    _, found = examined(cstar, "--env-file", "app.env")
    assert found["secret"]["status"] == "problem"
    assert found["secret"]["remedy"] == "cstar listen --env-file app.env writes it there."
    assert "whsec_of_another" not in json.dumps(found)


def test_a_home_that_is_a_file_is_no_place_for_the_database(cstar: RunCstar, home: Env, tmp_path: Path) -> None:
    file = tmp_path / "a-file"
    file.touch()
    _, found = examined(cstar, env={**home, "CSTAR_HOME": str(file)})
    assert (found["database"]["status"], found["database"]["message"]) == ("problem", f"{file} is a file")
    assert found["permissions"]["message"] == f"{file} is no folder"  # which chmod 600 doesn't make it


def test_two_secrets_in_one_env_file_are_a_problem(cstar: RunCstar, tmp_path: Path) -> None:
    right = cstar("listen", "--print-secret").stdout.strip()
    (tmp_path / ".env").write_text(f"CSTAR_WEBHOOK_SECRET=whsec_of_another\nCSTAR_WEBHOOK_SECRET={right}\n")
    assert examined(cstar)[1]["secret"]["status"] == "problem"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[listen]\nforward = 1\n", "2:1: Unknown key 'forward' in [listen]."),
        ("[listen\n", "1:8: "),
        ('[[routes]]\nname = "a"\nforward_to = "3000"\ntimeout = "long"\n', "4:11: "),
    ],
)
def test_what_is_wrong_with_the_settings_is_a_problem_and_no_end(
    text: str, place: str, cstar: RunCstar, tmp_path: Path
) -> None:
    (tmp_path / "cstar.toml").write_text(text)
    code, found = examined(cstar)
    assert code == 1
    told = str(found["settings"]["message"])
    assert told.startswith(f"{tmp_path}/cstar.toml:{place}"), told
    assert f"cstar: {told}\n" == cstar("routes", "list").stderr
    assert {check: each["status"] for check, each in found.items()} == {
        "settings": "problem",
        **dict.fromkeys(["permissions", "cloud", "database", "port"], "ok"),
        **dict.fromkeys(["clock", "receiver", "secret"], "skipped"),
    }


def test_without_its_settings_it_goes_by_the_login_and_by_what_is_given(
    cstar: RunCstar, home: Env, tmp_path: Path
) -> None:
    cstar("listen", "--print-secret")
    profile = Path(home["CSTAR_HOME"]) / "profiles" / "default.json"
    login = {"api_base": "https://cloud.invalid", "team_id": "t", "api_key": "sk_test_1"}
    profile.write_text(json.dumps(json.loads(profile.read_text()) | {"login": login}))
    (tmp_path / "cstar.toml").write_text("forward_to = 1\n")
    env = {name: value for name, value in home.items() if name != "CSTAR_API_BASE"}
    code, found = examined(cstar, "-f", str(free_port()), env=env)
    assert code == 1
    assert "cloud.invalid" in str(found["cloud"]["message"])
    assert found["receiver"]["status"] == "problem"


def test_another_program_on_the_clouds_port_is_named_with_a_way_out(cstar: RunCstar, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/health").respond_with_data("well", headers={"Date": formatdate(usegmt=True)})
    base = httpserver.url_for("").rstrip("/")
    _, found = examined(cstar, "--api-base", base)
    assert found["port"]["status"] == found["cloud"]["status"] == "problem"
    assert "cstar config set api_base" in str(found["port"]["remedy"])
    assert found["clock"]["message"] == "no cloud tells the time"


def test_a_port_that_the_environment_names_is_changed_there(cstar: RunCstar, home: Env, httpserver: HTTPServer) -> None:
    base = httpserver.url_for("").rstrip("/")
    _, found = examined(cstar, env={**home, "CSTAR_API_BASE": base})
    other = f"http://127.0.0.1:{httpserver.port + 1}"
    assert found["port"]["remedy"] == f"Let the cloud have another: CSTAR_API_BASE={other}"


def test_a_cloud_that_refuses_the_key_has_its_port(cstar: RunCstar, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/health").respond_with_json({"status": "ok", "version": "1"})
    httpserver.expect_request(re.compile("/api/.*")).respond_with_data("", status=401)
    _, found = examined(cstar, "--api-base", httpserver.url_for("").rstrip("/"))
    assert found["cloud"]["status"] == "problem"
    assert found["port"]["status"] == "ok"


def test_a_clock_that_is_wrong_is_told_by_how_much(cstar: RunCstar, httpserver: HTTPServer) -> None:
    past = format_datetime(parsedate_to_datetime("Thu, 01 Jan 2026 00:00:00 GMT"))
    health = Response('{"status": "ok", "version": "1"}', headers={"Date": past})
    httpserver.expect_request("/health").respond_with_response(health)
    _, found = examined(cstar, "--api-base", httpserver.url_for("").rstrip("/"))
    assert found["clock"]["status"] == "problem"
    assert "ahead of the cloud's" in str(found["clock"]["message"])


def test_a_cloud_without_a_key_for_it_is_a_problem_that_says_how_to_get_one(cstar: RunCstar) -> None:
    _, found = examined(cstar, "--api-base", "https://cloud.invalid")
    assert "cstar login --api-base https://cloud.invalid" in str(found["cloud"]["message"])
    assert found["clock"]["status"] == found["database"]["status"] == "skipped"


def test_for_people_it_is_a_line_each_with_the_remedy_below(cstar: RunCstar, home: Env) -> None:
    done = cstar("doctor", "-f", "1", env={**home, "NO_COLOR": "1"})
    assert "✗ receiver     http://localhost:1/: connection refused by " in done.stdout
    assert "\n               Nothing answers on 127.0.0.1:1 or [::1]:1" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_check_that_hangs_keeps_what_it_found_and_says_what_to_do(tmp_path: Path) -> None:
    never = threading.Event()

    def hangs(_: Scene) -> Iterator[Finding]:
        yield Finding("cloud", "ok", "so far")
        never.wait()

    home = config.home({"CSTAR_HOME": str(tmp_path)})
    scene = Scene(home, config.DEFAULT_API_BASE, None, insecure=False, cacert=None, env_file=tmp_path / ".env")
    so_far, silent = bounded("cloud", hangs, scene, 0.2)
    never.set()
    assert so_far.status == "ok"
    assert (silent.status, silent.message) == ("problem", "no answer in 0.2 s")
    assert "may be frozen" in str(silent.remedy)
