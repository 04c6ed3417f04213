"""Runs commands in forks of a process that has loaded `cstar`: to start Python for each took half of these tests' time.

How `cstar` itself starts, and what it finds then, is what tests/contract and tests/acceptance are about.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..processes import Env, RunCstar
from ..zygote import Zygote


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


@pytest.fixture
def cstar(zygote: Zygote, home: Env, tmp_path: Path) -> RunCstar:
    def run(
        *arguments: str, env: Env | None = None, stdin: str | None = None, timeout_s: float = 30.0
    ) -> subprocess.CompletedProcess[str]:
        ran = zygote.run(arguments, env or home, tmp_path, stdin="text", text=stdin or "", for_s=timeout_s)
        if ran.code is None or not ran.in_time:
            raise subprocess.TimeoutExpired(arguments, timeout_s, ran.out, ran.err)
        return subprocess.CompletedProcess(arguments, ran.code, ran.out, ran.err)

    return run
