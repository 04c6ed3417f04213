"""Registered URLs."""

import builtins
import sqlite3
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from cstar_cli.cloud.store.queries import Page
from cstar_cli.cloud.store.sqlite import rows
from cstar_cli.cloud.store.sqlite.readers import Readers
from cstar_cli.cloud.store.sqlite.writer import Writer, Written
from cstar_cli.cloud.store.wakeups import WEBHOOKS
from cstar_cli.cloud.store.webhooks import NewWebhook, Webhook, WebhookChange


class SqliteWebhooks:
    """The interface `Webhooks` over the file."""

    def __init__(self, writer: Writer, readers: Readers, now_ms: Callable[[], int]) -> None:
        self._writer = writer
        self._readers = readers
        self._now_ms = now_ms

    async def create(self, team_id: str, webhook: NewWebhook) -> Webhook:
        return await self._writer.run(lambda connection: _create(connection, team_id, webhook, self._now_ms()))

    async def get(self, team_id: str, webhook_id: str) -> Webhook | None:
        return await self._readers.ask(_find, team_id, webhook_id, self._now_ms())

    async def list(self, team_id: str, page: Page) -> Sequence[Webhook]:
        return await self._readers.ask(_list, team_id, page, self._now_ms())

    async def change(self, team_id: str, webhook_id: str, change: WebhookChange) -> Webhook | None:
        return await self._writer.run(
            lambda connection: _change(connection, team_id, webhook_id, change, self._now_ms())
        )

    async def rotate(self, team_id: str, webhook_id: str, secret: str, overlap_ms: int) -> Webhook | None:
        return await self._writer.run(
            lambda connection: _rotate(connection, team_id, webhook_id, secret, overlap_ms, self._now_ms())
        )

    async def delete(self, team_id: str, webhook_id: str) -> bool:
        return await self._writer.run(lambda connection: _delete(connection, team_id, webhook_id))


def _create(connection: sqlite3.Connection, team_id: str, new: NewWebhook, now_ms: int) -> Written[Webhook]:
    known = _find(connection, team_id, new.id, now_ms)
    if known:
        return Written(known)
    webhook = Webhook(
        new.id, team_id, new.name, new.url, new.filter, new.secret, new.is_active, now_ms, now_ms, wire=new.wire
    )
    connection.execute(
        f"INSERT INTO webhooks ({rows.WEBHOOK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL, NULL, ?)",
        (new.id, team_id, new.name, new.url, rows.patterns(new.filter), new.secret, new.is_active, now_ms, now_ms)
        + (new.wire,),
    )
    return Written(webhook)


def _find(connection: sqlite3.Connection, team_id: str, webhook_id: str, now_ms: int) -> Webhook | None:
    row = connection.execute(
        f"SELECT {rows.WEBHOOK} FROM webhooks WHERE id = ? AND team_id = ?", (webhook_id, team_id)
    ).fetchone()
    return rows.webhook(row, now_ms) if row else None


def _list(connection: sqlite3.Connection, team_id: str, page: Page, now_ms: int) -> builtins.list[Webhook]:
    found = connection.execute(
        f"SELECT {rows.WEBHOOK} FROM webhooks WHERE team_id = ? ORDER BY seq DESC LIMIT ? OFFSET ?",
        (team_id, page.size + 1, page.offset),
    )
    return [rows.webhook(row, now_ms) for row in found]


def _change(
    connection: sqlite3.Connection, team_id: str, webhook_id: str, change: WebhookChange, now_ms: int
) -> Written[Webhook | None]:
    webhook = _find(connection, team_id, webhook_id, now_ms)
    if not webhook:
        return Written(None)
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
    _store(connection, wanted)
    return Written(wanted, topics=[WEBHOOKS])


def _rotate(
    connection: sqlite3.Connection, team_id: str, webhook_id: str, secret: str, overlap_ms: int, now_ms: int
) -> Written[Webhook | None]:
    webhook = _find(connection, team_id, webhook_id, now_ms)
    if not webhook or webhook.secret == secret:
        return Written(webhook)
    wanted = replace(
        webhook,
        secret=secret,
        updated_at_ms=now_ms,
        previous_secret=webhook.secret if overlap_ms > 0 else None,
        previous_secret_until_ms=now_ms + overlap_ms if overlap_ms > 0 else None,
    )
    _store(connection, wanted)
    return Written(wanted)


def _store(connection: sqlite3.Connection, webhook: Webhook) -> None:
    connection.execute(
        "UPDATE webhooks SET name = ?, url = ?, patterns = ?, secret = ?, is_active = ?, updated_at_ms = ?,"
        " previous_secret = ?, previous_secret_until_ms = ?, disabled_reason = ?, failing_since_ms = ?, wire = ?"
        " WHERE id = ?",
        (webhook.name, webhook.url, rows.patterns(webhook.filter), webhook.secret, webhook.is_active)
        + (webhook.updated_at_ms, webhook.previous_secret, webhook.previous_secret_until_ms)
        + (webhook.disabled_reason, webhook.failing_since_ms, webhook.wire, webhook.id),
    )


def _delete(connection: sqlite3.Connection, team_id: str, webhook_id: str) -> Written[bool]:
    deleted = connection.execute("DELETE FROM webhooks WHERE id = ? AND team_id = ?", (webhook_id, team_id)).rowcount
    return Written(deleted > 0, topics=[WEBHOOKS])
