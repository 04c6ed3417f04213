"""`cstar login`, `logout`, `whoami`, and the profile that the other commands take."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.processes import Env, RunCstar, free_port

KEY = "sk_live_" + "k" * 43
HINT = "sk_live_kkkk…kkkk"
WHO = {"teamId": "team-1", "keyId": "key_1", "name": "laptop", "readOnly": False}
MEANWHILE = {"requestId": "req_1", "timestamp": "2025-12-10T14:30:00Z"}


@pytest.fixture
def cloud() -> Iterator[HTTPServer]:
    """A cloud that knows one key, and nothing but whose it is."""
    with HTTPServer() as server:
        server.expect_request("/api/v1/whoami", headers={"Authorization": f"Bearer {KEY}"}).respond_with_json(
            {"success": True, "data": WHO, "meta": MEANWHILE}
        )
        refusal = {"type": "authentication_error", "code": "authentication_required", "message": "No."}
        server.expect_request("/api/v1/whoami").respond_with_json(
            {"success": False, "error": refusal, "meta": MEANWHILE}, status=401
        )
        yield server


@pytest.fixture
def away(home: Env) -> dict[str, str]:
    """The environment without an address of its own: the profile's holds."""
    return {name: value for name, value in home.items() if name != "CSTAR_API_BASE"}


def base_of(cloud: HTTPServer) -> str:
    return f"http://127.0.0.1:{cloud.port}"


def asked(cloud: HTTPServer) -> list[str]:
    return [f"{request.path} {request.headers.get('Authorization')}" for request, _ in cloud.log]


def profile(home: Env, name: str = "default") -> dict[str, object]:
    path = Path(home["CSTAR_HOME"]) / "profiles" / f"{name}.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def one_clear_line(stderr: str) -> str:
    """Return the last line, which must be the only one that tells of the error, and without the key."""
    assert "Traceback" not in stderr
    assert KEY not in stderr
    told = [line for line in stderr.splitlines() if line.startswith(("cstar: ", "Error: "))]
    assert stderr.splitlines()[-1:] == told
    return told[0]


def test_a_key_is_checked_kept_and_not_shown(cstar: RunCstar, cloud: HTTPServer, home: Env) -> None:
    base = base_of(cloud)
    done = cstar("login", "--api-base", base, "--api-key", KEY)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (f"Logged in to {base} as laptop ({HINT}), read and write.\nTeam team-1, profile default\n")
    assert asked(cloud) == [f"/api/v1/whoami Bearer {KEY}"]
    assert profile(home)["login"] == {"api_base": base, "team_id": "team-1", "api_key": KEY}


def test_a_key_may_come_on_standard_input_or_in_the_environment(cstar: RunCstar, cloud: HTTPServer, away: Env) -> None:
    login = ("login", "--api-base", base_of(cloud))
    assert cstar(*login, "--api-key", "-", stdin=f"  {KEY}\nmore\n").returncode == 0
    assert cstar(*login, env={**away, "CSTAR_API_KEY": KEY}).returncode == 0
    assert (
        cstar("login", env={**away, "CSTAR_API_KEY": "-", "CSTAR_API_BASE": base_of(cloud)}, stdin=KEY).returncode == 0
    )


def test_logged_in_all_commands_use_that_cloud(cstar: RunCstar, cloud: HTTPServer, away: Env) -> None:
    cstar("--profile", "work", "login", "--api-base", base_of(cloud), "--api-key", KEY, env=away)
    done = cstar("whoami", env={**away, "CSTAR_PROFILE": "work"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Profile  work",
        f"Cloud    {base_of(cloud)}",
        "Team     team-1",
        f"Key      laptop ({HINT}), read and write",
    ]
    cstar("--profile", "work", "cloud", "status", env=away)
    assert asked(cloud)[-1] == f"/api/v1/teams/team-1/health Bearer {KEY}"


def test_whoami_as_json_is_one_object(cstar: RunCstar, cloud: HTTPServer, away: Env) -> None:
    cstar("login", "--api-base", base_of(cloud), "--api-key", KEY, env=away)
    [line] = cstar("whoami", "--json", env=away).stdout.splitlines()
    assert json.loads(line) == {"profile": "default", "apiBase": base_of(cloud), "wire": None, **WHO, "hint": HINT}


def test_a_wire_version_that_a_login_names_is_what_its_profiles_commands_want(
    cstar: RunCstar, cloud: HTTPServer, away: Env
) -> None:
    cstar("login", "--api-base", base_of(cloud), "--api-key", KEY, "--wire", "2026-03", env=away)
    assert "Wire     2026-03" in cstar("whoami", env=away).stdout
    refused = cstar("login", "--api-base", base_of(cloud), "--api-key", KEY, "--wire", "2026", env=away)
    assert (refused.returncode, "take 2025-12 or 2026-03" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (("--api-key", "sk_live_wrong"), "", 4, "refuses the key"),
        (("--api-key", KEY, "--team", "team-2"), "", 4, "The key is of the team team-1, not of team-2"),
        ((), "", 2, "Which API key?"),
        (("--api-key", "-"), "\n", 2, "is empty or holds stray characters"),
        (("--api-key", ""), "", 2, "is empty or holds stray characters"),
        (("--api-key", f"{KEY} {KEY}"), "", 2, "is empty or holds stray characters"),
        (("--api-key", KEY + "é"), "", 2, "is empty or holds stray characters"),
    ],
)
def test_what_is_not_the_clouds_key_is_refused_and_not_kept(
    cstar: RunCstar, cloud: HTTPServer, home: Env, arguments: tuple[str, ...], stdin: str, code: int, said: str
) -> None:
    done = cstar("login", "--api-base", base_of(cloud), *arguments, stdin=stdin)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in one_clear_line(done.stderr)
    assert "login" not in profile(home)


def test_without_a_cloud_it_exits_3(cstar: RunCstar) -> None:
    done = cstar("login", "--api-base", f"http://127.0.0.1:{free_port()}", "--api-key", KEY)
    assert (done.returncode, done.stdout) == (3, "")
    one_clear_line(done.stderr)


def test_a_key_goes_to_no_other_machine_unencrypted(cstar: RunCstar) -> None:
    done = cstar("login", "--api-base", "http://cloud.invalid", "--api-key", KEY)
    assert done.returncode == 2
    assert "use https://, or allow it with --insecure-http" in one_clear_line(done.stderr)
    assert cstar("login", "--api-base", "http://cloud.invalid", "--api-key", KEY, "--insecure-http").returncode == 3


def test_a_logins_key_is_not_sent_where_a_project_points(
    cstar: RunCstar, cloud: HTTPServer, away: Env, tmp_path: Path
) -> None:
    cstar("login", "--api-base", base_of(cloud), "--api-key", KEY, env=away)
    with HTTPServer() as evil:
        (tmp_path / "cstar.toml").write_text(f'api_base = "http://127.0.0.1:{evil.port}"\n')
        cstar("whoami", env=away)
        assert [line for line in asked(evil) if KEY in line] == []
    (tmp_path / "cstar.toml").write_text('api_base = "https://evil.invalid"\n')
    done = cstar("whoami", env=away)
    assert done.returncode == 4
    assert "has no key for it" in one_clear_line(done.stderr)


def test_listen_never_becomes_the_cloud_that_it_is_logged_in_to(
    cstar: RunCstar, cloud: HTTPServer, away: Env, home: Env
) -> None:
    with HTTPServer() as gone:
        gone.expect_request("/api/v1/whoami").respond_with_json({"success": True, "data": WHO, "meta": MEANWHILE})
        cstar("login", "--api-base", base_of(gone), "--api-key", KEY, env=away)
    done = cstar("listen", env=away)
    assert (done.returncode, done.stdout) == (3, "")
    one_clear_line(done.stderr)
    assert not (Path(home["CSTAR_HOME"]) / "cloud" / "cstar.db").exists()


def test_logging_out_forgets_key_and_cloud(cstar: RunCstar, cloud: HTTPServer, home: Env) -> None:
    cstar("login", "--api-base", base_of(cloud), "--api-key", KEY)
    secret = profile(home)["signing_secret"]
    done = cstar("logout")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Logged out of {base_of(cloud)} (profile default).")
    assert (profile(home)["signing_secret"], "login" in profile(home)) == (secret, False)


@pytest.mark.parametrize("name", ["default", "unknown"])
def test_who_is_logged_in_nowhere_may_log_out_all_the_same(cstar: RunCstar, name: str) -> None:
    done = cstar("--profile", name, "logout")
    assert (done.returncode, done.stdout) == (0, f"The profile {name} is logged in nowhere.\n")


def test_an_unknown_profile_is_refused_with_those_that_there_are(cstar: RunCstar) -> None:
    done = cstar("--profile", "wrok", "whoami")
    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no profile 'wrok' yet" in one_clear_line(done.stderr)


def test_a_printed_event_is_of_the_team_of_the_login(cstar: RunCstar, cloud: HTTPServer, away: Env) -> None:
    cstar("login", "--api-base", base_of(cloud), "--api-key", KEY, env=away)
    assert json.loads(cstar("trigger", "ticket.created", "--print", env=away).stdout)["team_id"] == "team-1"
