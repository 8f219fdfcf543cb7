"""Makes the functions that libraries call back, in a namespace that leads nowhere."""

from __future__ import annotations

from types import CodeType
from typing import Any

from crrl.testing.inside.origin import PUBLIC_FILE, TEST_CODES
from crrl.testing.inside.rewrite import fresh_builtins

PUBLIC_TEXT = ""
"""The source of public.py or display.py; crrl.testing.harness puts it here."""


def public_names(ask: Any) -> dict[str, Any]:
    """Their namespace, which holds `ask` and no secret."""
    names: dict[str, Any] = {"__builtins__": fresh_builtins(), "__name__": "crrl_public", "ask": ask}
    code = compile(PUBLIC_TEXT, PUBLIC_FILE, "exec", dont_inherit=True)
    _register(code)
    exec(code, names)
    return names


def _register(code: CodeType) -> None:
    TEST_CODES[id(code)] = code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            _register(const)
