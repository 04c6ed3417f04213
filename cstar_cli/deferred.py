"""Modules that other packages import for what we don't use: left unloaded until somebody does."""

import sys
from _thread import allocate_lock
from importlib import import_module
from types import ModuleType
from typing import Any

_one_at_a_time = allocate_lock()


def defer(*names: str) -> None:
    """Let these modules be loaded at their first use; the packages that they are in are loaded now.

    What `import` finds is a stand-in, which loads the module when it is asked for anything. `importlib.util.find_spec`
    alone doesn't take it.
    """
    for name in names:
        if name not in sys.modules:
            _put(_Deferred(name))


def defer_answering(name: str, **answers: Any) -> None:
    """Let this module, which is no package, be loaded when it is asked for anything but these."""
    if name not in sys.modules:
        stand_in = _Answering(name)
        vars(stand_in).update(answers)
        _put(stand_in)


def _put(stand_in: "_Deferred") -> None:
    sys.modules[stand_in.__name__] = stand_in
    package, _, own = stand_in.__name__.rpartition(".")
    if package:
        setattr(import_module(package), own, stand_in)  # as an import would


def defer_own(package: str, *names: str) -> None:
    """Let these modules of a package, all of which it imports itself, be loaded at their first use."""
    if package not in sys.modules:
        for name in names:
            sys.modules[f"{package}.{name}"] = _Deferred(f"{package}.{name}")


def load_without(missing: str, name: str) -> None:
    """Load a module as where another one, which it can do without, isn't installed."""
    if name in sys.modules or missing in sys.modules:
        return
    sys.modules[missing] = None  # type: ignore[assignment]  # how Python marks "not importable"
    try:
        import_module(name)
    finally:
        del sys.modules[missing]


def loaded(name: str) -> ModuleType:
    """Return a module, whatever it answers unloaded."""
    found = sys.modules.get(name)
    return found.load_now() if isinstance(found, _Deferred) else import_module(name)


class _Deferred(ModuleType):
    def __getattr__(self, attribute: str) -> Any:
        return getattr(self.load_now(), attribute)

    def load_now(self) -> ModuleType:
        with _one_at_a_time:  # a thread that comes second must not take away what the first one loads
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
        module = import_module(self.__name__)
        self.__dict__.update(vars(module))  # who holds the stand-in finds all there from now on
        return module


class _Answering(_Deferred):
    def __getattr__(self, attribute: str) -> Any:
        if attribute == "__path__":  # which `from … import …` looks for, to see whether it is a package
            raise AttributeError(attribute)
        return super().__getattr__(attribute)
