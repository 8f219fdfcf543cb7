"""Loads the tests' modules for the import system. The answer's code could find what stands here, so it holds no secret.

These functions have a namespace of their own with nothing in it but `ask`, which sends a message to the vault (vault.py). Whoever
finds one of them can call it, and the vault sees who did.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder
from io import open_code
from types import ModuleType
from typing import Any

ask: Callable[[tuple[Any, ...]], Any]


class GuardedModule(ModuleType):
    """A module of the tests: what is expected stands in its namespace, which is in the vault; itself, it is empty."""

    def __getattribute__(self, name: str) -> Any:
        space = ask(("touch", name, self))
        if name == "__dict__":
            return space
        if name == "__class__":
            return GuardedModule
        if name in space:
            return space[name]
        if "__getattr__" in space:
            return space["__getattr__"](name)
        if name.startswith("__"):
            return ModuleType.__getattribute__(self, name)
        raise AttributeError(f"module {space.get('__name__')!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        ask(("touch", name, self))[name] = value

    def __delattr__(self, name: str) -> None:
        space = ask(("touch", name, self))
        if name not in space:
            raise AttributeError(name)
        del space[name]

    def __dir__(self) -> list[str]:
        return list(ask(("touch", "__dict__", self)))


def guard(module: ModuleType) -> dict[str, Any]:
    """Take a module's namespace out of it; the module goes on as its keeper. Returns the namespace."""
    space = dict(module.__dict__)
    ask(("space", module, space))
    module.__dict__.clear()
    module.__class__ = GuardedModule
    return space


class Tests:
    """Finds and loads the tests' modules, whose code the vault holds; their files may be empty."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.has_location and ask(("is test", spec.origin)):
            loader: Any = Tests()
            spec.loader = loader
            return spec
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def get_source(self, name: str) -> str | None:
        """What lies on the disk, for tracebacks."""
        spec = PathFinder.find_spec(name)
        if spec is None or spec.origin is None:
            return None
        with open_code(spec.origin) as stream:
            return stream.read().decode("utf-8", "replace")

    def exec_module(self, module: ModuleType) -> None:
        code, builtins = ask(("code", module.__spec__.origin))  # type: ignore[union-attr]
        space = guard(module)
        space["__builtins__"] = builtins
        exec(code, space)


def set_signal(number: Any, handler: Any) -> Any:
    """`_signal.signal`, of which `signal.signal` is made: a handler is handed the frame it interrupts."""
    return _given(ask(("signal", number, handler)))


def create_builtin(spec: Any) -> Any:
    """`_imp.create_builtin`: a module made anew would have the real `signal`."""
    return _given(ask(("builtin", spec)))


def _given(reply: tuple[Any, Any]) -> Any:
    found, error = reply
    if error is not None:
        raise error
    return found
