"""Where `localhost` and `host.docker.internal` are, seen from within a container and from outside."""

from pathlib import Path

from msgspec.structs import replace

from cstar_cli.sender.target import Target

HOSTS = frozenset(("host.docker.internal", "gateway.docker.internal", "host.containers.internal"))
"""The machine that runs a container, as Docker and Podman call it within."""

_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))


def in_container() -> bool:
    """Say whether Docker or Podman runs us."""
    return any(mark.exists() for mark in _MARKS)


def hint_when_unknown(target: Target, *, contained: bool) -> str | None:
    """Say why the name isn't known, when it is one of these."""
    if target.host not in HOSTS:
        return None
    if not contained:
        return _from_outside(target)
    return (
        f"On Linux a container knows {target.host} when it is started with"
        f" --add-host={target.host}:host-gateway (in a compose file: extra_hosts)."
    )


def hint_when_refused(target: Target, *, contained: bool) -> str:
    """Say what refuses connections under one of these names."""
    if not contained:
        return _from_outside(target)
    return (
        f"{target.host} is the machine that runs this container: is the server running there,"
        " and does it listen on 0.0.0.0, not on 127.0.0.1 alone?"
    )


def add_where_localhost_is(hint: str | None) -> str:
    """Say, with a hint about localhost or alone, that a container has one of its own."""
    if hint and "instead" in hint:
        return hint
    where = "Here localhost is this container; the machine that runs it is host.docker.internal."
    return f"{hint} {where}" if hint else where


def _from_outside(target: Target) -> str:
    here = replace(target, host="localhost").url
    return f"{target.host} is a name for use within containers; on the machine itself forward to {here}"
