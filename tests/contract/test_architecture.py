"""The page that a package's docstring is has every room of it."""

import re

import cstar_cli.commands

from .project import ROOT


def test_the_page_of_the_commands_has_every_module_once() -> None:
    told = re.findall(r"^ +(\w+\.py) ", cstar_cli.commands.__doc__ or "", re.MULTILINE)
    modules = [path.name for path in ROOT.glob("cstar_cli/commands/*.py") if path.name != "__init__.py"]
    assert sorted(told) == sorted(modules)
