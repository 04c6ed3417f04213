"""Which machine asks for an event: so that a listener may take what its own has triggered."""

import re

from starlette.requests import Request

from cstar_cli.cloud.api.answers import invalid
from cstar_cli.protocol.frames import ORIGIN

HEADER = "x-cstar-origin"

_FORM = re.compile(ORIGIN)


def is_origin(text: str) -> bool:
    """Say whether a machine can be called so."""
    return _FORM.fullmatch(text) is not None


def origin_of(request: Request) -> str | None:
    """Return what the request says, if it says anything; another form is refused."""
    text = request.headers.get(HEADER)
    if text is not None and not is_origin(text):
        message = f"{HEADER} must be 1 to 64 letters, digits, hyphens and underscores."
        raise invalid("parameter_invalid", message, HEADER)
    return text
