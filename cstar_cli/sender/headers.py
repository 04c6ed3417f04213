"""The headers that the contract gives every delivery, whoever sends it."""

from cstar_cli import signing

Headers = tuple[tuple[str, str], ...]


def contract_headers(event_type: str, delivery_id: str, body: bytes, secret: str) -> Headers:
    """Return them, signed over the exact body (cStar webhooks, 2025-12)."""
    return (
        ("content-type", "application/json"),
        ("x-cstar-signature", signing.sign(body, secret)),
        ("x-cstar-event", event_type),
        ("x-cstar-delivery", delivery_id),
    )
