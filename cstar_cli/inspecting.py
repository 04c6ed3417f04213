"""What event loops ask `inspect` of functions, answered without it where that is plain: it is 4 % of a start."""

from functools import partial
from types import BuiltinFunctionType, FunctionType, GeneratorType, MethodType
from typing import Any

from cstar_cli.deferred import loaded

_PLAIN = (FunctionType, MethodType, BuiltinFunctionType)
_CO_COROUTINE = 0x80  # as `inspect` has it


def iscoroutinefunction(function: object) -> bool:
    """Say what `inspect` does."""
    within = function
    while isinstance(within, partial):
        within = within.func
    if type(within) in _PLAIN and not hasattr(within, "_is_coroutine_marker"):  # a mark that Python 3.12 knows
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


ANSWERS = {answer.__name__: answer for answer in (iscoroutinefunction, isgenerator, isfunction, unwrap)}
