"""Which settings hold: flags and environment aside, the project's, the user's, the profile's, in this order."""

import tomllib
from pathlib import Path

import pytest

from cstar_cli.commands.settings import choose, keys
from cstar_cli.config import home
from cstar_cli.errors import CstarError, NotAllowed, UsageError
from cstar_cli.profiles import Login

THERE = "https://cloud.test"
KEY = {"CSTAR_API_KEY": "sk_live_env", "CSTAR_TEAM_ID": "team"}


class Place:
    """A project's folder, which is the working folder, and a home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {"CSTAR_HOME": str(folder / "home")}

    def project(self, text: str) -> None:
        (self.folder / "cstar.toml").write_text(text)

    def user(self, text: str) -> None:
        (self.folder / "home").mkdir(exist_ok=True)
        (self.folder / "home" / "config.toml").write_text(text)

    def log_in(self, profile: str, api_base: str = THERE, wire: str | None = None) -> None:
        home(self.env).profiles.log_in(profile, Login(api_base, "team", "sk_live_mine", wire))

    def api_base(self, *command: str, profile: str | None = None, env: dict[str, str] | None = None) -> object:
        """Return what stands as the command's --api-base where no flag and no variable says another."""
        defaults = choose(command[0], profile, {**self.env, **(env or {})}).defaults
        for name in command:
            defaults = defaults.get(name, {})
        base = defaults.get("api_base")
        return base() if callable(base) else base


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path)


def test_without_any_setting_there_are_no_defaults(place: Place) -> None:
    chosen = choose("listen", None, place.env)
    assert (chosen.profile, chosen.defaults) == ("default", {})


def test_the_profile_is_that_of_the_flag_the_project_the_user(place: Place) -> None:
    place.user('profile = "users"\n')
    assert choose("listen", None, place.env).profile == "users"
    place.project('profile = "projects"\n')
    assert choose("listen", None, place.env).profile == "projects"
    assert choose("listen", "flags", place.env).profile == "flags"


@pytest.mark.parametrize("text", ["profile = 7.5\n", 'profile = "../x"\n', "profile = []\n"])
def test_a_name_that_is_none_is_refused(place: Place, text: str) -> None:
    place.project(text)
    with pytest.raises(UsageError, match="is no name for a profile"):
        choose("listen", None, place.env)


@pytest.mark.parametrize("command", [("listen",), ("logs", "tail"), ("webhooks", "list"), ("cloud", "keys", "create")])
def test_the_cloud_of_the_login_is_every_commands(place: Place, command: tuple[str, ...]) -> None:
    place.log_in("work")
    assert place.api_base(*command, profile="work") == THERE
    assert place.api_base(*command) is None


def test_what_the_files_say_of_the_cloud_goes_before_the_login(place: Place) -> None:
    place.log_in("default")
    place.user('api_base = "http://127.0.0.1:1"\n')
    assert place.api_base("listen") == "http://127.0.0.1:1"
    place.project('api_base = "http://127.0.0.1:2"\n')
    assert place.api_base("listen") == "http://127.0.0.1:2"


def test_a_project_does_not_say_where_a_typed_key_goes(place: Place) -> None:
    place.project('api_base = "https://evil.test"\n[login]\napi_base = "https://evil.test"\n')
    assert place.api_base("login") is None
    place.user('api_base = "https://users.test"\n')
    assert place.api_base("login") == "https://users.test"


@pytest.mark.parametrize(
    "text", ['api_base = "https://evil.test"\n', '[listen]\napi-base = "https://evil.test"\n'], ids=["top", "table"]
)
def test_a_project_does_not_say_where_the_environments_key_goes(place: Place, text: str) -> None:
    place.project(text)
    with pytest.raises(NotAllowed, match=r"CSTAR_API_KEY sent to https://evil\.test: if that is right, say so with"):
        place.api_base("listen", env=KEY)
    assert place.api_base("listen") == "https://evil.test"


def test_a_project_may_name_the_cloud_that_the_user_names_too_or_one_on_this_machine(place: Place) -> None:
    place.project('api_base = "http://127.0.0.1:2"\n')
    assert place.api_base("listen", env=KEY) == "http://127.0.0.1:2"
    place.log_in("default")
    place.project(f'api_base = "{THERE}/"\n')
    assert place.api_base("listen", env=KEY) == f"{THERE}/"


def test_what_is_no_option_is_no_setting() -> None:
    assert "listen.forward_to" in keys()
    assert "listen.context" not in keys()


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        *(("listen", option, '".env"') for option in ("env_file", "ready_file", "record")),
        ("listen", "force", "true"),
        ("check", "junit", '"report.xml"'),
    ],
)
def test_a_project_does_not_say_which_file_is_written(place: Place, command: str, option: str, value: str) -> None:
    flag = option.replace("_", "-")
    place.project(f"[{command}]\n{flag} = {value}\n")
    refused = choose(command, None, place.env).defaults[command][option]
    with pytest.raises(NotAllowed, match=f"leave {option} out there, use --{flag}"):
        refused()
    place.project("")
    place.user(f"[{command}]\n{option} = {value}\n")
    assert choose(command, None, place.env).defaults[command][option] == tomllib.loads(f"value = {value}")["value"]


def test_a_subgroup_takes_no_table(place: Place) -> None:
    place.project('[cloud]\ndatabase = "elsewhere.db"\n')
    defaults = choose("cloud", None, place.env).defaults["cloud"]
    assert defaults["serve"]["database"] == defaults["migrate"]["database"] == "elsewhere.db"
    assert "database" not in defaults["keys"]["create"]


@pytest.mark.parametrize("text", ["[keys]\n", "[cloud.keys]\nname = 'x'\n", "colour = 1\n", "[cloud]\ncolour = 1\n"])
def test_a_setting_that_nothing_takes_is_refused(place: Place, text: str) -> None:
    place.project(text)
    with pytest.raises(UsageError):
        choose("listen", None, place.env)


def test_a_damaged_profile_is_told(place: Place) -> None:
    place.log_in("work")
    (place.folder / "home" / "profiles" / "work.json").write_text("{")
    with pytest.raises(CstarError, match="is damaged"):
        choose("listen", "work", place.env)


def test_a_profile_keeps_a_wire_version_which_gives_way_to_the_files(place: Place) -> None:
    def wires(profile: str | None = None) -> tuple[object, object]:
        found = [choose(name, profile, place.env).defaults for name in ("listen", "webhooks")]
        return found[0].get("listen", {}).get("wire"), found[1].get("webhooks", {}).get("create", {}).get("wire")

    place.log_in("work", wire="2026-03")
    assert wires() == (None, None)
    assert wires("work") == ("2026-03", "2026-03")
    place.user('wire = "2025-12"\n')
    assert wires("work") == ("2025-12", "2025-12")
    place.project('wire = "2026-03"\n[listen]\nwire = "2025-12"\n')
    assert wires() == ("2025-12", "2026-03")


def test_the_wire_version_of_all_is_not_that_of_what_verifies_resends_or_keeps_one(place: Place) -> None:
    place.user('wire = "2026-03"\n[replay]\nwire = "2025-12"\n')
    wires = {name: choose(name, None, place.env).defaults[name].get("wire") for name in ("sign", "verify", "login")}
    assert wires == {"sign": "2026-03", "verify": None, "login": None}
    webhooks = choose("webhooks", None, place.env).defaults["webhooks"]
    assert (webhooks["create"].get("wire"), "wire" in webhooks["update"]) == ("2026-03", False)
    assert choose("replay", None, place.env).defaults["replay"]["wire"] == "2025-12"


def test_a_wire_version_that_there_is_not_is_told_where_it_stands(place: Place) -> None:
    place.project('# of all commands\nwire = "2026"\n')
    with pytest.raises(
        UsageError, match=r"cstar\.toml:2:1: There is no wire version '2026': take 2025-12 or 2026-03\."
    ):
        choose("listen", None, place.env)
