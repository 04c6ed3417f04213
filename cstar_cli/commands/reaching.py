"""Whether something listens at an address, and if not, why."""

import socket

from cstar_cli.sender.target import Target

CONNECT_S = 2.0


def fault_of(target: Target) -> str | None:
    """Return None where something accepts connections, or why nothing does."""
    if target.socket_path is None:
        return fault_at(target.host, target.port)
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        return "this system has no Unix sockets"
    with socket.socket(family) as connection:
        connection.settimeout(CONNECT_S)
        try:
            connection.connect(target.socket_path)
        except OSError as error:
            return _reason(error)
    return None


def fault_at(host: str, port: int) -> str | None:
    """Return None where something accepts connections, or why nothing does."""
    try:
        with socket.create_connection((host, port), CONNECT_S):
            return None
    except socket.gaierror:
        return f"there is no host {host}"
    except OSError as error:
        return _reason(error)


def elsewhere(target: Target) -> str | None:
    """Return the URL of the other loopback address where something listens on the target's port."""
    if target.socket_path is not None:
        return None
    hosts = (host for host in ("127.0.0.1", "::1") if host != target.host)
    found = next((host for host in hosts if fault_at(host, target.port) is None), None)
    return found and f"http://{f'[{found}]' if ':' in found else found}:{target.port}"


def _reason(error: OSError) -> str:
    return "no answer" if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()
