"""What may stand in no file: secrets that are known, and what looks like one."""

import base64
import json
import re
from collections.abc import Iterable
from html import escape
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from cstar_cli.recording.format import Headers
from cstar_cli.signing import SECRET_PREFIX

REMOVED = "[redacted]"
_REMOVED = REMOVED.encode()
_LEAST_CHARS = 4  # of what is known: less would be found in every other word
_LEAST_CUT_CHARS = 16
_LEAST_PART_CHARS = 8

_SECRET_NAME = re.compile(
    r"auth(?!or\b)|cookie|token|secret|signature|passw|passphrase|pwd|credential|session|csrf|xsrf|jwt|\bsig\b"
    r"|(?:api|access|subscription|functions?|private|signing).?key|^key$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    rb"whsec_[A-Za-z0-9+/_=-]{4,}"
    rb"|\b[sprk]k_(?:live|test)_[A-Za-z0-9_-]+"
    rb"|\b(?:[Bb]earer|[Bb]asic) +[A-Za-z0-9._~+/=-]{8,}"
    rb"|(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
)
_BETWEEN_PARTS = re.compile(r"[ ,;=]+")
_USER = re.compile(r"(?<=://)[^/?#]*@")
_QUERY_VALUE = re.compile(r"(?<=[?&;#])([^=&;#]+)(=)([^&;#]*)")
_NESTED_VALUE = re.compile(r"(?<=%3F|%26|%23)([\w.-]+)(%3D)((?:(?!%26|%23)[^&;#])*)", re.IGNORECASE)
_ESCAPE = re.compile("%[0-9A-F]{2}")


class Scrubber:
    """Removes some secrets, however a program may have written them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = tuple(dict.fromkeys(secrets))
        forms = {form for secret in self._secrets for form in _forms(secret)}
        self._longest_first = sorted(forms, key=lambda form: (-len(form), form))

    def beside(self, more: Iterable[str]) -> "Scrubber":
        """Return one that removes more of them, too."""
        return Scrubber([*self._secrets, *more])

    def known(self, data: bytes) -> bytes:
        """Return the bytes without the secrets that are known."""
        # Looked for one by one first: an expression of many is slow, to make and to search with.
        there = [form for form in self._longest_first if form in data]
        return re.sub(b"|".join(map(re.escape, there)), _REMOVED, data) if there else data

    def all(self, data: bytes) -> bytes:
        """Return the bytes without those, and without what looks like a secret."""
        return _SECRET_VALUE.sub(_REMOVED, self.known(data))

    def text(self, text: str) -> str:
        """Return the text without all that."""
        return self.all(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")

    def url(self, url: str) -> str:
        """Return the URL without a user, and without what its query calls a secret."""
        without = _USER.sub("", url)
        for pattern in (_QUERY_VALUE, _NESTED_VALUE):
            without = pattern.sub(_without_secret_value, without)
        return self.text(without)

    def headers(self, headers: Iterable[tuple[str, str]]) -> Headers:
        """Return the headers, those that are secrets without their value."""
        return tuple((name, None if is_secret_name(name) else self.url(value)) for name, value in headers)


def is_secret_name(name: str) -> bool:
    """Say whether what is called so is a secret: by its name, as nobody knows all there are."""
    return _SECRET_NAME.search(name) is not None


def secret_values(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Return the values of the headers that are secrets, and their long parts, as behind `Bearer` or `v1=`."""
    values = [value for name, value in headers if is_secret_name(name)]
    parts = (part for value in values for part in _BETWEEN_PARTS.split(value) if len(part) >= _LEAST_PART_CHARS)
    return [*values, *parts]


def url_secrets(url: str) -> list[str]:
    """Return what a URL's query calls secrets."""
    values = [match[3] for match in _QUERY_VALUE.finditer(url) if is_secret_name(unquote(match[1]))]
    return [form for value in values for form in (value, unquote_plus(value))]


def _without_secret_value(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}{REMOVED}" if is_secret_name(unquote(match[1])) else match[0]


def _forms(secret: str) -> set[bytes]:
    """Return how a secret may stand in a text: as it is, cut, in base64, or as JSON, HTML and URLs write it."""
    cut = secret.removeprefix(SECRET_PREFIX)
    texts = [secret, cut] if len(cut) >= _LEAST_CUT_CHARS else [secret]
    written = {form for text in texts for form in _written(text)}
    return {form.encode("utf-8", "surrogatepass") for form in written if len(form) >= _LEAST_CHARS}


def _written(text: str) -> set[str]:
    in_json = [json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)]
    in_url = [quote(text, errors="replace"), quote(text, safe="", errors="replace"), quote_plus(text, errors="replace")]
    return {
        text,
        escape(text),
        base64.b64encode(text.encode("utf-8", "surrogatepass")).decode(),
        *in_json,
        *(form.replace("/", r"\/") for form in in_json),  # as PHP does
        *in_url,
        *(_ESCAPE.sub(lambda found: found[0].lower(), form) for form in in_url),
    }
