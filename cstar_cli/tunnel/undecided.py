"""Failed attempts of which isn't known yet whether another one follows."""

from collections.abc import Callable

from msgspec.structs import replace

from cstar_cli.activity import Activity, Forwarded


class Undecided:
    """Keeps them from being reported for the moment that it takes the cloud to say so."""

    def __init__(self, report: Callable[[Activity], None]) -> None:
        self._report = report
        self._forwarded: dict[str, Forwarded] = {}

    def add(self, forwarded: Forwarded) -> None:
        self._forwarded[forwarded.delivery_id] = forwarded

    def decide(self, delivery_id: str, retry_at_ms: int | None) -> None:
        """Report the attempt, with what follows it."""
        forwarded = self._forwarded.pop(delivery_id, None)
        if forwarded is not None:
            self._report(replace(forwarded, next_attempt_at_ms=retry_at_ms))

    def give_up(self) -> None:
        """Report them all as they are: the cloud is away."""
        forwarded, self._forwarded = self._forwarded, {}
        for each in forwarded.values():
            self._report(each)
