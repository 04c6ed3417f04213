"""Where several listeners forward to: that an application is away, and back, is told once for all of them."""

from collections.abc import Callable

from msgspec.structs import replace

from cstar_cli.activity import Activity, Down, Up


class Places:
    """Tells of each place what one listener would tell, the events that waited for it summed up."""

    def __init__(self, report: Callable[[Activity], None]) -> None:
        self._report = report
        self._away: dict[str, set[int]] = {}
        self._back: dict[str, list[Up]] = {}

    def down(self, number: int, down: Down) -> None:
        """Nothing listens where this listener forwards to."""
        away = self._away.setdefault(down.place, set())
        if not away:
            self._report(down)
        away.add(number)

    def up(self, number: int, up: Up) -> None:
        """Something answers there; the others are about to find that too."""
        away, back = self._away[up.place], self._back.setdefault(up.place, [])
        away.discard(number)
        back.append(up)
        if not away:
            waited, more = sum(each.waited for each in back), any(each.more for each in back)
            self._report(replace(up, waited=waited, more=more, again=any(each.again for each in back)))
            back.clear()
