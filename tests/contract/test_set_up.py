import re
import tomllib

from .project import ROOT

CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8")
PINS = [line for line in CONSTRAINTS.splitlines() if not line.startswith("#")]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_constraint_is_one_exact_version_and_names_no_host() -> None:
    assert [line for line in PINS if not re.fullmatch(r"[\w.-]+==[\d.]+", line)] == []


def test_every_requirement_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = project["project"]["dependencies"] + project["build-system"]["requires"]
    wanted += [need for extra in project["project"]["optional-dependencies"].values() for need in extra]
    names = {normal(re.split(r"[<>=!~;\[ ]", need)[0]) for need in wanted}
    assert names - {normal(line.split("==")[0]) for line in PINS} == set()


def test_no_lock_file_with_host_names_is_kept() -> None:
    assert "package-lock.json" in (ROOT / ".gitignore").read_text("utf-8")


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_ci_runs_the_tests_as_a_user_does() -> None:
    text = (ROOT / ".ci" / "run").read_text("utf-8")
    made = {word for line in text.splitlines() if line.startswith("step make ") for word in line.split()[2:]}
    assert {"lint", "test", "demo", "wheel"} <= made


def test_tests_that_run_alone_are_where_make_looks_for_them() -> None:
    mark = "mark." + "alone"
    found = {
        path.relative_to(ROOT).parts[:2] for path in (ROOT / "tests").rglob("*.py") if mark in path.read_text("utf-8")
    }
    assert found == {("tests", "faults")}
