"""What is answered without `inspect` is what that answers."""

import inspect
import sys
from collections.abc import Callable
from functools import partial, partialmethod, wraps
from types import MethodType
from typing import Any

import pytest

from cstar_cli.inspecting import get_annotations, iscoroutinefunction, isfunction, isgenerator, unwrap


class Object:
    number: int = 0
    partial_method = partialmethod(len)

    def method(self) -> None: ...

    async def coroutine(self) -> None: ...

    async def __call__(self) -> None: ...


async def coroutine() -> None: ...


def generator() -> Any:
    yield


@wraps(coroutine)
def wrapping() -> None: ...


def marked() -> None: ...


if sys.version_info >= (3, 12):
    inspect.markcoroutinefunction(marked)

THINGS = [
    *(coroutine, generator, generator(), wrapping, marked, len, [].append, Object, Object(), None, "text"),
    *(Object().method, Object().coroutine, Object.coroutine, partial(coroutine), partial(partial(len))),
    *(partial(marked), partial(Object().coroutine), partial(Object()), lambda: None, Object.partial_method),
    *(MethodType(partial(coroutine), 1), MethodType(partial(marked), 1), MethodType(MethodType(coroutine, 1), 2)),
]
ANNOTATED = [Object, type("Other", (Object,), {}), coroutine, sys]


@pytest.mark.parametrize("thing", THINGS, ids=range(len(THINGS)))
@pytest.mark.parametrize("asked", [iscoroutinefunction, isgenerator, isfunction, unwrap])
def test_the_answer_is_that_of_inspect(asked: Callable[[Any], object], thing: object) -> None:
    assert asked(thing) == getattr(inspect, asked.__name__)(thing)


@pytest.mark.parametrize("thing", ANNOTATED)
def test_annotations_are_those_that_inspect_gives(thing: object) -> None:
    assert get_annotations(thing) == inspect.get_annotations(thing)  # type: ignore[arg-type]
    assert get_annotations(Object, eval_str=True) == inspect.get_annotations(Object, eval_str=True)


def test_unwrapping_stops_where_it_is_to() -> None:
    assert unwrap(wrapping, stop=lambda each: each is wrapping) is wrapping
    assert unwrap(wrapping) is coroutine
