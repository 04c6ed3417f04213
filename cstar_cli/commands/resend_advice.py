"""What to do about a failure that is final: said once, with the command that sends the event again to this listener."""

from msgspec.structs import replace

from cstar_cli import config
from cstar_cli.activity import Forwarded
from cstar_cli.profiles import DEFAULT_PROFILE


class ResendAdvice:
    """Puts a hint to the first failure of a run that has none of its own and isn't tried again."""

    def __init__(self, api_base: str, profile: str) -> None:
        self._whose = "" if profile == DEFAULT_PROFILE else f" --profile {profile}"
        self._where = "" if api_base == config.DEFAULT_API_BASE else f" --api-base {api_base}"
        self._is_given = False

    def on(self, failed: Forwarded) -> Forwarded:
        """Return what to show of it."""
        if self._is_given or failed.hint or failed.next_attempt_at_ms is not None or failed.session_id is None:
            return failed
        self._is_given = True
        command = f"cstar{self._whose} events resend {failed.event_id} --session {failed.session_id}{self._where}"
        return replace(failed, hint=f"to send it again: {command}")
