"""Reads what a run reported over descriptor 3, and believes only what is signed with the run's own nonce."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crrl.testing.inside.verdict import signature


@dataclass(frozen=True)
class Report:
    """What a run said.

    Attributes:
        finished: it came to its own end, signed for exactly these results, and nothing follows.
        tampered: what the answer did to the tests' machinery; "" if nothing was noticed.
        results: test → passed.
        examples: example → (printed, raised).
        exit_code, is_over: of a program: its exit code, and whether it came to its end by itself.
    """

    finished: bool = False
    tampered: str = ""
    results: Mapping[str, bool] = field(default_factory=dict)
    examples: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    exit_code: int = 1
    is_over: bool = False


def read_report(data: bytes, nonce: str) -> Report:
    """The report in what a run wrote. Never raises; of a line that is none, and of all after it, nothing is believed."""
    lines = data.decode("utf-8", "replace").split("\n")
    if lines[-1]:
        lines.append("")  # a last line that was not ended
    signed = [line for line in lines[:-2] if not line.startswith("example ")]  # examples are told as they are run
    finished = len(lines) > 1 and lines[-2] == f"end {_signature(nonce, signed)}"
    results: dict[str, bool] = {}
    examples: dict[str, tuple[str, str]] = {}
    exit_code, is_over = 1, False
    for line in lines[:-2] if finished else lines[:-1]:
        words = line.split(" ")
        try:
            if words[0] == "tampered":
                return Report(tampered=_text(words[1]))
            if words[0] == "example":
                name = _text(words[1])
                if name in examples:
                    return Report(tampered="an example was reported twice")
                examples[name] = (_text(words[2]), _text(words[3]))
            elif finished and words[0] == "result":
                results[_text(words[1])] = words[2] == "1"
            elif finished and words[0] == "script":
                exit_code, is_over = int(words[1]), words[2] == "1"
            else:
                finished = False
        except (IndexError, ValueError):
            return Report(examples=examples)
    return Report(finished, "", results if finished else {}, examples, exit_code, is_over and finished)


def _signature(nonce: str, lines: list[str]) -> str:
    try:
        return signature(nonce, lines)
    except UnicodeEncodeError:
        return ""


def _text(digits: str) -> str:
    return "" if digits == "-" else bytes.fromhex(digits).decode("utf-8", "surrogatepass")
