"""Profiles: who the user is, and to which cloud. One file each, readable by its owner alone.

    profiles/NAME.json   {"team_id", "signing_secret", "login"?: {"api_base", "team_id", "api_key", "wire"?}}

`team_id` is the team of this home's own clouds. `login` is what `cstar login` was given for another one: the key is for
the address that stands beside it, and goes nowhere else.
"""

import contextlib
import re
from pathlib import Path
from typing import Annotated

import msgspec

from cstar_cli.errors import CstarError, UsageError
from cstar_cli.files import read, read_or_create, write_private

DEFAULT_PROFILE = "default"
_NAME = re.compile(r"[a-z0-9_-]{1,50}")


Text = Annotated[str, msgspec.Meta(min_length=1)]


class Login(msgspec.Struct, frozen=True, omit_defaults=True):
    """What opens a cloud that isn't this home's own; `wire` is the wire version to use there, where one was named."""

    api_base: Text
    team_id: Text
    api_key: Text
    wire: str | None = None

    def __repr__(self) -> str:
        return f"Login({self.api_base!r}, {self.team_id!r})"  # a key is for no log


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who this machine is to the cloud: the same across restarts."""

    team_id: Text
    signing_secret: Text
    login: Login | None = None


class Profiles(msgspec.Struct, frozen=True):
    """The folder of all profiles."""

    folder: Path

    def get(self, name: str) -> Profile:
        """Return a profile: the default one is made at first use, others by logging in."""
        if name == DEFAULT_PROFILE:
            path = self._path(name)
            return _parse(path, read_or_create(path, _new))
        profile = self.find(name)
        if profile is None:
            known = ", ".join(sorted({DEFAULT_PROFILE, *self.names()}))
            raise UsageError(
                f"There is no profile {name!r} yet: cstar --profile {name} login makes it. Known: {known}."
            )
        return profile

    def find(self, name: str) -> Profile | None:
        """Return a profile that was made already."""
        path = self._path(name)
        try:
            return _parse(path, read(path))
        except FileNotFoundError:
            return None

    def names(self) -> list[str]:
        """Return the names of those that were made."""
        with contextlib.suppress(OSError):
            return sorted(path.stem for path in self.folder.glob("*.json") if _NAME.fullmatch(path.stem))
        return []

    def secrets(self) -> dict[str, str]:
        """Return the signing secrets of all profiles that can be read, by the profiles' names."""
        found = {}
        for name in self.names():
            with contextlib.suppress(CstarError, OSError, UnicodeDecodeError):
                found[name] = _parse(self._path(name), read(self._path(name))).signing_secret
        return found

    def log_in(self, name: str, login: Login) -> None:
        """Give a profile a login; a new profile shares the home's own team with the default one.

        A wire version that was named before is kept for the same cloud.
        """
        from cstar_cli.signing import new_secret

        profile = self.find(name) or Profile(self.get(DEFAULT_PROFILE).team_id, new_secret())
        before = profile.login
        if login.wire is None and before is not None and before.api_base == login.api_base:
            login = msgspec.structs.replace(login, wire=before.wire)
        self._write(name, msgspec.structs.replace(profile, login=login))

    def log_out(self, name: str) -> Login | None:
        """Take a profile's login away and return it, if it had one."""
        profile = self.find(name)
        if profile is None or profile.login is None:
            return None
        self._write(name, msgspec.structs.replace(profile, login=None))
        return profile.login

    def _write(self, name: str, profile: Profile) -> None:
        write_private(self._path(name), _text_of(profile))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def profile_name(text: str) -> str:
    """Return the name of a profile, or refuse it."""
    if not _NAME.fullmatch(text):
        raise UsageError(f"{text!r} is no name for a profile: take up to 50 of a-z, 0-9, _ and -.")
    return text


def checked_secret(secret: str, what: str) -> str:
    """Return a signing secret, or refuse it; `what` it is being named where it can't be one."""
    if not secret or not secret.isprintable() or secret.strip() != secret:
        raise UsageError(f"{what} is empty or holds stray characters: correct it, or leave it out.")
    return secret


def _parse(path: Path, text: str) -> Profile:
    try:
        return msgspec.json.decode(text, type=Profile)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise CstarError(f"{path} is damaged ({error}): mend it, or delete it to get a new secret.") from error


def _new() -> str:
    import uuid

    from cstar_cli.signing import new_secret

    return _text_of(Profile(str(uuid.uuid4()), new_secret()))


def _text_of(profile: Profile) -> str:
    return msgspec.json.format(msgspec.json.encode(profile), indent=2).decode() + "\n"
