"""What `--chaos` did, in words."""

from cstar_cli.activity import ChaosCounts, ChaosName, Forwarded
from cstar_cli.render.times import wait_text

_WORDS: dict[ChaosName, str] = {"duplicate": "duplicate", "shuffle": "out of order", "delay": "delayed"}


def chaos_text(activity: Forwarded) -> str:
    """Return what was done to one delivery, for its line; nothing of one that was dropped, whose error says so."""
    words = ", ".join(_WORDS[name] for name in activity.chaos if name in _WORDS)
    return f"chaos: {words} {wait_text(activity.delay_ms)}" if activity.delay_ms else words and f"chaos: {words}"


def counts_text(counts: ChaosCounts) -> str:
    """Return what was done altogether, as a sentence."""
    duplicated = f"{counts.duplicated} duplicated"
    if counts.duplicates_failed:
        duplicated += f" ({counts.duplicates_failed} failed)"
    each = (
        (counts.duplicated, duplicated),
        (counts.dropped, f"{counts.dropped} dropped"),
        (counts.shuffled, f"{counts.shuffled} out of order"),
        (counts.delayed, f"{counts.delayed} delayed"),
    )
    return f"Chaos: {', '.join(words for count, words in each if count) or 'nothing done'}."
