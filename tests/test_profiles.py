import json
import stat
from pathlib import Path

import pytest

from cstar_cli.errors import CstarError, UsageError
from cstar_cli.profiles import Login, Profile, Profiles, profile_name

LOGIN = Login("https://cloud.test", "team-1", "sk_live_mine")


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    return Profiles(tmp_path / "profiles")


def test_another_profile_than_the_default_one_is_made_by_logging_in(profiles: Profiles) -> None:
    with pytest.raises(UsageError, match="There is no profile 'work' yet: cstar --profile work login makes it"):
        profiles.get("work")
    profiles.log_in("work", LOGIN)
    assert profiles.get("work").login == LOGIN


def test_who_asks_for_an_unknown_profile_learns_which_there_are(profiles: Profiles) -> None:
    profiles.log_in("work", LOGIN)
    with pytest.raises(UsageError, match=r"Known: default, work\."):
        profiles.get("wrok")


def test_a_new_profile_shares_the_homes_own_team_and_signs_with_a_secret_of_its_own(profiles: Profiles) -> None:
    default = profiles.get("default")
    profiles.log_in("work", LOGIN)
    work = profiles.get("work")
    assert work.team_id == default.team_id
    assert work.signing_secret != default.signing_secret


def test_logging_in_and_out_leaves_team_and_secret_as_they_were(profiles: Profiles) -> None:
    before = profiles.get("default")
    profiles.log_in("default", LOGIN)
    assert profiles.get("default") == Profile(before.team_id, before.signing_secret, LOGIN)
    assert profiles.log_out("default") == LOGIN
    assert profiles.get("default") == before


def test_logging_out_twice_ends_nothing_the_second_time(profiles: Profiles) -> None:
    profiles.log_in("work", LOGIN)
    profiles.log_out("work")
    assert profiles.log_out("work") is None
    assert profiles.log_out("unknown") is None


def test_the_key_is_the_owners_alone_and_in_no_repr(profiles: Profiles) -> None:
    profiles.log_in("work", LOGIN)
    path = profiles.folder / "work.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["login"] == {
        "api_base": "https://cloud.test",
        "team_id": "team-1",
        "api_key": "sk_live_mine",
    }
    assert "sk_live_mine" not in repr(profiles.get("work"))


@pytest.mark.parametrize("login", ['"x"', "[]", "{}", '{"api_base":"b","team_id":"t","api_key":7}', "7"])
def test_a_damaged_login_is_an_error_that_says_what_to_do(profiles: Profiles, login: str) -> None:
    profiles.folder.mkdir()
    path = profiles.folder / "work.json"
    path.write_text(f'{{"team_id":"t","signing_secret":"s","login":{login}}}')
    with pytest.raises(CstarError, match=rf"{path} is damaged \(.+\): mend it, or delete it"):
        profiles.get("work")


@pytest.mark.parametrize("name", ["a", "default", "team-1_x", "0" * 50])
def test_a_name_is_short_and_plain(name: str) -> None:
    assert profile_name(name) == name


@pytest.mark.parametrize("name", ["", "A", "a b", "../a", "a.b", "é", "0" * 51, "a\n"])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a profile"):
        profile_name(name)


def test_a_wire_version_is_kept_until_another_is_named_or_another_cloud(profiles: Profiles) -> None:
    def kept(login: Login) -> str | None:
        profiles.log_in("work", login)
        now = profiles.get("work").login
        return now.wire if now else None

    assert kept(Login("https://a.test", "team", "sk_1", "2026-03")) == "2026-03"
    assert kept(Login("https://a.test", "team", "sk_2")) == "2026-03"
    assert kept(Login("https://a.test", "team", "sk_2", "2025-12")) == "2025-12"
    assert kept(Login("https://b.test", "team", "sk_3")) is None
