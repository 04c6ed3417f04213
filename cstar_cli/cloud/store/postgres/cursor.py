"""A place in the log, which is in the order of the transactions, and within one in that of the attempts."""

import re
from dataclasses import dataclass

from cstar_cli.cloud.store.interface import MalformedCursor

_WRITTEN = re.compile(r"([0-9]{1,19})-([0-9]{1,18})")  # what an xid8 and a bigint hold


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """After the attempt `seq` of the transaction `xid`."""

    xid: int = 0
    seq: int = 0

    @staticmethod
    def parse(text: str) -> "Cursor":
        """Read what `str` writes. Raises MalformedCursor."""
        if text == "0":
            return Cursor()
        written = _WRITTEN.fullmatch(text)
        if not written:
            raise MalformedCursor(f"{text[:50]!r} is not a cursor of this log: take one from a line of its tail.")
        return Cursor(int(written[1]), int(written[2]))

    def __str__(self) -> str:
        return "0" if self == Cursor() else f"{self.xid}-{self.seq}"
