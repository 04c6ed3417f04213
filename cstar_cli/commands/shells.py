"""Completion as typer does it, but for the words beside the values: typer loads rich to take its markup out of them.

No word of ours has markup, and what a cloud has said is made harmless where it is kept; see `remembered`.
"""

import re

from typer._click.shell_completion import CompletionItem, add_completion_class
from typer._completion_classes import FishComplete, ZshComplete, completion_init


class Zsh(ZshComplete):
    def format_completion(self, item: CompletionItem) -> str:
        return ":".join(f'"{quoted(text)}"' for text in (item.value, item.help) if text)


class Fish(FishComplete):
    def format_completion(self, item: CompletionItem) -> str:
        words = re.sub(r"\s", " ", item.help or "")
        return f"{item.value}\t{words}" if words else str(item.value)


def add_shells() -> None:
    """Teach typer to answer the shells' scripts; without this it knows none, for `main` adds no options of its own."""
    completion_init()
    add_completion_class(Zsh, "zsh")
    add_completion_class(Fish, "fish")


def quoted(text: str) -> str:
    """Return the text as it must stand between double quotes within single ones, which zsh evaluates twice."""
    for character in "\\$`":
        text = text.replace(character, f"\\{character}")
    return text.replace('"', '""').replace("'", "''").replace(":", r"\\:")
