"""Faults of ours: in the log what broke, in the error shape that something did, and one request id in both."""

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cstar_cli.cloud import logs
from cstar_cli.cloud.api.answers import broken, failure
from cstar_cli.cloud.api.guard import refuse_with


class Faults:
    """ASGI middleware: answers what breaks before the routes do; they answer for themselves."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def sending(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            if has_begun:
                raise
            await refuse_with(answer_to_fault(scope, error), scope, receive, send)


def answer_to_fault(scope: Scope, error: Exception) -> Response:
    """Log what broke, and return the answer, which doesn't say."""
    answer = failure(broken())
    logs.error(
        "request failed",
        method=scope.get("method", "GET"),
        path=scope["path"],
        request_id=answer.headers["x-cstar-request-id"],
        error=repr(error.__cause__ or error),
    )
    return answer
