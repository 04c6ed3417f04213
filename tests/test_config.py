import json
import os
import re
import stat
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cstar_cli.config import Credentials, Home, api_base, credentials, file_settings, home, is_local
from cstar_cli.errors import CstarError, NotAllowed, UsageError
from cstar_cli.profiles import Login, Profile

PRINT_BOTH = "import os; from cstar_cli.config import home; h = home(os.environ); print(h.token(), h.profile())"


@pytest.fixture
def own(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


# where it all lives


def test_a_home_has_a_machines_name_of_its_own_that_stays_and_is_for_nobody_elses_eyes(tmp_path: Path) -> None:
    first, second = Home(tmp_path / "a"), Home(tmp_path / "b")
    assert first.machine() == first.machine() != second.machine()
    assert (tmp_path / "a" / "machine").stat().st_mode & 0o777 == 0o600


def test_cstar_home_names_the_home() -> None:
    assert home({"CSTAR_HOME": "/somewhere"}).path == Path("/somewhere")


@pytest.mark.parametrize("env", [{}, {"CSTAR_HOME": ""}])
def test_the_home_is_in_the_users_folder_otherwise(env: dict[str, str]) -> None:
    assert home(env).path == Path.home() / ".cstar"


def test_a_relative_home_is_made_absolute() -> None:
    assert home({"CSTAR_HOME": "there"}).path == Path.cwd() / "there"


def test_a_tilde_is_the_users_folder() -> None:
    assert home({"CSTAR_HOME": "~/there"}).path == Path.home() / "there"


def test_a_tilde_of_nobody_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(CstarError, match="set CSTAR_HOME"):
        home({"CSTAR_HOME": "~nobody-of-that-name/there"})


def test_the_clouds_files_are_in_a_folder_of_their_own(own: Home) -> None:
    assert (own.cloud, own.database) == (own.path / "cloud", own.path / "cloud" / "cstar.db")


# the token and the profile


def test_the_token_is_made_once(own: Home) -> None:
    token = own.token()
    assert re.fullmatch(r"sk_test_[\w-]{43}", token)
    assert own.token() == token
    assert Home(own.path).token() == token


def test_the_profile_is_made_once(own: Home) -> None:
    profile = own.profile()
    assert str(uuid.UUID(profile.team_id)) == profile.team_id
    assert re.fullmatch(r"whsec_[\w-]+", profile.signing_secret)
    assert own.profile() == profile


def test_a_profile_of_ones_own_is_taken_as_it_is(own: Home) -> None:
    write(own.path / "profiles" / "default.json", '{"signing_secret":"whsec_mine","team_id":"team-1","more":1}')
    assert own.profile() == Profile("team-1", "whsec_mine")


def test_a_token_of_ones_own_may_end_in_a_newline(own: Home) -> None:
    write(own.path / "cloud" / "token", "sk_test_mine\n")
    assert own.token() == "sk_test_mine"


@pytest.mark.parametrize("text", ["", "\n", "two words", "é", "a\nb", "\x00"])
def test_a_damaged_token_is_an_error_that_says_what_to_do(own: Home, text: str) -> None:
    write(own.path / "cloud" / "token", text)
    with pytest.raises(CstarError, match=rf"{own.path}/cloud/token is damaged: delete it"):
        own.token()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "7",
        "{}",
        '{"team_id":"t"}',
        '{"team_id":null,"signing_secret":"s"}',
        '{"team_id":"","signing_secret":"s"}',
        '{"team_id":"t","signing_secret":7}',
    ],
)
def test_a_damaged_profile_is_an_error_that_says_what_to_do(own: Home, text: str) -> None:
    path = own.path / "profiles" / "default.json"
    write(path, text)
    with pytest.raises(CstarError, match=rf"{path} is damaged \(.+\): mend it, or delete it"):
        own.profile()
    assert path.read_text() == text


def test_a_file_that_is_no_text_is_an_error_that_names_it(own: Home) -> None:
    write(own.path / "cloud" / "token", "")
    (own.path / "cloud" / "token").write_bytes(b"\xff\xfe")
    with pytest.raises(CstarError, match=rf"Can't read {own.path}/cloud/token: line 1 is no text in UTF-8"):
        own.token()


def test_a_folder_in_a_files_place_is_an_error_that_names_it(own: Home) -> None:
    (own.path / "cloud" / "token").mkdir(parents=True)
    with pytest.raises(CstarError, match=rf"Can't read {own.path}/cloud/token: Is a directory"):
        own.token()


def test_a_home_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for ask in (Home(tmp_path / "file").token, Home(tmp_path / "file" / "below").profile):
        with pytest.raises(CstarError, match=rf"Can't (read|write) {tmp_path}/file.*: Not a directory"):
            ask()


def test_many_processes_that_come_first_at_once_agree(tmp_path: Path) -> None:
    env = {**os.environ, "CSTAR_HOME": str(tmp_path / "home")}
    started = [
        subprocess.Popen([sys.executable, "-c", PRINT_BOTH], env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    answers = {process.communicate()[0] for process in started}
    assert len(answers) == 1
    assert answers.pop().startswith("sk_test_")
    assert sorted(path.name for path in (tmp_path / "home").rglob("*")) == [
        "cloud",
        "default.json",
        "profiles",
        "token",
    ]


def test_the_environment_names_the_profile(tmp_path: Path) -> None:
    assert home({"CSTAR_HOME": str(tmp_path), "CSTAR_PROFILE": "work"}).profile_name == "work"
    assert home({"CSTAR_HOME": str(tmp_path), "CSTAR_PROFILE": ""}).profile_name == "default"
    with pytest.raises(UsageError, match="is no name for a profile"):
        home({"CSTAR_PROFILE": "../work"})


# what opens a cloud

LOCAL = "http://127.0.0.1:7827"
THERE = "https://cloud.test"
LOGIN = Login(THERE, "team-1", "sk_live_mine")
OF_THE_ENVIRONMENT = {"CSTAR_TEAM_ID": "team-2", "CSTAR_API_KEY": "sk_live_env"}


def test_the_homes_own_cloud_is_opened_by_its_token(own: Home) -> None:
    assert credentials(LOCAL, {}, own) == Credentials(own.profile().team_id, own.token())


def test_the_cloud_of_the_login_is_opened_by_its_key(own: Home) -> None:
    own.profiles.log_in("default", LOGIN)
    assert credentials(THERE, {}, own) == Credentials("team-1", "sk_live_mine")


def test_the_environments_key_goes_before_both(own: Home) -> None:
    own.profiles.log_in("default", LOGIN)
    for base in (THERE, LOCAL):
        assert credentials(base, OF_THE_ENVIRONMENT, own) == Credentials("team-2", "sk_live_env")


@pytest.mark.parametrize("missing", OF_THE_ENVIRONMENT)
def test_half_of_it_in_the_environment_is_refused_lest_another_key_is_taken(own: Home, missing: str) -> None:
    half = {name: value for name, value in OF_THE_ENVIRONMENT.items() if name != missing}
    for base in (THERE, LOCAL):
        with pytest.raises(UsageError, match=f"is set without {missing}"):
            credentials(base, half, own)


@pytest.mark.parametrize(
    "base", ["https://evil.test", "https://cloud.test:444", "http://cloud.test", "https://cloud.test/x"]
)
def test_a_logins_key_goes_to_no_other_address(own: Home, base: str) -> None:
    own.profiles.log_in("default", LOGIN)
    with pytest.raises(NotAllowed, match=f"'default' has no key for it: log in with cstar login --api-base {base}"):
        credentials(base, {}, own)


def test_this_machines_cloud_is_its_own_whoever_is_logged_in_elsewhere(own: Home) -> None:
    team_id = own.profile().team_id
    own.profiles.log_in("default", LOGIN)
    own.profiles.log_in("work", LOGIN)
    for name in ("default", "work"):
        assert credentials(LOCAL, {}, Home(own.path, name)) == Credentials(team_id, own.token())


# who may read it


@pytest.mark.usefixtures("no_umask")
def test_whatever_the_umask_only_the_owner_gets_in(tmp_path: Path) -> None:
    own = Home(tmp_path / "new" / "home")
    own.token()
    own.profile()
    modes = {str(path.relative_to(tmp_path)): mode(path) for path in (tmp_path / "new").rglob("*")}
    assert mode(tmp_path / "new") == 0o700
    assert modes == {
        "new/home": 0o700,
        "new/home/cloud": 0o700,
        "new/home/cloud/token": 0o600,
        "new/home/profiles": 0o700,
        "new/home/profiles/default.json": 0o600,
    }


# settings in files


def test_without_files_nothing_is_set(tmp_path: Path, own: Home) -> None:
    assert file_settings(tmp_path, own) == {}


def test_the_project_goes_before_the_user(tmp_path: Path, own: Home) -> None:
    write(own.path / "config.toml", 'quiet = true\nforward_to = "3000"\n')
    write(tmp_path / "cstar.toml", 'forward_to = "4000"\n')
    assert file_settings(tmp_path, own) == {"quiet": True, "forward_to": "4000"}


def test_tables_are_merged(tmp_path: Path, own: Home) -> None:
    write(own.path / "config.toml", '[listen]\nquiet = true\nforward_to = "3000"\n[trigger]\ncount = 2\n')
    write(tmp_path / "cstar.toml", '[listen]\nforward_to = "4000"\n')
    assert file_settings(tmp_path, own) == {"listen": {"quiet": True, "forward_to": "4000"}, "trigger": {"count": 2}}


def test_a_value_replaces_a_table_and_a_table_a_value(tmp_path: Path, own: Home) -> None:
    write(own.path / "config.toml", "a = 1\n[b]\nc = 1\n")
    write(tmp_path / "cstar.toml", "b = 2\n[a]\nc = 2\n")
    assert file_settings(tmp_path, own) == {"a": {"c": 2}, "b": 2}


def test_the_project_is_found_upwards_and_the_nearest_counts_alone(tmp_path: Path, own: Home) -> None:
    write(tmp_path / "cstar.toml", "far = true\n")
    write(tmp_path / "a" / "cstar.toml", "near = true\n")
    below = tmp_path / "a" / "b" / "c"
    below.mkdir(parents=True)
    assert file_settings(below, own) == {"near": True}


def test_a_folder_called_cstar_toml_is_no_project(tmp_path: Path, own: Home) -> None:
    (tmp_path / "a" / "cstar.toml").mkdir(parents=True)
    write(tmp_path / "cstar.toml", "far = true\n")
    assert file_settings(tmp_path / "a", own) == {"far": True}


@pytest.mark.parametrize("text", ["=", "a = ", "[a", "a = 1\na = 2", "\ufeff[a"])
def test_damaged_settings_are_an_error_that_names_the_file_and_the_place(tmp_path: Path, own: Home, text: str) -> None:
    write(tmp_path / "cstar.toml", text)
    with pytest.raises(UsageError, match=rf"{tmp_path}/cstar\.toml:\d+:\d+: .+"):
        file_settings(tmp_path, own)
    (tmp_path / "cstar.toml").unlink()
    write(own.path / "config.toml", text)
    with pytest.raises(UsageError, match=rf"{own.path}/config\.toml:\d+:\d+: .+"):
        file_settings(tmp_path, own)


def test_settings_that_are_no_text_are_an_error_that_names_the_file(tmp_path: Path, own: Home) -> None:
    (tmp_path / "cstar.toml").write_bytes(b"\xff")
    with pytest.raises(CstarError, match=rf"Can't read {tmp_path}/cstar\.toml"):
        file_settings(tmp_path, own)


# a cloud's address


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("http://127.0.0.1:7827", "http://127.0.0.1:7827"),
        ("http://127.0.0.1:7827/", "http://127.0.0.1:7827"),
        ("https://www.cstar.help//", "https://www.cstar.help"),
        ("HTTP://LocalHost:7827", "http://localhost:7827"),
        ("http://[::1]:7827", "http://[::1]:7827"),
        ("https://host/Base/", "https://host/Base"),
        ("http://host:/", "http://host"),
        ("http://host?", "http://host"),
        ("http://host#", "http://host"),
    ],
)
def test_an_address_is_brought_into_its_normal_form(given: str, taken: str) -> None:
    assert api_base(given) == taken


@pytest.mark.parametrize(
    "given",
    [
        "",
        "7827",
        "localhost:7827",
        "//localhost",
        "ftp://localhost",
        "ws://localhost",
        "http://",
        "http:///path",
        "http://:7827",
        "http://host:0",
        "http://host:65536",
        "http://host:port",
        "http://[::1",
        "http://host?x=1",
        "http://host#x",
        "http://user@host",
        "http://user:password@host",
        "http://two words",
        " http://host",
        "http://ho\nst",
        "http://hé",
    ],
)
def test_what_is_no_address_is_refused_with_one_that_is(given: str) -> None:
    with pytest.raises(UsageError, match=r"is not a cloud's address: give one like http://127\.0\.0\.1:7827"):
        api_base(given)


@pytest.mark.parametrize("base", ["http://127.0.0.1:7827", "http://localhost:1", "http://[::1]:7827"])
def test_a_cloud_on_this_machine_can_be_started_here(base: str) -> None:
    assert is_local(base)


@pytest.mark.parametrize(
    "base", ["https://127.0.0.1:7827", "http://192.168.1.7:7827", "https://www.cstar.help", "http://localhost/base"]
)
def test_any_other_cloud_cannot(base: str) -> None:
    assert not is_local(base)


def test_the_written_profile_is_json_that_a_person_can_read(own: Home) -> None:
    profile = own.profile()
    text = (own.path / "profiles" / "default.json").read_text("utf-8")
    assert json.loads(text) == {"team_id": profile.team_id, "signing_secret": profile.signing_secret}
    assert text.startswith('{\n  "team_id"')
