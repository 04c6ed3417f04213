"""What the contract tests look at: the tree of commands, and the pages of documentation."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from cstar_cli.main import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
EVENTS_PAGE = (ROOT / "docs" / "events.md").read_text("utf-8")
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in [*ROOT.glob("docs/*.md")]}
PAGES["README.md"] = README


@dataclass(frozen=True, slots=True)
class Command:
    """A command or group of the tree; `helps` are its options and arguments with their help."""

    path: tuple[str, ...]
    is_group: bool
    options: frozenset[str]
    helps: dict[str, str]


def _walk(path: tuple[str, ...], node: Any) -> list[Command]:
    options = [name for param in node.params for name in (*param.opts, *param.secondary_opts)]
    helps = {param.name: getattr(param, "help", None) or "" for param in node.params}
    children = getattr(node, "commands", {})
    here = Command(path, bool(children), frozenset(options), helps)
    return [here, *(found for name, child in children.items() for found in _walk((*path, name), child))]


TREE = {" ".join(command.path): command for command in _walk((), typer.main.get_command(app))}
LEAVES = {f"cstar {name}": command for name, command in TREE.items() if not command.is_group}


def blocks(page: str, language: str) -> list[str]:
    """Return the page's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def rows(page: str, first_column: str) -> list[list[str]]:
    """Return the cells of the table whose first column has this title, without the title row."""
    lines = iter(page.splitlines())
    for line in lines:
        if line.startswith(f"| {first_column} |"):
            next(lines)
            break
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found
