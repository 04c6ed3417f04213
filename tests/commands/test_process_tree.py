"""Who belongs to a command: pure, and once with real processes."""

import os
import signal
import subprocess
import sys

from cstar_cli.commands.process_tree import ProcessTree, below, descendants, parents_in


def test_below_are_the_children_and_theirs() -> None:
    parents = {2: 1, 3: 2, 4: 3, 5: 1, 6: 9, 9: 8}
    assert below([2], parents) == {3, 4}
    assert below([1], parents) == {2, 3, 4, 5}
    assert below([7], parents) == set()


def test_a_circle_of_numbers_that_were_reused_is_walked_once() -> None:
    assert below([2], {3: 2, 2: 3}) == {2, 3}


def test_what_ps_prints_is_read_without_those_that_have_ended() -> None:
    assert parents_in("    1     0 Ss\n   12     1 R+\n   13    12 Z+\n 4711    12 S<l\n") == {1: 0, 12: 1, 4711: 12}


def test_the_system_is_asked_for_what_has_not_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        tree = ProcessTree(child.pid)
        assert child.pid in tree.left()
        child.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie until it is waited for
        assert child.pid not in tree.left()


def test_what_ran_below_us_before_is_not_the_commands() -> None:
    """A shell that becomes us (`worker & exec cstar listen -- …`, `> >(tee log)`) leaves us its children."""
    with (
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as inherited,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as command,
    ):
        tree = ProcessTree(command.pid, descendants() - {command.pid})
        tree.look()
        assert inherited.pid not in tree.left()
        assert command.pid in tree.left()
        for each in (inherited, command):
            each.kill()
