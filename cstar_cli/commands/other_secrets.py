"""Secrets that a signature may have been made with, beside the right one; `verify --explain` tries them."""

import os
from pathlib import Path

from cstar_cli import config
from cstar_cli.envfile import SECRET_VARIABLE, values_of

ENV_FILE = Path(".env")


def other_secrets(given: list[str]) -> dict[str, str]:
    """Return secrets by whose they are, as a sentence goes on: `It was made with …`."""
    profiles = config.home(os.environ).profiles.secrets()
    found = {f"the secret of profile {name}": secret for name, secret in profiles.items()}
    if secret := os.environ.get(SECRET_VARIABLE):
        found[f"the secret in the variable {SECRET_VARIABLE}"] = secret
    try:
        text = ENV_FILE.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found |= {f"the {SECRET_VARIABLE} of {ENV_FILE}": secret for secret in values_of(text, SECRET_VARIABLE)}
    return {**{f"--other-secret number {number}": secret for number, secret in enumerate(given, 1)}, **found}
