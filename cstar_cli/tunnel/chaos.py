"""What becomes of which delivery under `--chaos`: decided by the seed and the delivery's number. No I/O, no clock.

The n-th delivery of a run has the same fate wherever the seed is the same: however quickly it comes, whatever its id,
and whatever else is asked for.
"""

from collections.abc import Sequence
from random import Random

import msgspec
from msgspec.structs import replace


class Fate(msgspec.Struct, frozen=True):
    """What becomes of one attempt; `rank` is its place among those that it is shuffled with."""

    drop: bool
    duplicate: bool
    delay_ms: int
    rank: float


class Chaos(msgspec.Struct, frozen=True):
    """Which shares of deliveries, from 0 to 1, are dropped and duplicated; how many are shuffled; how long each waits.

    `text` is how it was asked for. Each route has fates of its own.
    """

    text: str
    seed: int
    duplicate: float = 0.0
    shuffle: int = 1
    delay_ms: tuple[int, int] = (0, 0)
    drop: float = 0.0
    route: str = ""

    def for_route(self, name: str) -> "Chaos":
        return replace(self, route=name)

    def fate(self, number: int, attempt: int) -> Fate:
        """Return what becomes of an attempt at the delivery that came as the `number`-th, counted from 1."""
        draw = Random(f"{self.seed}/{self.route}/{number}/{attempt}").random
        # Each is drawn, whatever is asked for, so that nothing changes but that. And by `random` alone: of all that
        # Random has, only this gives the same numbers in every Python.
        drop, duplicate, delay, rank = draw() < self.drop, draw() < self.duplicate, draw(), draw()
        shortest, longest = self.delay_ms
        return Fate(
            drop=drop,
            duplicate=duplicate and not drop,
            delay_ms=0 if drop else round(shortest + delay * (longest - shortest)),
            rank=rank,
        )


class LetGo(msgspec.Struct, frozen=True):
    """A delivery that was shuffled, and whether it `moved` to another place than it came in."""

    delivery_id: str
    moved: bool


class Shuffle:
    """Holds deliveries back and lets them go in the order of their ranks, so many together: 1 to 5, 6 to 10, ….

    Which ones go together is so decided by their numbers, not by when they come.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: list[tuple[float, str]] = []

    @property
    def holds(self) -> bool:
        return bool(self._held)

    def take(self, delivery_id: str, number: int, rank: float) -> Sequence[LetGo]:
        """Take the next delivery; return those that go now."""
        self._held.append((rank, delivery_id))
        return () if number % self._size else self.let_go()

    def let_go(self) -> Sequence[LetGo]:
        """Return all that are held, since nothing more comes."""
        came, self._held = self._held, []
        return [LetGo(one[1], one is not came[place]) for place, one in enumerate(sorted(came))]
