"""What acceptance tests have beside the processes: the API, and a link that can be cut."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from ..processes import Env
from .api import Api
from .link import Link

StartApi = Callable[[], Api]
StartLink = Callable[[str], Link]


@pytest.fixture
def api(home: Env) -> Iterator[StartApi]:
    """Start talking to the cloud of the test's home, which must have run once."""
    with contextlib.ExitStack() as opened:
        yield lambda: opened.enter_context(contextlib.closing(Api(home)))


@pytest.fixture
def link() -> Iterator[StartLink]:
    """Start a link to an address; its own address takes connections until the test ends."""
    with contextlib.ExitStack() as opened:
        yield lambda base: opened.enter_context(contextlib.closing(Link(base)))
