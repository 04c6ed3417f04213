import sys
from pathlib import Path

import pytest

from cstar_cli.commands.editor import changed_text, edit_text, keep_text
from cstar_cli.errors import CstarError


def use_editor(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    script = folder / "my editor.py"
    script.write_text(f"import sys, pathlib\nfile = pathlib.Path(sys.argv[1])\n{code}\n")
    monkeypatch.setenv("VISUAL", f"{sys.executable} '{script}'")


def test_the_text_comes_back_as_the_editor_left_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_editor(monkeypatch, tmp_path, "file.write_text(file.read_text() + 'é\\n', encoding='utf-8')")
    assert edit_text("a\n") == "a\né\n"


def test_editor_is_used_where_visual_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} -c pass")
    assert edit_text("a") == "a"


def test_an_editor_that_fails_sends_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_editor(monkeypatch, tmp_path, "sys.exit(3)")
    with pytest.raises(CstarError, match="ended with 3: nothing was done"):
        edit_text("a")


def test_an_emptied_text_sends_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_editor(monkeypatch, tmp_path, "file.write_text('')")
    with pytest.raises(CstarError, match="empty: nothing was done"):
        edit_text("a")


@pytest.mark.parametrize(
    ("editor", "reason"),
    [("/no/such/editor", "No such file or directory"), ("unbalanced 'quote", "No closing quotation")],
)
def test_an_editor_that_can_not_be_started_is_named(monkeypatch: pytest.MonkeyPatch, editor: str, reason: str) -> None:
    monkeypatch.setenv("VISUAL", editor)
    with pytest.raises(CstarError) as raised:
        edit_text("a")
    assert str(raised.value) == f"Can't start the editor {editor!r}: {reason}. Set VISUAL or EDITOR."


def test_a_kept_text_can_be_read_again() -> None:
    path = keep_text("{é")
    try:
        assert path.read_text(encoding="utf-8") == "{é"
    finally:
        path.unlink()


def test_a_text_that_is_left_as_it_was_is_no_change(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_editor(monkeypatch, tmp_path, "")
    assert changed_text("{ }\n") is None
    use_editor(monkeypatch, tmp_path, "file.write_text('{}')")
    assert changed_text("{ }\n") == "{}"
