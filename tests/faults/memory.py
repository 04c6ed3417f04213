"""How much memory a process has taken."""

from pathlib import Path


def resident_kib(pid: int) -> int:
    return _kib(pid, "VmRSS")


def peak_kib(pid: int) -> int:
    """Return the most that it has had since the last `forget_peak`."""
    return _kib(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _kib(pid: int, what: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what + ":")).split()[1])
