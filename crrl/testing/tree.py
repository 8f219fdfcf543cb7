"""The tree that is tested: the answer's files, but the tests and what steers them as the task has them."""

from __future__ import annotations

import posixpath
import re

from crrl.schema import Files

SETTING_FILES = frozenset(
    (
        *("conftest.py", "sitecustomize.py", "usercustomize.py", "setup.cfg", "tox.ini", "pyproject.toml"),
        *("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "package.json"),
        *("Makefile", "makefile", "GNUmakefile"),
    )
)
"""Files that change how tests run."""
CONFIGS = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
"""Where pytest looks for its settings, in its order."""
_TEST_MODULE = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py")


def is_test_module(path: str) -> bool:
    """Whether pytest and unittest take a path for tests by its name."""
    return _TEST_MODULE.fullmatch(posixpath.basename(path)) is not None


def lay_out(tree: Files, before: Files, tests: Files, *, own_test_modules: bool) -> dict[str, str]:
    """The files to run the tests in.

    Args:
        tree: the answer's files.
        before: the files before the repair.
        tests: the task's test files; they go over everything.
        own_test_modules: whether test modules that lie in the tree itself are run too. They are then taken from `before`,
            and those that the answer adds are left out.

    Returns:
        The tree with its files that steer tests as they were in `before`, whatever the answer made of them.
    """

    def is_fixed(path: str) -> bool:
        is_setting = posixpath.basename(path) in SETTING_FILES and path in before
        return is_setting or path in tests or (own_test_modules and is_test_module(path))

    answers = {path: text for path, text in tree.items() if not is_fixed(posixpath.normpath(path))}
    return {**answers, **{path: text for path, text in before.items() if is_fixed(path)}, **tests}
