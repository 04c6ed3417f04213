from cstar_cli.cloud.api.openapi import document
from cstar_cli.cloud.api.routes import OPERATIONS

from ..serving import Serve, There


def test_anyone_may_read_the_document(serve: Serve) -> None:
    async def check(there: There) -> None:
        answer = await there.get(f"{there.address}/openapi.json", authorization="")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.content == document(OPERATIONS)
        assert answer.json()["openapi"] == "3.1.0"

    serve(check)


def test_the_document_is_made_once() -> None:
    assert document(OPERATIONS) is document(OPERATIONS)
