"""The level for images and machines without namespaces, tried as an ordinary user in a place where bubblewrap fails."""

from __future__ import annotations

import os
import re

import pytest

from crrl.errors import SandboxError
from crrl.sandbox import Limits, require, run
from tests.sandbox.ordinary import run_without_namespaces


def test_everything_that_landlock_must_hold_holds() -> None:
    arguments = ["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "tests/sandbox/under_landlock.py"]
    found = run_without_namespaces(arguments)
    assert found.returncode == 0, found.stdout[-6000:]
    passed = re.search(r"(\d+) passed", found.stdout) or re.search(r"()\[100%\]", found.stdout)
    assert passed and "skipped" not in found.stdout, found.stdout[-2000:]


def test_no_attack_on_a_task_s_tests_earns_anything() -> None:
    found = run_without_namespaces(
        ["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "tests/testing/test_attacks.py"]
    )
    assert found.returncode == 0, found.stdout[-6000:]
    passed = re.search(r"\[100%\]", found.stdout)
    assert passed and "skipped" not in found.stdout, found.stdout[-2000:]


@pytest.mark.parametrize("level", ["landlock", "limits"])
def test_root_is_refused_without_namespaces_and_others_are_not(level: str) -> None:
    if os.geteuid() == 0:
        with pytest.raises(SandboxError, match=r"root is refused .* ordinary user$"):
            require(level)  # type: ignore[arg-type]
        assert run(["python", "-c", ""], {}, Limits(), level=level).kind == "unavailable"  # type: ignore[arg-type]
    else:
        assert run(["python", "-c", ""], {}, Limits(), level=level).kind == "passed"  # type: ignore[arg-type]


def test_what_is_in_force_is_said_in_one_line() -> None:
    found = run_without_namespaces(["-m", "crrl.sandbox", "--check", "--line"])
    assert (found.returncode, found.stdout) == (0, "sandbox level in force: landlock\n")
    found = run_without_namespaces(["-m", "crrl.sandbox", "--require", "namespaces"])
    assert found.returncode == 2
    assert found.stdout.startswith("error: sandbox level 'namespaces' is not available here: ")
    assert found.stdout.count("\n") == 1
