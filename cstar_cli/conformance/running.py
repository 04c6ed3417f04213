"""Makes one trial after the other, and stops where going on tells nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec

from cstar_cli.conformance.first import likeliest
from cstar_cli.conformance.judging import is_gone
from cstar_cli.conformance.making import Maker, header_of
from cstar_cli.conformance.trial import Answered, Request, Result, Status, Trial
from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.suspicions.answers import OtherSecrets, Sent, no_others

Send = Callable[[Request], Awaitable[Outcome]]

FIRST_FAILED = "not made: the first trial failed"
ALL_GONE = "not made: nothing listens there any more"
OUT_OF_TIME = "not made: the time for all was over"


async def run(
    trials: Sequence[Trial],
    maker: Maker,
    send: Send,
    *,
    limit_s: float,
    clock: Callable[[], float],
    other_secrets: Callable[[], OtherSecrets] = no_others,
) -> AsyncIterator[tuple[Result, Sequence[Answered]]]:
    """Yield what comes of each trial, as it ends, with all that was answered.

    None begins later than `limit_s` after the first. Where the first fails or the receiver is gone, those that follow
    are skipped; `other_secrets` are those that the receiver may have in place of the one that signs.
    """
    started, stopped = clock(), None
    for trial in trials:
        if stopped is None and clock() - started >= limit_s:
            stopped = OUT_OF_TIME
        if stopped is not None:
            yield Result(trial.name, Status.SKIPPED, trial.sends, stopped), ()
            continue
        begun = clock()
        answers = await _answers(trial, maker, send)
        result = _result(trial, answers, (clock() - begun) * 1000)
        is_first = trial is trials[0]
        if is_first and result.status is Status.FAILED:
            signature = header_of(answers[0].request.headers, maker.wire.signature_header)
            sent = Sent(answers[0].request.body, signature, maker.secret, other_secrets)
            cause = likeliest(answers[0], sent)
            result = msgspec.structs.replace(result, change=cause or result.change)
        if any(is_gone(each.outcome) for each in answers):
            stopped = ALL_GONE
        elif is_first and result.status is Status.FAILED:
            stopped = FIRST_FAILED
        yield result, answers


async def _answers(trial: Trial, maker: Maker, send: Send) -> list[Answered]:
    """Send the waves; a receiver that doesn't answer one in time isn't asked for the next."""
    answers: list[Answered] = []
    for wave in trial.make(maker):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_sent(send, request)) for request in wave]
        answers += [Answered(request, task.result()) for request, task in zip(wave, tasks, strict=True)]
        if any(each.outcome.failure in (Failure.TIMEOUT, Failure.REFUSED) for each in answers):
            break
    return answers


async def _sent(send: Send, request: Request) -> Outcome:
    return await send(request)


def _result(trial: Trial, answers: Sequence[Answered], duration_ms: float) -> Result:
    verdict = trial.judge(answers)
    passed = verdict.status is Status.PASSED
    return Result(
        trial.name,
        verdict.status,
        trial.sends,
        verdict.saw,
        None if passed else verdict.why or trial.why,
        None if passed else verdict.change or trial.change,
        _said(verdict.blamed),
        tuple(each.outcome.status for each in answers),
        round(duration_ms, 1),
    )


def _said(answers: Sequence[Answered]) -> str | None:
    """Return what a receiver says where it doesn't take something: the first that says anything."""
    bodies = (each.outcome.body for each in answers if not each.outcome.succeeded)
    return next((body.decode("utf-8", "replace") for body in bodies if body.strip()), None)
