"""What `cstar doctor` looks at: each check yields what it found, and may hang or fail, which its caller bears."""

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from cstar_cli import config
from cstar_cli.envfile import SECRET_VARIABLE, values_of
from cstar_cli.errors import CloudUnreachable, CstarError

if TYPE_CHECKING:
    from cstar_cli.resources import Session
    from cstar_cli.sender.target import Target
    from cstar_cli.sender.tls import Trust
    from cstar_cli.tunnel.routes import Route

MOST_CLOCK_DIFFERENCE_S = 60
SILENCE_S = 2.0
MOST_SESSIONS = 100  # that are looked at


class Finding(msgspec.Struct, frozen=True):
    """What was looked at, how it is, and where it isn't well, what to do."""

    check: str
    status: Literal["ok", "problem", "skipped"]
    message: str
    remedy: str | None = None


class Scene(msgspec.Struct, frozen=True):
    """What is looked at; `forward_to` is None where the settings files say where to, and `fault` is those files'."""

    home: config.Home
    api_base: str
    forward_to: str | None
    insecure: bool
    cacert: str | None
    env_file: Path
    fault: CstarError | None = None


def fault_of_routes(home: config.Home) -> CstarError | None:
    """Return what is wrong with the routes that hold here, if anything is."""
    from cstar_cli.commands.routing import routes_here

    try:
        routes_here(home)
    except CstarError as fault:
        return fault
    return None


def _settings(scene: Scene) -> Iterator[Finding]:
    if scene.fault is not None:
        raise scene.fault
    written = config.written(scene.home)
    files = "no file sets anything" if not written else "the files' settings are all known"
    yield Finding("settings", "ok", f"{files}; profile {scene.home.profile_name}, team {scene.home.profile().team_id}")


def _permissions(scene: Scene) -> Iterator[Finding]:
    if os.name == "nt":
        yield Finding("permissions", "skipped", "Windows keeps a user's folder to that user")
        return
    if scene.home.path.exists() and not scene.home.path.is_dir():
        yield Finding("permissions", "skipped", f"{scene.home.path} is no folder")
        return
    kept = [scene.home.path, scene.home.cloud / "token", *scene.home.profiles.folder.glob("*.json")]
    open_ones = [path for path in kept if path.exists() and path.stat().st_mode & 0o077]
    for path in open_ones:
        wanted = "700" if path.is_dir() else "600"
        yield Finding("permissions", "problem", f"others can read {path}", f"chmod {wanted} '{path}'")
    if not open_ones:
        yield Finding("permissions", "ok", f"{scene.home.path} is for you alone")


def _cloud(scene: Scene) -> Iterator[Finding]:
    from cstar_cli.commands.cloud import health_of, running

    try:
        health = health_of(scene.api_base)
    except CloudUnreachable:
        if not config.is_local(scene.api_base):
            raise
        yield Finding("cloud", "ok", "none runs; cstar listen starts one")
        return
    yield Finding("cloud", "ok", f"{running(health, scene.api_base)}, listeners connected: {health.sessions}")


def _clock(scene: Scene) -> Iterator[Finding]:
    from email.utils import parsedate_to_datetime

    from cstar_cli.clock import now_ms

    try:
        told = parsedate_to_datetime(_date_at(scene.api_base))
    except (CstarError, ValueError):
        yield Finding("clock", "skipped", "no cloud tells the time")
        return
    ahead_s = round(now_ms() / 1000 - told.timestamp())
    if abs(ahead_s) <= MOST_CLOCK_DIFFERENCE_S:
        yield Finding("clock", "ok", f"{abs(ahead_s)} s from the cloud's")
    else:
        message = f"{abs(ahead_s)} s {'ahead of' if ahead_s > 0 else 'behind'} the cloud's"
        yield Finding("clock", "problem", message, "Set this machine's clock; timedatectl set-ntp true keeps it right.")


class _Alive(msgspec.Struct):
    """What a cloud says of itself to everyone."""

    status: str
    version: str


def _date_at(api_base: str) -> str:
    import time

    from cstar_cli.client.answers import read
    from cstar_cli.client.wire import Lost, Request, wire_to

    wire = wire_to(api_base, "", time.monotonic)
    try:
        with wire.open(Request("GET", f"{api_base}/health", {}, silence_s=SILENCE_S)) as reply:
            read(b"".join(reply.chunks()), _Alive, api_base)  # another program's clock says nothing
            return reply.header("date")
    except Lost as error:
        raise CloudUnreachable(str(error)) from error
    finally:
        wire.close()


def _database(scene: Scene) -> Iterator[Finding]:
    import shutil

    if not config.is_local(scene.api_base):
        yield Finding("database", "skipped", "it is the cloud's own, and not on this machine")
        return
    folder = next(path for path in (scene.home.cloud, *scene.home.cloud.parents) if path.exists())
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    if not folder.is_dir():
        yield Finding("database", "problem", f"{folder} is a file", "Move it away, or set CSTAR_HOME to a folder.")
    elif not os.access(folder, os.W_OK):
        yield Finding("database", "problem", f"{folder} can't be written", "Make it writable, or set CSTAR_HOME.")
    elif free_mb < 100:
        yield Finding("database", "problem", f"only {free_mb} MB are free in {folder}", "Make room, or set CSTAR_HOME.")
    else:
        yield Finding("database", "ok", f"{scene.home.database}, {free_mb:,} MB free")


def _port(scene: Scene) -> Iterator[Finding]:
    from urllib.parse import urlsplit

    from cstar_cli.commands.reaching import fault_at

    if not config.is_local(scene.api_base):
        yield Finding("port", "skipped", "the cloud is not on this machine")
        return
    parts = urlsplit(scene.api_base)
    port = parts.port or 80
    if fault_at(parts.hostname or "127.0.0.1", port) is not None:
        yield Finding("port", "ok", f"{port} is free for cstar listen")
        return
    try:
        _date_at(scene.api_base)  # as it tells everyone, whatever it thinks of our key
    except CstarError:
        other = f"http://127.0.0.1:{port + 1}"
        is_from_env = os.environ.get("CSTAR_API_BASE", "").rstrip("/") == scene.api_base  # which comes before the files
        how = f"CSTAR_API_BASE={other}" if is_from_env else f"cstar config set api_base {other}"
        yield Finding("port", "problem", f"another program has {port}", f"Let the cloud have another: {how}")
    else:
        yield Finding("port", "ok", f"{port} is the running cloud's")


def _receiver(scene: Scene) -> Iterator[Finding]:
    from cstar_cli.commands.reaching import reached

    if scene.fault is not None and scene.forward_to is None:
        yield Finding("receiver", "skipped", "the settings would say where it is; --forward-to says it, too")
        return
    correction = "correct the route's forward_to" if _routes(scene) else "say where it is with --forward-to"
    for target, trust in _targets(scene).items():
        fault, hint = reached(target, trust)
        if fault is None:
            yield Finding("receiver", "ok", f"{target.url}: {'it' if target.socket_path else 'its port'} answers")
        else:
            remedy = hint or f"Start your application, or {correction}."
            yield Finding("receiver", "problem", f"{target.url}: {fault}", remedy)


def _targets(scene: Scene) -> "dict[Target, Trust]":
    from cstar_cli.commands.routing import trust_for
    from cstar_cli.sender.tls import trust_of
    from cstar_cli.tunnel.addresses import parse_forward_to

    chosen = _listens_settings(scene)
    cacert = scene.cacert or chosen.get("cacert")
    insecure = scene.insecure or chosen.get("insecure") in (True, "1", "true", "yes", "on")
    shared = trust_of(None if cacert is None else str(cacert), insecure=insecure)
    if routes := _routes(scene):
        return {route.target: trust_for(route, shared) for route in routes}  # each once
    said = scene.forward_to or chosen.get("forward_to")
    return {parse_forward_to(url): shared for url in ([str(said)] if said else _listened_for(scene))}


def _listened_for(scene: Scene) -> Sequence[str]:
    """Return where the connected listeners of a cloud on this machine forward to, or else where one would."""
    from cstar_cli.commands.listen import DEFAULT_FORWARD_TO
    from cstar_cli.commands.within import OutOfTime, within

    found: list[str] = []
    if config.is_local(scene.api_base):
        with suppress(CstarError, OutOfTime):  # what is wrong with the cloud is said of the cloud
            found = [each.forward_to for each in within(SILENCE_S, lambda: _sessions(scene)) if each.connected]
    return found or [DEFAULT_FORWARD_TO]


def _sessions(scene: Scene) -> "Iterator[Session]":
    from cstar_cli.client.connect import connect
    from cstar_cli.resources import Session

    with connect(scene.api_base, os.environ, lambda _: None) as client:
        for record in client.records("/sessions", {}, MOST_SESSIONS):
            yield msgspec.json.decode(record, type=Session)


def _routes(scene: Scene) -> "Sequence[Route]":
    from cstar_cli.commands.routing import routes_here

    return routes_here(scene.home) if scene.forward_to is None else ()


def _secret(scene: Scene) -> Iterator[Finding]:
    if scene.fault is not None:
        yield Finding("secret", "skipped", "the settings would say which one cstar listen signs with")
        return
    secrets = _signing_secrets(scene)
    try:
        text = scene.env_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        yield Finding("secret", "skipped", f"there is no {scene.env_file}")
        return
    values = set(values_of(text, SECRET_VARIABLE))
    if not values:
        yield Finding("secret", "skipped", f"{scene.env_file} has no {SECRET_VARIABLE}")
    elif len(values) == 1 and values <= secrets:
        yield Finding("secret", "ok", f"{scene.env_file} has the secret that cstar listen signs with")
    else:
        remedy = f"cstar listen --env-file {shlex.quote(str(scene.env_file))} writes it there."
        yield Finding("secret", "problem", f"{scene.env_file} has another secret than cstar listen signs with", remedy)


def _signing_secrets(scene: Scene) -> set[str]:
    from cstar_cli.commands.routing import secret_of

    own = [secret_of(route, os.environ) for route in _routes(scene)] or [None]
    return {scene.home.profile().signing_secret if secret is None else secret for secret in own}


def _listens_settings(scene: Scene) -> "dict[str, object]":
    """Return what `cstar listen` is told here by the files and the environment."""
    from cstar_cli.commands import settings

    start = "CSTAR_{}_".format("LISTEN")
    told = {name.removeprefix(start).lower(): value for name, value in os.environ.items() if name.startswith(start)}
    choose = settings.choose if scene.fault is None else settings.choose_without_files
    return {**choose("listen", None).defaults.get("listen", {}), **told}


Check = Callable[[Scene], Iterator[Finding]]
CHECKS: dict[str, Check] = {
    "settings": _settings,
    "permissions": _permissions,
    "cloud": _cloud,
    "clock": _clock,
    "database": _database,
    "port": _port,
    "receiver": _receiver,
    "secret": _secret,
}
"""In the order of what rests on what."""
