"""Settings and the files they live in.

A setting is taken from the flag, else the environment (`CSTAR_…`), else `cstar.toml` found upwards from the
working folder, else `config.toml` in the home folder, else the default. The home folder (`CSTAR_HOME`, by default
`~/.cstar`) holds, readable by its owner alone:

    config.toml      the user's settings, written by hand
    fixtures/        the user's own fixtures; a project's are in `.cstar/fixtures`, found upwards as well
    cache/           what commands have seen, for completion; see `commands.remembered`
    machine          what this home's events are known by: random, so that it says nothing
    profiles/        the team's id, the signing secret of `listen`, and where the user has logged in
    cloud/           the embedded cloud: token, database, lock, and who runs it
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from cstar_cli.errors import CstarError, NotAllowed, UsageError
from cstar_cli.files import read, read_or_create
from cstar_cli.profiles import DEFAULT_PROFILE, Profile, Profiles, profile_name

DEFAULT_API_BASE = "http://127.0.0.1:7827"
PROFILE_VARIABLE = "CSTAR_PROFILE"
ROUTES = "routes"  # of a file, no table of options, but a list of tables of its own: see `tunnel.routes`


class Credentials(msgspec.Struct, frozen=True):
    """What opens a cloud."""

    team_id: str
    token: str


class Home(msgspec.Struct, frozen=True):
    """The folder that holds config and state, and which of its profiles is used."""

    path: Path
    profile_name: str = DEFAULT_PROFILE

    @property
    def cloud(self) -> Path:
        return self.path / "cloud"

    @property
    def database(self) -> Path:
        return self.cloud / "cstar.db"

    def token(self) -> str:
        """Return the embedded cloud's bearer token, made at first use."""
        path = self.cloud / "token"
        token = read_or_create(path, _new_token).strip()
        if not re.fullmatch(r"[!-~]+", token):
            raise CstarError(f"{path} is damaged: delete it to get a new token, and restart the cloud.")
        return token

    def machine(self) -> str:
        """Return what tells this home from all others, made at first use."""
        path = self.path / "machine"
        machine = read_or_create(path, lambda: os.urandom(16).hex()).strip()
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", machine):
            raise CstarError(f"{path} is damaged: delete it to get a new one.")
        return machine

    @property
    def profiles(self) -> Profiles:
        return Profiles(self.path / "profiles")

    def profile(self) -> Profile:
        """Return the profile that is used; see `Profiles.get`."""
        return self.profiles.get(self.profile_name)


def home(env: Mapping[str, str]) -> Home:
    """Return the home folder that `CSTAR_HOME` names, or `~/.cstar`, with the profile that `CSTAR_PROFILE` names."""
    named = env.get("CSTAR_HOME")
    profile = profile_name(env.get(PROFILE_VARIABLE) or DEFAULT_PROFILE)
    try:
        return Home(Path(named).expanduser().absolute() if named else Path.home() / ".cstar", profile)
    except RuntimeError as error:
        raise CstarError("Can't tell where your home folder is: set CSTAR_HOME.") from error


def api_base(text: str) -> str:
    """Return a cloud's address in its normal form, without a trailing slash, or refuse it."""
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment or parts.username is not None or not re.fullmatch(r"[!-~]+", text):
        raise UsageError(f"{text!r} is not a cloud's address: give one like {DEFAULT_API_BASE}.")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(':')}{parts.path.rstrip('/')}"


def is_local(base: str) -> bool:
    """Tell whether a cloud at this address can be one that this machine starts by itself."""
    parts = urlsplit(base)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost") and parts.path in ("", "/")


def is_loopback(base: str) -> bool:
    """Tell whether the address is of this machine alone."""
    import ipaddress

    host = urlsplit(base).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def credentials(base: str, env: Mapping[str, str], home: Home) -> Credentials:
    """Return what opens the cloud at this address: the environment's, the profile's for it, the home's own.

    A profile's key is for the address that it was given for, and the home's token for this machine alone: no project's
    `cstar.toml` may have one sent anywhere else.
    """
    team_id, key = env.get("CSTAR_TEAM_ID"), env.get("CSTAR_API_KEY")
    if team_id and key:
        return Credentials(team_id, key)
    if team_id or key:
        given, missing = ("CSTAR_API_KEY", "CSTAR_TEAM_ID") if key else ("CSTAR_TEAM_ID", "CSTAR_API_KEY")
        raise UsageError(f"{given} is set without {missing}: set both, or neither.")
    profile = home.profile()
    if profile.login is not None and profile.login.api_base == base:
        return Credentials(profile.login.team_id, profile.login.api_key)
    if is_loopback(base):
        return Credentials(profile.team_id, home.token())
    raise NotAllowed(
        f"{base} is not on this machine, and the profile {home.profile_name!r} has no key for it: log in with "
        f"cstar login --api-base {base}, or set CSTAR_TEAM_ID and CSTAR_API_KEY."
    )


def folder(home: Home) -> Path:
    """Return where to look for a project's file."""
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was deleted: no project is there
        return home.path


def written(home: Home) -> dict[str, object]:
    """Return what the files say here, as they say it."""
    return file_settings(folder(home), home)


def file_settings(cwd: Path, home: Home) -> dict[str, object]:
    """Return the settings of the project's `cstar.toml` over those of the user's `config.toml`."""
    return merged(user_settings(home), project_settings(cwd))


def user_settings(home: Home) -> dict[str, object]:
    """Return the settings of the user's `config.toml`."""
    return read_toml(home.path / "config.toml")


def project_settings(cwd: Path) -> dict[str, object]:
    """Return the settings of the project's file; whoever wrote it need not be the user."""
    file = project_file(cwd)
    return {} if file is None else read_toml(file)


def settings_files(cwd: Path, home: Home) -> list[Path]:
    """Return the files that there are, the one that wins first."""
    users = home.path / "config.toml"
    return [file for file in (project_file(cwd), users) if file is not None and file.exists()]


def project_file(cwd: Path) -> Path | None:
    """Return the nearest `cstar.toml` upwards."""
    files = (folder / "cstar.toml" for folder in (cwd, *cwd.parents))
    return next((file for file in files if file.is_file()), None)


def read_toml(path: Path) -> dict[str, object]:
    """Return what a file says, nothing where there is none. Raises UsageError where it isn't TOML."""
    try:
        text = read(path)
    except FileNotFoundError:
        return {}
    import tomllib  # late: most commands find no such file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        from cstar_cli.positions import no_toml

        raise no_toml(str(path), text, error) from error


def fixture_folders(env: Mapping[str, str]) -> dict[str, Path]:
    """Return where one's own fixtures are: the project's (the nearest upwards, or one to be here), then the user's."""
    yours = {"yours": home(env).path / "fixtures"}
    try:
        here = Path.cwd()
    except FileNotFoundError:  # it was deleted: no project is there
        return yours
    folders = [folder / ".cstar" / "fixtures" for folder in (here, *here.parents)]
    return {"project": next((folder for folder in folders if folder.is_dir()), folders[0]), **yours}


def merged(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """Return the settings of both; where both have a key, tables are merged and else the value `above` counts."""
    settings = dict(below)
    for key, value in above.items():
        under = settings.get(key)
        both = isinstance(under, dict) and isinstance(value, dict)
        settings[key] = {**under, **value} if both else value  # type: ignore[dict-item]  # narrowed above
    return settings


def _new_token() -> str:
    import secrets

    return "sk_test_" + secrets.token_urlsafe(32)
