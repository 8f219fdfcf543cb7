"""Modules that the server has loaded and no program may notice, until it imports them.

A program that says `import urllib` and uses `urllib.parse` fails in a new interpreter. It must fail here too, though the
server has `urllib.parse` loaded: so loaded modules leave `sys.modules` and their packages, and come back when a program
imports them, together with what they themselves import.
"""

from __future__ import annotations

import builtins
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any
else:  # this module itself must load nothing
    ModuleSpec = type(sys.__spec__)


class Hidden:
    """Notes who imports what from its making to `hide`; then a finder for `sys.meta_path`, and the loader of what it finds."""

    def __init__(self, visible: Iterable[str]) -> None:
        """`visible`: the modules that a new interpreter has loaded, in that order."""
        self._visible = list(visible)
        self._modules: dict[str, ModuleType] = {}
        self._specs: dict[str, ModuleSpec | None] = {}
        self._imports: dict[str, set[str]] = {}
        self._attributes: set[str] = set()
        self._import = whole = builtins.__import__

        running = [""]

        def note(name: str, globals_: Any = None, locals_: Any = None, wanted: Any = (), level: int = 0) -> ModuleType:
            importer = str((globals_ or {}).get("__name__", ""))
            if not importer or importer.startswith("importlib._bootstrap"):
                importer = running[-1]  # an import by C: it is the module's whose import goes on
            running.append(name if not level else running[-1])
            try:
                module = whole(name, globals_, locals_, wanted, level)
            finally:
                running.pop()
            self._note(importer, name, globals_, wanted or (), level)
            return module

        builtins.__import__ = note  # type: ignore[assignment]

    def _note(self, importer: str, name: str, globals_: Any, wanted: Sequence[str], level: int) -> None:
        if level:
            package = globals_.get("__package__") or ""
            base = package.rsplit(".", level - 1)[0] if level > 1 else package
            name = f"{base}.{name}" if name else base
        found = self._imports.setdefault(importer, set())
        found.add(name)
        found.update(f"{name}.{each}" for each in wanted if f"{name}.{each}" in sys.modules)

    def hide(self, ours: str) -> None:
        """Take what is not visible out of sight. Modules of the package `ours` never come back."""
        builtins.__import__ = self._import
        for name in sys.modules.keys() - self._visible - {"__main__"}:
            self._modules[name] = module = sys.modules.pop(name)
            self._specs[name] = getattr(module, "__spec__", None)
        for name, module in self._modules.items():
            package, _, child = name.rpartition(".")
            holder = self._modules.get(package) or sys.modules.get(package)
            if hasattr(holder, "__path__") and getattr(holder, child, None) is module:
                delattr(holder, child)
                self._attributes.add(name)
        # What nobody imported (typing.re) was put there by its package.
        imported = set().union(*self._imports.values())
        for name in self._modules.keys() - imported:
            self._imports.setdefault(name.rpartition(".")[0], set()).add(name)
        for name in [name for name in self._modules if name.partition(".")[0] == ours]:
            del self._modules[name]

    def names(self) -> set[str]:
        """All that is loaded, seen or not."""
        return {*self._visible, *self._modules}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        known = self._specs.get(name) if name in self._modules else None
        if known is None:
            return None
        spec = ModuleSpec(name, self, origin=known.origin)  # type: ignore[arg-type]
        spec.submodule_search_locations = known.submodule_search_locations
        spec.has_location, spec.cached = known.has_location, known.cached
        return spec

    def get_code(self, name: str) -> Any:
        """For `python -m NAME`."""
        known = self._specs[name]
        return known.loader.get_code(name) if known else None  # type: ignore[union-attr]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        name = module.__spec__.name if module.__spec__ else module.__name__
        module.__spec__ = self._specs.get(name)
        self._bring_back(name)

    def _bring_back(self, name: str) -> None:
        waiting, seen = [name], {name}
        while waiting:
            each = waiting.pop()
            package = each.rpartition(".")[0]
            more = {*self._imports.get(each, ()), *([package] if package else [])} - seen
            seen |= more
            waiting += more
        # Packages before what they hold.
        for each in sorted(seen & self._modules.keys()):
            sys.modules.setdefault(each, self._modules[each])
            package, _, child = each.rpartition(".")
            if each in self._attributes and package in sys.modules:
                setattr(sys.modules[package], child, self._modules[each])
