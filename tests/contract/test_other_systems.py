"""The program where there is nothing of POSIX: everything loads, and what is asked of the system has its way."""

import subprocess
import sys
from pathlib import Path

import pytest

from cstar_cli.commands import editor

# The standard library and other packages are loaded as they are; ours then find what a Python on Windows has.
AS_ON_WINDOWS = """
import asyncio, importlib, os, pkgutil, signal, socket, subprocess, sys, types
import httpx, idna, prometheus_client, rich.console, rich.table, starlette.applications, tomlkit, typer, uvicorn
import websockets.asyncio.server
import sqlite3, msgspec, tomllib

sys.platform = "win32"
sys.modules["msvcrt"] = types.ModuleType("msvcrt")
for name in ("fcntl", "resource", "termios", "pty", "tty", "pwd", "grp", "uvloop", "asyncpg"):
    sys.modules[name] = None
for module, names in {
    os: "fork fchmod fchown getuid geteuid getpgid killpg setsid pidfd_open pread pwrite register_at_fork",
    signal: "SIGHUP SIGKILL SIGQUIT SIGUSR1 SIGALRM pidfd_send_signal pthread_sigmask",
    socket: "AF_UNIX socketpair_ SO_REUSEPORT",
}.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
import cstar_cli

failed = {}
for found in pkgutil.walk_packages(cstar_cli.__path__, "cstar_cli."):
    if ".postgres" in found.name or found.name == "cstar_cli.__main__":
        continue
    try:
        importlib.import_module(found.name)
    except Exception as error:
        failed[found.name] = repr(error)
print(failed)
"""


def test_every_module_loads_where_there_is_nothing_of_posix(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AS_ON_WINDOWS], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60
    )
    assert (done.stdout, done.returncode) == ("{}\n", 0), done.stderr


@pytest.mark.parametrize(
    ("system", "command", "words"),
    [
        ("posix", "code --wait", ["code", "--wait"]),
        ("posix", "'/opt/my editor/bin' -w", ["/opt/my editor/bin", "-w"]),
        ("nt", r'"C:\Program Files\Editor\e.exe" -w', [r"C:\Program Files\Editor\e.exe", "-w"]),
        ("nt", r"C:\Windows\notepad.exe", [r"C:\Windows\notepad.exe"]),
    ],
)
def test_an_editors_command_is_parted_as_its_system_does(system: str, command: str, words: list[str]) -> None:
    assert editor.words_of(command, system) == words
