"""Picks the reader of answers that this platform has."""

from cstar_cli.sender.answer import AnswerReader


def best_reader() -> type[AnswerReader]:
    """Return the reader in C where httptools is installed, otherwise the one in plain Python."""
    try:
        from cstar_cli.sender.parse_httptools import HttptoolsReader
    except ImportError:
        from cstar_cli.sender.parse_h11 import H11Reader

        return H11Reader
    return HttptoolsReader
