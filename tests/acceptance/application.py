"""An application as users have it: `python application.py PORT [HOW…]` answers every POST on the port with 200.

HOW is how it behaves: `deaf` to SIGINT and SIGTERM; `careless` starts the server as a child of its own, and ends at a
signal without a word to it; `waits` until SIGUSR1 before it answers; `reads` a line; is `mute` and turns the terminal's
echo off. A POST to /exit/N ends it with N.
"""

import os
import signal
import subprocess
import sys
import termios
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

PORT, *HOW = sys.argv[1:]


def say(text: str) -> None:
    os.write(1, f"app: {text}\n".encode())  # the line whole


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()
        say(f"got {self.headers['x-cstar-event']}")
        if self.path.startswith("/exit/"):
            os._exit(int(self.path.removeprefix("/exit/")))

    def log_message(self, format: str, *args: object) -> None:
        pass


def hear(number: int, _: object) -> None:
    say(f"heard {signal.Signals(number).name}")
    if "deaf" not in HOW:
        os._exit(0)


for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, hear)
say(f"secret {os.environ.get('CSTAR_WEBHOOK_SECRET')}, pid {os.getpid()}")
say(f"terminals {[stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)]}")
if "mute" in HOW:
    attributes = termios.tcgetattr(0)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSANOW, attributes)
if "waits" in HOW:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    signal.sigwait({signal.SIGUSR1})
if "careless" in HOW:
    subprocess.Popen([sys.executable, __file__, PORT]).wait()
if "reads" in HOW:
    threading.Thread(target=lambda: say(f"read {input()}"), daemon=True).start()
HTTPServer(("127.0.0.1", int(PORT)), Handler).serve_forever()
