"""Settings and the files they live in.

A setting is taken from the flag, else the environment (`CSTAR_…`), else `cstar.toml` found upwards from the
working folder, else `config.toml` in the home folder, else the default. The home folder (`CSTAR_HOME`, by default
`~/.cstar`) holds, readable by its owner alone:

    config.toml             the user's settings, written by hand
    profiles/default.json   the team's id and the signing secret of `listen`, made at first use
    cloud/                  the embedded cloud: token, database, lock, and who runs it
"""

import contextlib
import ipaddress
import json
import os
import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cstar_cli.errors import CstarError, NotAllowed, UsageError
from cstar_cli.signing import new_secret

DEFAULT_API_BASE = "http://127.0.0.1:7827"


@dataclass(frozen=True, slots=True)
class Profile:
    """Who this machine is to the cloud: the same across restarts."""

    team_id: str
    signing_secret: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens a cloud."""

    team_id: str
    token: str


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds config and state."""

    path: Path

    @property
    def cloud(self) -> Path:
        return self.path / "cloud"

    @property
    def database(self) -> Path:
        return self.cloud / "cstar.db"

    def token(self) -> str:
        """Return the embedded cloud's bearer token, made at first use."""
        path = self.cloud / "token"
        token = _read_or_create(path, "sk_test_" + secrets.token_urlsafe(32)).strip()
        if not re.fullmatch(r"[!-~]+", token):
            raise CstarError(f"{path} is damaged: delete it to get a new token, and restart the cloud.")
        return token

    def profile(self) -> Profile:
        """Return the default profile, made at first use."""
        path = self.path / "profiles" / "default.json"
        fresh = {"team_id": str(uuid.uuid4()), "signing_secret": new_secret()}
        try:
            fields = json.loads(_read_or_create(path, json.dumps(fresh, indent=2) + "\n"))
            return Profile(_text(fields, "team_id"), _text(fields, "signing_secret"))
        except (ValueError, KeyError, TypeError) as error:
            raise CstarError(f"{path} is damaged ({error}): mend it, or delete it to get a new secret.") from error


def home(env: Mapping[str, str]) -> Home:
    """Return the home folder that `CSTAR_HOME` names, or `~/.cstar`."""
    named = env.get("CSTAR_HOME")
    try:
        return Home(Path(named).expanduser().absolute() if named else Path.home() / ".cstar")
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
    host = urlsplit(base).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def credentials(base: str, env: Mapping[str, str], home: Home) -> Credentials:
    """Return what opens the cloud at this address: the home's own on this machine, the environment's elsewhere.

    The home's token is for its own clouds: no project's `cstar.toml` may have it sent anywhere else.
    """
    if is_loopback(base):
        return Credentials(home.profile().team_id, home.token())
    team_id, token = env.get("CSTAR_TEAM_ID"), env.get("CSTAR_API_KEY")
    if not team_id or not token:
        raise NotAllowed(f"{base} is not on this machine: set CSTAR_TEAM_ID and CSTAR_API_KEY to what it accepts.")
    return Credentials(team_id, token)


def file_settings(cwd: Path, home: Home) -> dict[str, object]:
    """Return the settings of the project's `cstar.toml` over those of the user's `config.toml`, tables merged."""
    settings = _read_toml(home.path / "config.toml")
    for folder in (cwd, *cwd.parents):
        if (folder / "cstar.toml").is_file():
            for key, value in _read_toml(folder / "cstar.toml").items():
                below = settings.get(key)
                both = isinstance(below, dict) and isinstance(value, dict)
                settings[key] = {**below, **value} if both else value  # type: ignore[dict-item]  # narrowed above
            break
    return settings


def write_private(path: Path, text: str) -> None:
    """Replace a file whole, readable by its owner alone."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        make_folder(path.parent)
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def make_folder(path: Path) -> None:
    """Make a folder and its parents, open to the owner alone."""
    try:
        for parent in reversed([folder for folder in path.parents if not folder.exists()]):
            parent.mkdir(mode=0o700, exist_ok=True)  # with parents=True the umask alone would decide
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def _text(fields: dict[str, object], name: str) -> str:
    match fields[name]:
        case str(text) if text:
            return text
    raise ValueError(f"{name} is not a text")


def _read_or_create(path: Path, text: str) -> str:
    """Return the file's text; when it is missing, `text` becomes it, unless another process was first."""
    with contextlib.suppress(FileNotFoundError):
        return _read(path)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    write_private(fresh, text)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        fresh.unlink(missing_ok=True)
    return _read(path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except NotADirectoryError as error:
        raise FileNotFoundError(path) from error
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise CstarError(f"Can't read {path}: {_reason(error)}.") from error


def _read_toml(path: Path) -> dict[str, object]:
    try:
        text = _read(path)
    except FileNotFoundError:
        return {}
    import tomllib  # late: most commands find no such file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}.") from error


def _unwritable(path: Path, error: OSError) -> CstarError:
    return CstarError(
        f"Can't write {path}: {_reason(error)}. Make the folder writable, or set CSTAR_HOME to one that is."
    )


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
