"""nginx with the site of docs/operating, in front of nodes of this machine."""

import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ..processes import Env, Running, Serving, free_port
from ..sender.receivers import CERTIFICATE
from .stage import wait_until

_SITE = Path(__file__).parents[2] / "docs" / "operating" / "nginx.conf"
_MAIN = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


class ReverseProxy(Running):
    """The proxy: `secure` is the site as it is, `plain` the same without TLS."""

    def __init__(self, nodes: Sequence[Serving], env: Env, folder: Path) -> None:
        own = folder / "nginx"
        own.mkdir()
        own.chmod(0o755)
        secure, plain = free_port(), free_port()
        self.secure, self.plain = f"https://localhost:{secure}", f"http://127.0.0.1:{plain}"
        places = {
            "listen 443 ssl;": f"listen 127.0.0.1:{secure} ssl; listen 127.0.0.1:{plain};",
            "/etc/ssl/hooks.example.com.pem": str(CERTIFICATE),
            "/etc/ssl/hooks.example.com.key": str(CERTIFICATE),
            **{f"10.0.0.1{number}:7827": urlsplit(node.address).netloc for number, node in enumerate(nodes, 1)},
        }
        site = _SITE.read_text()
        for there, here in places.items():
            assert site.count(there) == 1, there
            site = site.replace(there, here)
        (own / "site.conf").write_text(site)
        (own / "nginx.conf").write_text(_MAIN.format(folder=own))
        super().__init__([_program(), "-p", str(own), "-c", str(own / "nginx.conf"), "-e", "stderr"], env, folder)
        wait_until(self._accepts, 10, f"nginx: {self.stderr}")

    def _accepts(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", urlsplit(self.plain).port or 0), 1).close()
        except OSError:
            return False
        return True


def _program() -> str:
    found = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin") or shutil.which("nginx")
    if not found:
        raise AssertionError("The tests put nginx in front of nodes, and it is nowhere: install the package nginx.")
    return found
