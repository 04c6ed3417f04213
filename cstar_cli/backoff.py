"""How long to wait before trying again."""

import re
from collections.abc import Callable, Iterator


def jittered(first_s: float, most_s: float, random: Callable[[], float]) -> Iterator[float]:
    """Yield waits in seconds for ever: doubling from `first_s` to `most_s`, each cut by up to half at random.

    `random` answers a float in [0, 1). The jitter keeps a crowd that lost the same cloud from coming back at once.
    """
    ceiling = first_s
    while True:
        yield ceiling * (1 - random() / 2)
        ceiling = min(ceiling * 2, most_s)


def retry_after_s(text: str, most_s: int) -> int:
    """Return the seconds that a Retry-After header asks for, at most `most_s`; 0 for a date, nonsense or nothing."""
    return min(int(text), most_s) if re.fullmatch("[0-9]{1,9}", text) else 0
