"""Secrets that a signature may have been made with, beside the right one: `verify --explain` and `listen` try them."""

import contextlib
import os
from pathlib import Path

from cstar_cli import config
from cstar_cli.envfile import SECRET_VARIABLE, values_of
from cstar_cli.errors import CstarError
from cstar_cli.suspicions.answers import OtherSecrets

ENV_FILE = Path(".env")


def other_secrets(given: list[str]) -> dict[str, str]:
    """Return secrets by whose they are, as a sentence goes on: `It was made with …`."""
    known = known_secrets()
    numbered = {f"--other-secret number {number}": secret for number, secret in enumerate(given, 1)}
    return {**numbered, **known.others, **known.application}


def known_secrets() -> OtherSecrets:
    """Return those that files and the environment have; those that can't be read are none."""
    found: dict[str, str] = {}
    home = config.home(os.environ)
    with contextlib.suppress(CstarError):
        found |= {f"the secret of profile {name}": secret for name, secret in home.profiles.secrets().items()}
    with contextlib.suppress(CstarError):
        found |= _of_routes(home)
    if secret := os.environ.get(SECRET_VARIABLE):
        found[f"the secret in the variable {SECRET_VARIABLE}"] = secret
    try:
        text = ENV_FILE.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    application = {f"the {SECRET_VARIABLE} of {ENV_FILE}": secret for secret in values_of(text, SECRET_VARIABLE)}
    return OtherSecrets(application, found)


def secrets_beside_a_given_one() -> OtherSecrets:
    """Return them for what is signed with a secret of `--secret`: that the application has another is no fault then."""
    known = known_secrets()
    return OtherSecrets({}, {**known.others, **known.application})


def _of_routes(home: config.Home) -> dict[str, str]:
    from cstar_cli.commands.routing import routes_here, secret_of

    found = {}
    for route in routes_here(home):
        with contextlib.suppress(CstarError):  # its variable isn't set
            if (secret := secret_of(route, os.environ)) is not None:
                found[f"the secret of route {route.name}"] = secret
    return found
