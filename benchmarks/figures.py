"""What was measured: one value for each turn of each round, by scenario, subject and metric."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Key:
    """Names one figure of a run."""

    scenario: str
    subject: str
    metric: str


@dataclass(frozen=True, slots=True)
class Series:
    """A figure's values, by the turns of all rounds, counted through."""

    by_round: Mapping[int, float]

    @property
    def median(self) -> float:
        return median(self.by_round.values())

    @property
    def least(self) -> float:
        return min(self.by_round.values())

    @property
    def most(self) -> float:
        return max(self.by_round.values())

    def over(self, other: "Series") -> "Series | None":
        """Return the ratios within each round that has both; None where there is no such round.

        A machine's speed drifts, and every tool's with it: only what is measured side by side compares.
        """
        both = self.by_round.keys() & other.by_round.keys()
        ratios = {number: self.by_round[number] / other.by_round[number] for number in both if other.by_round[number]}
        return Series(ratios) if ratios else None

    def times(self, factor: float) -> "Series":
        """Return this figure in another unit."""
        return Series({number: value * factor for number, value in self.by_round.items()})

    def inverse(self) -> "Series":
        """Return what a rate is as a time, or a time as a rate."""
        return Series({number: 1 / value for number, value in self.by_round.items()})


def least_of(many: Iterable[Series]) -> Series | None:
    """Return the smallest value of each round."""
    values: dict[int, list[float]] = defaultdict(list)
    for series in many:
        for number, value in series.by_round.items():
            values[number].append(value)
    return Series({number: min(there) for number, there in values.items()}) if values else None


@dataclass(slots=True)
class Figures:
    """All values of a run; `absent` says of a scenario's subject why it has none."""

    values: dict[Key, dict[int, float]] = field(default_factory=dict)
    absent: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, key: Key, round_number: int, value: float) -> None:
        self.values.setdefault(key, {})[round_number] = value

    def series(self, key: Key) -> Series | None:
        values = self.values.get(key)
        return Series(values) if values else None

    def subjects(self, scenario: str) -> list[str]:
        """Return who was measured, and who should have been, in the order of their first turn."""
        measured = [key.subject for key in self.values if key.scenario == scenario]
        return list(dict.fromkeys([*measured, *(subject for name, subject in self.absent if name == scenario)]))

    def metrics(self, scenario: str) -> list[str]:
        return list(dict.fromkeys(key.metric for key in self.values if key.scenario == scenario))

    def scenarios(self) -> list[str]:
        return list(dict.fromkeys([*(key.scenario for key in self.values), *(name for name, _ in self.absent)]))
