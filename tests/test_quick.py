"""Which arguments of `listen` are plain to read."""

from pathlib import Path

import pytest

from cstar_cli.quick import known_options, parse, values_of

OPTIONS = {
    "--forward-to": ("text", "forward_to"),
    "-f": ("text", "forward_to"),
    "--header": ("texts", "header"),
    "--json": ("flag", "json"),
    "--timeout": ("number:0.5..", "timeout"),
    "--concurrency": ("whole:1..512", "concurrency"),
    "--ready-file": ("path", "ready_file"),
}


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ("", {}),
        ("--json", {"json": True}),
        ("-f 3000/hook --json", {"forward_to": "3000/hook", "json": True}),
        ("--forward-to=a=b", {"forward_to": "a=b"}),
        ("--forward-to=", {"forward_to": ""}),
        ("--header a:1 --header=b:2", {"header": ["a:1", "b:2"]}),
        ("--timeout 0.5", {"timeout": 0.5}),
        ("--timeout=1e9", {"timeout": 1e9}),
        ("--concurrency 512", {"concurrency": 512}),
        ("--ready-file no/such", {"ready_file": Path("no/such")}),
    ],
)
def test_options_with_a_text_a_number_a_path_or_nothing_are_read(arguments: str, given: dict[str, object]) -> None:
    assert parse(arguments.split(), OPTIONS) == given


@pytest.mark.parametrize(
    "arguments",
    [
        "--unknown",
        "--timeout 0.4",
        "--timeout soon",
        "--concurrency 0",
        "--concurrency 513",
        "--concurrency 1.5",
        "--concurrency -1",
        "--help",
        "word",
        "--",
        "-f",
        "-f --json",
        "-f3000",
        "-f=3000",
        "--json=yes",
        "--forward-to a --forward-to b",
    ],
)
def test_anything_else_is_left_to_typer(arguments: str) -> None:
    assert parse(arguments.split(), OPTIONS) is None


def test_what_the_environment_sets_is_read() -> None:
    env = {"PATH": "/bin", "CSTAR_HOME": "/h", "CSTAR_API_BASE": "http://a", "CSTAR_SECRET": ""}
    assert values_of(env, {"CSTAR_API_BASE": "api_base", "CSTAR_SECRET": "secret"}) == {"api_base": "http://a"}


def test_what_else_the_environment_sets_is_left_to_typer() -> None:
    assert values_of({"CSTAR_LISTEN_QUIET": "1"}, {"CSTAR_API_BASE": "api_base"}) is None


def test_the_options_of_every_day_are_known() -> None:
    assert {"-f", "--forward-to", "--api-base", "--events", "--json"} <= known_options()[0].keys()
