"""Modules that other packages import for what we don't use: left unloaded until somebody does."""

import sys
from _thread import allocate_lock
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

_one_at_a_time = allocate_lock()


def defer(*names: str) -> None:
    """Let these modules be loaded at their first use; the packages that they are in are loaded now.

    What `import` finds is a stand-in, which loads the module when it is asked for anything.
    """
    for name in names:
        if name not in sys.modules:
            _put(_Deferred(name))


def defer_function(module: str, name: str, answer: Callable[[], object] | None = None) -> None:
    """Let a function be imported from a module that isn't loaded; calling it loads the module, or gives our answer."""
    if module in sys.modules:
        return
    stand_in = _Deferred(module)
    stand_in.__path__ = []  # what `from` asks for first
    setattr(stand_in, name, answer or (lambda *given, **named: stand_in.__getattr__(name)(*given, **named)))
    _put(stand_in)


def load_without(missing: str, name: str) -> None:
    """Load a module as where another one, which it can do without, isn't installed."""
    if name in sys.modules or missing in sys.modules:
        return
    sys.modules[missing] = None  # type: ignore[assignment]  # how Python marks "not importable"
    try:
        import_module(name)
    finally:
        del sys.modules[missing]


def _put(stand_in: "_Deferred") -> None:
    sys.modules[stand_in.__name__] = stand_in
    package, _, own = stand_in.__name__.rpartition(".")
    if package:
        setattr(import_module(package), own, stand_in)  # as an import would


class _Deferred(ModuleType):
    def __getattr__(self, attribute: str) -> Any:
        with _one_at_a_time:  # a thread that comes second must not take away what the first one loads
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
        module = import_module(self.__name__)
        self.__dict__.update(vars(module))  # who holds the stand-in finds all there from now on
        return getattr(module, attribute)
