"""How many in how long."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many events were through in so many seconds."""

    events: int
    elapsed_s: float

    @property
    def per_s(self) -> float:
        return self.events / self.elapsed_s
