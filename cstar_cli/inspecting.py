"""What event loops, and dataclasses, ask `inspect`, answered without it where that is plain: it is 4 % of a start."""

import sys
from collections.abc import Callable
from functools import partial
from types import BuiltinFunctionType, FunctionType, GeneratorType, MethodType
from typing import Any

from cstar_cli.deferred import loaded

_PLAIN = (FunctionType, MethodType, BuiltinFunctionType)
_MARKS = ("_is_coroutine_marker", "__partialmethod__")  # which Python 3.12 knows, and 3.13
_CO_COROUTINE = 0x80  # as `inspect` has it


def iscoroutinefunction(function: object) -> bool:
    """Say what `inspect` does."""
    within = function
    while type(within) is MethodType:
        within = within.__func__
    while isinstance(within, partial):
        within = within.func
    if type(within) in _PLAIN and not any(hasattr(within, mark) for mark in _MARKS):
        return bool(getattr(getattr(within, "__code__", None), "co_flags", 0) & _CO_COROUTINE)
    return bool(loaded("inspect").iscoroutinefunction(function))


def isgenerator(thing: object) -> bool:
    """Say what `inspect` does."""
    return isinstance(thing, GeneratorType)


def isfunction(thing: object) -> bool:
    """Say what `inspect` does."""
    return isinstance(thing, FunctionType)


def unwrap(function: Any, *, stop: Any = None) -> Any:
    """Return what `inspect` does."""
    return loaded("inspect").unwrap(function, stop=stop) if hasattr(function, "__wrapped__") else function


def get_annotations(thing: Any, **options: Any) -> dict[str, Any]:
    """Return what `inspect` does."""
    if options or not isinstance(thing, type):
        return dict(loaded("inspect").get_annotations(thing, **options))
    own = vars(thing).get("__annotations__")
    return dict(own) if isinstance(own, dict) else {}


_ANSWERING: list[Callable[..., Any]] = [iscoroutinefunction, isgenerator, isfunction, unwrap]
if sys.version_info < (3, 14):  # from which on they are made when they are asked for
    _ANSWERING.append(get_annotations)
ANSWERS: dict[str, Callable[..., Any]] = {answer.__name__: answer for answer in _ANSWERING}
