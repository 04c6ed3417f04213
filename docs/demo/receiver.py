"""Receives cStar webhooks with nothing but the standard library and checks their signatures.

CSTAR_SECRET is the signing secret (cstar listen --print-secret), PORT the port (0 takes a free one).
Prints one line of JSON when it listens, and one for each event.
"""

import contextlib
import hashlib
import hmac
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ.get("CSTAR_SECRET", "")


def is_verified(body: bytes, signature: str) -> bool:
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        verified = is_verified(body, self.headers.get("x-cstar-signature", ""))
        event_type, delivery = self.headers.get("x-cstar-event"), self.headers.get("x-cstar-delivery")
        print(json.dumps({"type": event_type, "delivery": delivery, "verified": verified}), flush=True)
        answer = b"ok" if verified else b"wrong signature"
        self.send_response(200 if verified else 401)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Leave standard error to errors."""


def main() -> None:
    if not SECRET:
        sys.exit("Set CSTAR_SECRET to the signing secret: cstar listen --print-secret")
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Handler)
    print(json.dumps({"listening": server.server_port}), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
