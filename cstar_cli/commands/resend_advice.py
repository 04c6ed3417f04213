"""What to do about a failure that is final: said once, with the command that sends the event again to this listener.

The command is good after a restart, too, which has another session: where nobody else listens, it names none.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from cstar_cli import config
from cstar_cli.activity import Activity, Forwarded, Overlap
from cstar_cli.profiles import DEFAULT_PROFILE


class ResendAdvice:
    """Puts a hint to the first failure of a run that has none of its own and isn't tried again.

    `names` are what the session of each route is called, or that of None where there are no routes.
    """

    def __init__(self, api_base: str, profile: str, names: Mapping[str | None, str | None]) -> None:
        self._whose = "" if profile == DEFAULT_PROFILE else f" --profile {profile}"
        self._where = "" if api_base == config.DEFAULT_API_BASE else f" --api-base {api_base}"
        self._names = names
        self._is_alone = True
        self._is_given = False

    def on(self, activity: Activity) -> Activity:
        """Return what to show of it."""
        match activity:
            case Overlap():
                self._is_alone = False
            case Forwarded(outcome="failed"):
                return self._on_failure(activity)
            case _:
                pass
        return activity

    def _on_failure(self, failed: Forwarded) -> Forwarded:
        if self._is_given or failed.hint or failed.next_attempt_at_ms is not None or failed.session_id is None:
            return failed
        self._is_given = True
        command = f"cstar{self._whose} events resend {failed.event_id}{self._to(failed)}{self._where}"
        return replace(failed, hint=f"to send it again: {command}")

    def _to(self, failed: Forwarded) -> str:
        name = self._names.get(failed.route)
        if name is not None:
            return f" --session {name}"
        if self._is_alone and failed.route is None:
            return ""
        return f" --session {failed.session_id}"
