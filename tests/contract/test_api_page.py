"""The page on the API says what the API does."""

import re

from cstar_cli.cloud.api.routes import OPERATIONS, TEAM

from .project import PAGES, ROOT, rows

PAGE = PAGES["docs/api.md"]


def requests(first_column: str) -> list[str]:
    return [row[0].strip("`") for row in rows(PAGE, first_column)]


def test_it_has_every_route_and_no_other() -> None:
    told = [request.replace(" /", f" {TEAM}/", 1) for request in requests("request")] + requests("address")
    served = [f"{operation.method} {operation.path}" for operation in OPERATIONS]
    assert told == [re.sub(r"\{(?!team_id)\w+\}", "{id}", request) for request in served]


def test_it_has_every_code_of_an_error_and_no_other() -> None:
    told = {row[0].strip("`") for row in rows(PAGE, "code")}
    answers = {"bad_request", "headers_too_large", "subprotocol_missing"}  # to what is no request of the API's
    sources = "".join(path.read_text("utf-8") for path in ROOT.glob("cstar_cli/cloud/api/*.py"))
    made = re.findall(r'(?:invalid\(\s*|ApiError\(\s*\d+,\s*"\w+",\s*)"(\w+)"', sources)
    assert told == set(made) - answers
