"""What is counted and logged of each attempt, whoever made it."""

from cstar_cli.cloud import logs
from cstar_cli.cloud.metrics import Metrics, TargetKind, error_class
from cstar_cli.cloud.store.records import AttemptOutcome, Session
from cstar_cli.cloud.store.webhooks import Claim


def webhook_attempt(metrics: Metrics, claim: Claim, outcome: AttemptOutcome) -> None:
    _attempt(metrics, "webhook", claim.team_id, claim.webhook_id, outcome)


def session_attempt(metrics: Metrics, session: Session, outcome: AttemptOutcome) -> None:
    _attempt(metrics, "session", session.team_id, session.id, outcome)


def _attempt(metrics: Metrics, kind: TargetKind, team_id: str, target: str, outcome: AttemptOutcome) -> None:
    metrics.attempted(kind, outcome)
    if not logs.is_on():
        return
    logs.info(
        "attempt",
        team_id=team_id,
        target=target,
        delivery_id=outcome.delivery_id,
        attempt=outcome.attempt,
        succeeded=outcome.succeeded,
        status=outcome.status,
        ms=round(outcome.duration_ms, 1),
        error_class=error_class(outcome) or None,
    )
