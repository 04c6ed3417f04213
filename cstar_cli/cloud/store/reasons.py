"""Why a delivery was stopped, or can't be what was asked of it, in words: the same whatever the driver."""

from cstar_cli.cloud.store.interface import Conflict, SessionMoved, Unknown
from cstar_cli.cloud.store.records import Delivery, Session
from cstar_cli.events.envelope import iso

# Error classes of attempts that nothing was posted in.
STOPPED = "stopped"
CANCELED = "canceled"

SKIPPED = "skipped: the listener was away, and takes only what comes from now on"
WEBHOOK_DELETED = "the webhook was deleted"


def webhook_disabled(reason: str | None) -> str:
    return f"the webhook is disabled: {reason}" if reason else "the webhook is disabled"


def always_failed(since_ms: int) -> str:
    """Why a webhook was disabled without being asked to."""
    return f"every attempt since {iso(since_ms)} has failed"


def unknown_webhook(webhook_id: str) -> Unknown:
    return Unknown(f"{webhook_id} is none of this team's webhooks: see them with cstar webhooks list.")


def inactive_webhook(webhook_id: str, reason: str | None) -> Conflict:
    why = f" ({reason})" if reason else ""
    return Conflict(f"{webhook_id} is disabled{why}: enable it first with cstar webhooks enable {webhook_id}.")


def unknown_session(session_id: str) -> Unknown:
    return Unknown(f"{session_id} is none of this team's open sessions: start cstar listen, or choose another target.")


def moved(session: Session) -> SessionMoved:
    return SessionMoved(f"{session.id} has ended, or goes on over another connection.")


def deleted_webhook(delivery: Delivery) -> Conflict:
    return Conflict(
        f"{delivery.target} was deleted: send the event again with"
        f" cstar events resend {delivery.event_id} --to whk_…, to another one."
    )


def ended_session(delivery: Delivery) -> Conflict:
    return Conflict(
        f"{delivery.target} has ended: send the event again with"
        f" cstar events resend {delivery.event_id} --session ses_…, to an open one."
    )


def under_way(delivery: Delivery) -> Conflict:
    return Conflict(f"{delivery.id} is under way just now: see what comes of it with cstar deliveries show.")


def succeeded_already(delivery: Delivery) -> Conflict:
    return Conflict(
        f"{delivery.id} has succeeded: send its event again with"
        f" cstar events resend {delivery.event_id}, as a delivery of its own."
    )


def not_pending(delivery: Delivery) -> Conflict:
    return Conflict(f"{delivery.id} is no longer pending but {delivery.status}: there is nothing left to cancel.")
