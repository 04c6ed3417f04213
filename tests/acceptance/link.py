"""A network that can fail: passes bytes between a client and an address, until it is cut."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class Link:
    """Listens on a port of its own and passes every connection on."""

    def __init__(self, base: str) -> None:
        self.lead_to(base)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._sockets: set[socket.socket] = set()
        self._mended = threading.Event()
        self._mended.set()
        self.base = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def lead_to(self, base: str) -> None:
        """Pass connections to this address, from the next one on."""
        parts = urlsplit(base)
        self._to = (parts.hostname or "", parts.port or 80)

    def cut(self) -> None:
        """Break every connection, and each new one until `mend`."""
        self._mended.clear()
        self._break_all()

    def mend(self) -> None:
        self._mended.set()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._break_all()
        self._acceptor.join()

    def _break_all(self) -> None:
        for end in list(self._sockets):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                if not self._mended.is_set():
                    near.close()
                    continue
                try:
                    far = socket.create_connection(self._to)
                except OSError:
                    near.close()
                    continue
                pair = threading.Thread(target=self._pass_both, args=(near, far), daemon=True)
                pair.start()

    def _pass_both(self, near: socket.socket, far: socket.socket) -> None:
        self._sockets |= {near, far}
        back = threading.Thread(target=_pass, args=(far, near), daemon=True)
        back.start()
        _pass(near, far)
        back.join()
        self._sockets -= {near, far}
        near.close()
        far.close()


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
