"""Which modules there are to break, and which test modules may notice: a standard library, a package, a folder."""

from __future__ import annotations

import importlib.util
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from crrl.data.code_folder import python_files
from crrl.data.sources.mutations.left_out import is_left_out
from crrl.data.sources.mutations.options import MutationsOptions
from crrl.errors import ConfigError, DataError
from crrl.schema import Files

_TEST_NAME = re.compile(r"(^|[/.])(test|tests|testing|idle_test|conftest|test_[^/.]*|[^/.]*_test)([/.]|$)")
_MAX_TEST_MODULES = 3
"""Of a unit whose tests are not named like it: those that mention it most."""
_MAX_BYTES = 200_000
"""Of a module: larger ones are tables."""
MAX_BROUGHT_BYTES = 400_000
"""Of what a task brings besides its module."""


@dataclass(frozen=True)
class Module:
    """One file to put bugs into."""

    name: str
    """As it is imported: `json.decoder`."""
    path: str
    """Where it lies in a task's tree: `json/decoder.py`."""
    file: Path
    text: str


@dataclass(frozen=True)
class Unit:
    """Modules that are tested together: a module, a package, or a whole folder."""

    name: str
    root: Path
    """The folder that the modules are imported from."""
    modules: tuple[Module, ...]
    unittests: tuple[str, ...]
    """Names of test modules for unittest."""
    pytests: tuple[str, ...] = ()
    """Paths of test files for pytest, from the root."""
    installed: bool = True
    """Whether the sandbox's Python finds the unit by itself."""
    license: str = ""
    tree: Files = field(default_factory=dict)
    """Of a folder that is installed nowhere: all its code, tests too, path → text. Each task brings it."""


def units_of(options: MutationsOptions) -> list[Unit]:
    """The units that the options name, by name. Raises ConfigError or DataError if there are none."""
    if options.path:
        units = [_folder_unit(options.folder)]
    elif options.package:
        units = [_package_unit(options.package)]
    else:
        units = list(_stdlib_units())
    return [unit for unit in _only(units, options.modules) if unit.modules]


def is_test(path: str) -> bool:
    """Whether a path is one of tests: by its own name, or that of a folder around it."""
    return bool(_TEST_NAME.search(path))


def read_module(name: str, path: str, file: Path) -> Module | None:
    """A module, or None if its text is no UTF-8, has other line ends than LF, or is too large."""
    try:
        text = file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if len(text) > _MAX_BYTES or "\r" in text or "\f" in text or text.startswith("\ufeff"):
        return None
    return Module(name, path, file, text)


def _only(units: list[Unit], wanted: tuple[str, ...]) -> list[Unit]:
    if not wanted:
        return units
    known = {module.name for unit in units for module in unit.modules} | {unit.name for unit in units}
    if missing := [name for name in wanted if name not in known]:
        raise ConfigError(f"modules={','.join(wanted)}: there is no module {missing[0]} to put bugs into here")
    return [
        Unit(**{**vars(unit), "modules": tuple(module for module in unit.modules if _is_wanted(unit, module, wanted))})
        for unit in units
    ]


def _is_wanted(unit: Unit, module: Module, wanted: tuple[str, ...]) -> bool:
    return unit.name in wanted or any(module.name == name or module.name.startswith(f"{name}.") for name in wanted)


def _stdlib_units() -> Iterator[Unit]:
    root = Path(sysconfig.get_path("stdlib"))
    tests = _stdlib_tests(root)
    for name in sorted(sys.stdlib_module_names):
        modules = () if is_left_out(name) else tuple(_modules(root, name))
        if modules:
            yield Unit(name, root, modules, _tests_of(name, tests, is_package=len(modules) > 1), license="PSF-2.0")


def _modules(root: Path, name: str) -> Iterator[Module]:
    file, folder = root / f"{name}.py", root / name
    files = [file] if file.is_file() else sorted(folder.rglob("*.py")) if (folder / "__init__.py").is_file() else []
    for found in files:
        path = found.relative_to(root).as_posix()
        dotted = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        is_code = not is_test(path) and not path.endswith("__main__.py")
        module = read_module(dotted, path, found) if is_code and dotted.replace(".", "").isidentifier() else None
        if module:
            yield module


@dataclass(frozen=True)
class _TestModule:
    text: str
    imports: frozenset[str]
    """Top-level names."""


def _stdlib_tests(root: Path) -> dict[str, _TestModule]:
    """Test modules by name; none where Python was installed without its tests."""
    found = {}
    whole = [file for file in (root / "test").glob("test_*/__init__.py") if not any(file.parent.glob("test_*.py"))]
    for file in sorted((*(root / "test").rglob("test_*.py"), *whole)):
        name = file.relative_to(root).as_posix().removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        text = file.read_bytes().decode("utf-8", "replace")
        imports = frozenset("".join(match).partition(".")[0] for match in _IMPORTS.findall(text))
        found[name] = _TestModule(text, imports)
    return found


_IMPORTS = re.compile(r"^[ \t]*(?:import|from) ([\w.]+)|import_(?:fresh_)?module\(['\"]([\w.]+)", re.MULTILINE)


def _tests_of(name: str, tests: dict[str, _TestModule], *, is_package: bool) -> tuple[str, ...]:
    """The test modules named like a unit; for packages, and without any, also those that mention it most."""
    stem = f"test.test_{name.lstrip('_')}"
    named = [test for test in tests if test == stem or test.startswith(f"{stem}.")]
    if named and not is_package:
        return tuple(named)
    mention = re.compile(rf"\b{name}\.")
    counts = {
        test: len(mention.findall(known.text))
        for test, known in tests.items()
        if name in known.imports and not is_left_out(test.removeprefix("test.test_").partition(".")[0])
    }
    most = sorted(counts.keys() - named, key=lambda test: (-counts[test], test))[:_MAX_TEST_MODULES]
    return tuple(sorted([*named, *most]))


def _package_unit(name: str) -> Unit:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"package={name}: cannot be found ({error}); give the name that is imported") from error
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise ConfigError(f"package={name}: no package of Python files is installed under this name")
    origin = Path(spec.origin)
    root = (origin.parent if origin.name == "__init__.py" else origin).parent
    for _ in range(name.count(".")):
        root = root.parent
    files = sorted(origin.parent.rglob("test_*.py")) if origin.name == "__init__.py" else []
    tests = tuple(file.relative_to(root).as_posix().removesuffix(".py").replace("/", ".") for file in files)
    return Unit(name, root, tuple(_modules(root, name.replace(".", "/"))), tests, license=_license(name))


def _license(name: str) -> str:
    """What the package says about itself; "unknown" where it says nothing."""
    for distribution in metadata.packages_distributions().get(name.partition(".")[0], []):
        about = metadata.metadata(distribution)
        classifiers = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier", []) if "License" in line]
        short = [line for line in about.get_all("License", []) if len(line) < 60]
        return next(iter([*about.get_all("License-Expression", []), *short, *classifiers]), "unknown")
    return "unknown"


def tree_of(folder: Path) -> dict[str, str]:
    """All code of a folder, as far as `read_module` reads it: path → text."""
    paths = {file.relative_to(folder).as_posix(): file for file in sorted(python_files(folder))}
    read = (read_module(path, path, file) for path, file in paths.items())
    return {module.path: module.text for module in read if module}


def _folder_unit(folder: Path) -> Unit:
    tree = tree_of(folder)
    modules = [
        Module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."), path, folder / path, text)
        for path, text in tree.items()
        if not is_test(path)
    ]
    if not modules:
        raise DataError(f"path={folder}: holds no Python modules besides tests")
    if (size := sum(map(len, tree.values()))) > MAX_BROUGHT_BYTES:
        raise DataError(
            f"path={folder}: holds {size // 1000} KB of Python, and every task brings all of it, so at most "
            f"{MAX_BROUGHT_BYTES // 1000} KB can be; give a smaller folder that its code is imported from, or install the "
            "package and give package=NAME"
        )
    names = {path: path.rpartition("/")[2] for path in tree if is_test(path)}
    tests = tuple(path for path, name in names.items() if name != "conftest.py" and is_test(name))
    return Unit(folder.resolve().name, folder, tuple(modules), (), tests, installed=False, license="unknown", tree=tree)
