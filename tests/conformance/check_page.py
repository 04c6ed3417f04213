"""What docs/check.md says of each trial, from the trials themselves: python -m tests.conformance.check_page."""

from cstar_cli.conformance.signatures import TIMES
from cstar_cli.conformance.trial import Trial
from cstar_cli.conformance.trials import EVERY


def section(trial: Trial) -> str:
    """Return the part of the page about a trial."""
    only = "Only in wire version 2026-03. " if trial in TIMES else ""
    return (
        f"### {trial.name}\n\n{only}Sends {trial.sends}. Passes with {trial.wants}.\n\n{trial.why}\n\n"
        f"**What to change:** {trial.change}\n"
    )


def sections() -> str:
    """Return all of them."""
    return "\n".join(section(trial) for trial in EVERY)


if __name__ == "__main__":
    print(sections(), end="")
