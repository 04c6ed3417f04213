"""Registered URLs."""

import builtins
from collections.abc import Sequence

from msgspec.structs import replace

from cstar_cli.cloud.store.interface import Conflict
from cstar_cli.cloud.store.postgres import rows
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.postgres.database import Database, Written
from cstar_cli.cloud.store.postgres.listing import MOST_ROWS
from cstar_cli.cloud.store.queries import Page
from cstar_cli.cloud.store.wakeups import WEBHOOKS
from cstar_cli.cloud.store.webhooks import NewWebhook, Webhook, WebhookChange


class PostgresWebhooks:
    """The interface `Webhooks` over the database."""

    def __init__(self, database: Database, lists: Database) -> None:
        self._database = database
        self._lists = lists

    async def create(self, team_id: str, webhook: NewWebhook) -> Webhook:
        return await self._database.change(_create, team_id, webhook)

    async def get(self, team_id: str, webhook_id: str) -> Webhook | None:
        return await self._lists.ask(_find, team_id, webhook_id)

    async def list(self, team_id: str, page: Page) -> Sequence[Webhook]:
        return await self._lists.ask(_list, team_id, page)

    async def change(self, team_id: str, webhook_id: str, change: WebhookChange) -> Webhook | None:
        return await self._database.change(_change, team_id, webhook_id, change)

    async def rotate(self, team_id: str, webhook_id: str, secret: str, overlap_ms: int) -> Webhook | None:
        return await self._database.change(_rotate, team_id, webhook_id, secret, overlap_ms)

    async def delete(self, team_id: str, webhook_id: str) -> bool:
        return await self._database.change(_delete, team_id, webhook_id)


async def _create(connection: Connection, team_id: str, new: NewWebhook) -> Written[Webhook]:
    await connection.execute(
        "INSERT INTO webhooks (id, team_id, name, url, patterns, secret, is_active, wire, created_at_ms,"
        " updated_at_ms) SELECT $1, $2, $3, $4, $5, $6, $7, $8, ms, ms FROM (SELECT now_ms() AS ms) now"
        " ON CONFLICT (id) DO NOTHING",
        new.id,
        team_id,
        new.name,
        new.url,
        rows.patterns(new.filter),
        new.secret,
        new.is_active,
        new.wire,
    )
    webhook = await _find(connection, team_id, new.id)
    if not webhook:
        raise Conflict(f"{new.id} is another team's webhook: give yours an id of its own.")
    return Written(webhook)


async def _find(connection: Connection, team_id: str, webhook_id: str) -> Webhook | None:
    row = await connection.fetchrow(
        f"SELECT {rows.WEBHOOK} FROM webhooks WHERE id = $1 AND team_id = $2", webhook_id, team_id
    )
    return rows.webhook(row) if row else None


async def _list(connection: Connection, team_id: str, page: Page) -> builtins.list[Webhook]:
    found = await connection.fetch(
        f"SELECT {rows.WEBHOOK} FROM webhooks WHERE team_id = $1 ORDER BY seq DESC LIMIT $2 OFFSET $3",
        team_id,
        page.size + 1,
        min(page.offset, MOST_ROWS),
    )
    return [rows.webhook(row) for row in found]


async def _locked(connection: Connection, team_id: str, webhook_id: str) -> tuple[Webhook, int] | None:
    """Return the webhook, which nobody else changes now, and the time."""
    row = await connection.fetchrow(
        f"SELECT now_ms(), {rows.WEBHOOK} FROM webhooks WHERE id = $1 AND team_id = $2 FOR UPDATE", webhook_id, team_id
    )
    return (rows.webhook(tuple(row)[1:]), row[0]) if row else None


async def _change(
    connection: Connection, team_id: str, webhook_id: str, change: WebhookChange
) -> Written[Webhook | None]:
    found = await _locked(connection, team_id, webhook_id)
    if not found:
        return Written(None)
    webhook, now_ms = found
    wanted = replace(
        webhook,
        name=webhook.name if change.name is None else change.name,
        url=webhook.url if change.url is None else change.url,
        filter=webhook.filter if change.filter is None else change.filter,
        updated_at_ms=now_ms,
        wire=webhook.wire if change.wire is None else change.wire,
    )
    if change.is_active:
        wanted = replace(wanted, is_active=True, disabled_reason=None, failing_since_ms=None)
    elif change.is_active is False:
        reason = change.reason if webhook.is_active else change.reason or webhook.disabled_reason
        wanted = replace(wanted, is_active=False, disabled_reason=reason)
    await _store(connection, wanted)
    return Written(wanted, topics=[WEBHOOKS])


async def _rotate(
    connection: Connection, team_id: str, webhook_id: str, secret: str, overlap_ms: int
) -> Written[Webhook | None]:
    found = await _locked(connection, team_id, webhook_id)
    if not found:
        return Written(None)
    webhook, now_ms = found
    if webhook.secret == secret:
        return Written(webhook)
    wanted = replace(
        webhook,
        secret=secret,
        updated_at_ms=now_ms,
        previous_secret=webhook.secret if overlap_ms > 0 else None,
        previous_secret_until_ms=now_ms + overlap_ms if overlap_ms > 0 else None,
    )
    await _store(connection, wanted)
    return Written(wanted)


async def _store(connection: Connection, webhook: Webhook) -> None:
    await connection.execute(
        "UPDATE webhooks SET name = $2, url = $3, patterns = $4, secret = $5, is_active = $6, updated_at_ms = $7,"
        " previous_secret = $8, previous_secret_until_ms = $9, disabled_reason = $10, failing_since_ms = $11,"
        " wire = $12"
        " WHERE id = $1",
        webhook.id,
        webhook.name,
        webhook.url,
        rows.patterns(webhook.filter),
        webhook.secret,
        webhook.is_active,
        webhook.updated_at_ms,
        webhook.previous_secret,
        webhook.previous_secret_until_ms,
        webhook.disabled_reason,
        webhook.failing_since_ms,
        webhook.wire,
    )


async def _delete(connection: Connection, team_id: str, webhook_id: str) -> Written[bool]:
    deleted = await connection.fetchval(
        "DELETE FROM webhooks WHERE id = $1 AND team_id = $2 RETURNING TRUE", webhook_id, team_id
    )
    return Written(deleted is not None, topics=[WEBHOOKS])
