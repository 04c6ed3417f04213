"""`cstar cloud keys`: made, listed and revoked, right in a database and through a cloud's API."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from cstar_cli.cloud.store.accounts import ApiKey
from cstar_cli.cloud.store.open import open_store
from cstar_cli.cloud.store.queries import MAX_PAGE_SIZE
from tests.processes import Env, RunCstar, StartServing

ID = r"key_[\w-]+"


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "there" / "cloud.db")


def one_clear_line(stderr: str) -> str:
    """Return the last line, which must be the only one that tells of the error."""
    assert "Traceback" not in stderr
    told = [line for line in stderr.splitlines() if line.startswith(("cstar: ", "Error: "))]
    assert stderr.splitlines()[-1:] == told
    return told[0]


def made(cstar: RunCstar, *arguments: str) -> dict[str, object]:
    done = cstar("cloud", "keys", "create", "--json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def listed(cstar: RunCstar, *arguments: str) -> list[dict[str, object]]:
    done = cstar("cloud", "keys", "list", "--json", *arguments)
    assert done.returncode == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_first_key_of_a_team_is_made_in_the_database(cstar: RunCstar, database: str) -> None:
    done = cstar("cloud", "keys", "create", "--database", database, "--name", "laptop")
    assert done.returncode == 0
    assert re.fullmatch(r"sk_live_[\w-]{43}\n", done.stdout)
    first, last = done.stderr.splitlines()
    assert re.fullmatch(rf"{ID} reads and writes for the team [0-9a-f-]{{36}}. The key is shown this once:", first)
    assert last == "Log in with it: cstar login --api-base URL"


def test_keys_in_the_database_are_listed_without_themselves_and_revoked(cstar: RunCstar, database: str) -> None:
    where = ("--database", database, "--team", "team-1")
    secret = made(cstar, *where, "--name", "laptop")
    publishable = made(cstar, *where, "--publishable")
    made(cstar, "--database", database, "--team", "team-2")
    assert str(publishable["key"]).startswith("pk_live_")
    shown = listed(cstar, *where)
    assert [(key["id"], key["name"], key["readOnly"]) for key in shown] == [
        (publishable["id"], "API key", True),
        (secret["id"], "laptop", False),
    ]
    assert str(secret["key"]) not in str(shown)
    done = cstar("cloud", "keys", "revoke", str(secret["id"]), *where)
    assert (done.returncode, done.stdout) == (0, f"{secret['id']} is revoked.\n")
    assert [key["id"] for key in listed(cstar, *where)] == [publishable["id"]]
    again = cstar("cloud", "keys", "revoke", str(secret["id"]), *where)
    assert again.returncode == 1
    assert f"The team team-1 has no API key {secret['id']}" in one_clear_line(again.stderr)


def test_keys_in_the_database_are_listed_to_the_last(cstar: RunCstar, database: str) -> None:
    most = MAX_PAGE_SIZE + 1

    async def make_many() -> None:
        store = await open_store(Path(database), now_ms=lambda: 0)
        for number in range(most):
            await store.accounts.create_key(ApiKey(f"key_{number}", "team-1", "ci", str(number), "sk…", False, 0))
        await store.close()

    asyncio.run(make_many())
    shown = listed(cstar, "--database", database, "--team", "team-1")
    assert [key["id"] for key in shown] == [f"key_{number}" for number in reversed(range(most))]


def test_keys_are_made_used_and_revoked_through_the_api(
    cstar: RunCstar, serving: StartServing, home: Env, database: str
) -> None:
    operators = made(cstar, "--database", database)
    cloud = serving("--database", database)
    own = {**home, "CSTAR_PROFILE": "work"}
    cstar("login", "--api-key", "-", stdin=str(operators["key"]), env=own)
    done = cstar("cloud", "keys", "create", "--name", "ci", env=own)
    assert done.returncode == 0
    assert f"Log in with it: cstar login --api-base {cloud.address}" in done.stderr
    with_it = {**home, "CSTAR_TEAM_ID": str(operators["teamId"]), "CSTAR_API_KEY": done.stdout.strip()}
    [ci, first] = [
        json.loads(line) for line in cstar("cloud", "keys", "list", "--json", env=with_it).stdout.splitlines()
    ]
    assert (ci["name"], first["id"]) == ("ci", operators["id"])
    revoked = cstar("cloud", "keys", "revoke", first["id"], "--json", env=with_it)
    assert json.loads(revoked.stdout) == {"id": first["id"], "revoked": True}
    unknown = cstar("cloud", "keys", "revoke", "key_unknown", env=with_it)
    assert unknown.returncode == 1
    one_clear_line(unknown.stderr)


def test_a_database_that_a_cloud_has_is_left_to_it(cstar: RunCstar, serving: StartServing, database: str) -> None:
    serving("--database", database)
    done = cstar("cloud", "keys", "create", "--database", database)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"A cloud runs on {database}: leave out --database" in one_clear_line(done.stderr)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("create", "--team", "t"), 2, "--team goes with --database"),
        (("create", "--database", "x.db", "--team", "a/b"), 2, "'a/b' is no team's id"),
        (("create", "--database", "x.db", "--name", ""), 2, "--name must be 1 to 100 characters"),
        (("create", "--database", "mysql://db"), 2, "give a file, or postgresql://"),
        (("list", "--database", "x.db"), 2, "Whose keys? Give --team"),
        (("list", "--database", "x.db", "--team", "t"), 1, "There is no database"),
        (("revoke", "key_1", "--database", "x.db", "--team", "t"), 1, "There is no database"),
        (("revoke", "sk_live_secret"), 2, "That is not the id of an API key, which is like key_…"),
        (("list",), 3, "No cloud answers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_refused_with_one_clear_line(
    cstar: RunCstar, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = cstar("cloud", "keys", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in one_clear_line(done.stderr)
    assert "sk_live_secret" not in done.stderr
    assert not (tmp_path / "x.db").exists()
