"""How every cloud delivers, and how long it remembers: the one inside `listen` is told by `CSTAR_…` and `[cloud]`."""

from collections.abc import Mapping

import msgspec

from cstar_cli.cloud.options import DeliveryPolicy
from cstar_cli.commands.durations import schedule, seconds
from cstar_cli.errors import UsageError

VARIABLE_PREFIX = "CSTAR_"
MOST_RETRIES = 20
MOST_IN_FLIGHT = 1_000


class Timing(msgspec.Struct, frozen=True):
    """How a cloud delivers, and how long it remembers."""

    retention: str = "30d"
    retry_schedule: str | None = None
    delivery_timeout: str = "10s"
    max_in_flight: int = 16
    disable_after: str = "5d"

    @property
    def retention_s(self) -> float:
        return seconds("--retention", self.retention, "1s", "36500d")

    def policy(self, *, private_addresses: bool) -> DeliveryPolicy:
        """Return how deliveries are made; their wire version has its own retries. Raises UsageError."""
        given = self.retry_schedule
        return DeliveryPolicy(
            timeout_s=seconds("--delivery-timeout", self.delivery_timeout, "100ms", "5m"),
            retries_s=None if given is None else schedule("--retry-schedule", given, MOST_RETRIES, "10ms", "30d"),
            per_webhook=self.max_in_flight,
            disable_after_s=seconds("--disable-after", self.disable_after, "1s", "3650d"),
            private_addresses=private_addresses,
        )


def timing_of(env: Mapping[str, str], settings: Mapping[str, object]) -> Timing:
    """Return what the environment and the files say of the cloud inside `listen`. Raises UsageError."""
    table = settings.get("cloud")
    table = {str(key).replace("-", "_"): value for key, value in table.items()} if isinstance(table, dict) else {}
    written: dict[str, str] = {}
    for name in Timing.__struct_fields__:
        value = env.get(VARIABLE_PREFIX + name.upper()) or table.get(name)
        if value is not None:
            written[name] = str(value)
    in_flight = written.pop("max_in_flight", str(Timing().max_in_flight))
    if not in_flight.isdecimal() or not 1 <= int(in_flight) <= MOST_IN_FLIGHT:
        raise UsageError(f"max_in_flight {in_flight} is not a number from 1 to {MOST_IN_FLIGHT}.")
    return Timing(max_in_flight=int(in_flight), **written)
