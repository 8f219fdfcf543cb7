"""What every run of tests needs before the answer's first line runs."""

from __future__ import annotations

import _imp
import _signal  # type: ignore[import-not-found]  # what `signal` is made of has no stub
import os
import sys
from collections.abc import Callable
from typing import Any

from crrl.testing.inside.audit import watch
from crrl.testing.inside.exposed import public_names
from crrl.testing.inside.origin import ROOT, TEST_PATHS, unload_shadowed
from crrl.testing.inside.rewrite import compile_test
from crrl.testing.inside.vault import Codes, vault


def compile_tests(texts: dict[str, str]) -> Codes:
    """Absolute path → guarded code, and whether it needs the real builtins. One that does not compile raises."""
    codes: Codes = {}
    for path, text in texts.items():
        try:
            codes[ROOT + path] = (compile_test(text, ROOT + path), "builtins" in text)
        except (SyntaxError, ValueError) as error:
            code = compile_test(f"raise SyntaxError({str(error)!r})", ROOT + path)
            codes[ROOT + path] = (code, False)
    return codes


def open_vault(job: dict[str, Any], codes: Codes) -> dict[str, Any]:
    """Start the vault, which alone has the job's nonce then, and return the functions that libraries call back."""
    may_expect = any("expectedFailure" in text or "xfail" in text for text in job["tests"].values())
    store = vault(codes, frozenset(job["known_words"]), may_expect, job.pop("nonce"))
    next(store)
    return public_names(store.send)


def signer(public: dict[str, Any]) -> Callable[[list[str]], str]:
    """What signs a report: the vault, if the answer's code has no part in it."""
    ask = public["ask"]
    return lambda lines: str(ask(("sign", lines)))


def see_tree(job: dict[str, Any], public: dict[str, Any]) -> None:
    """From here on the answer's code may run: what is imported comes from the tree, as it would by hand, and the tests'
    modules from the vault.
    """
    TEST_PATHS.update(ROOT + path for path in job["shown"])
    if job["path"] is not None:
        sys.path.insert(0, os.path.normpath(ROOT + job["path"]))
    sys.meta_path.insert(0, public["Tests"])
    _signal.signal, _imp.create_builtin = public["set_signal"], public["create_builtin"]
    unload_shadowed()
    watch(frozenset(job["known_words"]))
