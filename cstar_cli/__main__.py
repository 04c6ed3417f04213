"""`python -m cstar_cli` is `cstar`."""

from cstar_cli.main import run

run()
