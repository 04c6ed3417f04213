"""`listen` without typer: the same options, and none of what only declares them."""

import socket
from pathlib import Path

import typer

from cstar_cli.main import app
from cstar_cli.quick import NO_OPTIONS
from tests.processes import Env, Running

from .project import ROOT
from .quick_options import quick_options
from .test_start_up import CSTAR, packages


def test_the_table_is_what_typer_makes_of_the_options() -> None:
    assert quick_options() == (ROOT / "cstar_cli" / "quick.txt").read_text("utf-8"), "make texts writes it anew"


def test_no_option_of_listen_is_set_by_the_variables_that_typer_need_not_see() -> None:
    root = typer.main.get_command(app)
    options = [*root.params, *root.commands["listen"].params]  # type: ignore[attr-defined]  # it is a group
    named = {option.envvar for option in options}
    automatic = {f"CSTAR_{prefix}{option.name}".upper() for option in options for prefix in ("", "LISTEN_")}
    assert not NO_OPTIONS & (named | automatic)


def test_listening_with_plain_options_never_loads_typer(home: Env, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        forward_to = f"--forward-to=127.0.0.1:{nobody.getsockname()[1]}/hook"
    with Running([*CSTAR, "listen", "--json", forward_to, "--header", "a: b"], home, tmp_path) as session:
        assert '"ready"' in session.next_line()
        session.stop()
    assert "typer" not in packages(session.stderr)
