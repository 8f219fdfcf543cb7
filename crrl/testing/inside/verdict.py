"""How a run ends: the report goes to descriptor 3, signed.

The answer's code may read and rewrite that descriptor, and may run at any time: in a thread, in the collector's callbacks, in
what a stream calls as it is flushed. So the report is worth nothing to whoever does not have the run's nonce, which is never
written. Only operations of built-in types and functions taken before the answer's code ran: `json.dumps` could be replaced.
"""

from __future__ import annotations

import os
import sys
from _blake2 import blake2b  # of hashlib, without what that imports; an immutable type
from collections.abc import Callable
from typing import NoReturn

_write, _leave, _stdout, _stderr = os.write, os._exit, sys.stdout, sys.stderr
REPORT = 3


def write_report(lines: list[str]) -> None:
    """Write lines to the report channel."""
    data = "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")
    while data:
        data = data[_write(REPORT, data) :]


def tampered(what: str) -> NoReturn:
    """End the run at once, before what the answer tries can have an effect: none of its tests counts."""
    write_report([f"tampered {hexed(what)}"])
    _leave(1)


def end(sign: Callable[[list[str]], str], lines: list[str], code: int) -> NoReturn:
    """Report lines, signed, and end the process at once."""
    for stream in (_stdout, _stderr):
        try:
            stream.flush()
        except BaseException:
            pass
    write_report([*lines, f"end {sign(lines)}"])
    _leave(code)


def signature(nonce: str, lines: list[str]) -> str:
    """What only somebody with the nonce can say of these lines; the nonce cannot be told from it."""
    return blake2b("\n".join(lines).encode(), key=nonce.encode(), digest_size=32).hexdigest()


def hexed(text: str) -> str:
    """Text as hexadecimal digits, so that a line is a line."""
    return text.encode("utf-8", "surrogatepass").hex() or "-"


def end_tests(sign: Callable[[list[str]], str], results: dict[str, bool], code: int) -> NoReturn:
    """Report tests and end the process."""
    end(sign, [f"result {hexed(name)} {int(passed)}" for name, passed in results.items()], code)
