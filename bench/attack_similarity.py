"""Cheat `similarity` on every real fix: make/score each attack, print what it pays at most, at the 99th percentile, on average.

    python -m bench.attack_similarity [--data FILE] [--rows N] [--worst ATTACK]

Also prints how the score rises when the human's hunks are applied one after the other.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from bench.fixes import DEFAULT
from bench.machine import heading
from crrl.diffs.hunks import Hunk, changed_hunks
from crrl.diffs.languages import language_of
from crrl.diffs.lexical_state import state_at
from crrl.diffs.similarity import Prepared, prepare
from crrl.diffs.tokens import tokenise

Rewrite = Callable[[str, str, str, random.Random], str]
"""(old lines, human's lines, indentation, random) → the cheater's lines for one hunk."""


def indentation(*texts: str) -> str:
    for text in texts:
        for line in text.split("\n"):
            if line.strip():
                return line[: len(line) - len(line.lstrip())]
    return ""


def indented(text: str, by: str = "    ") -> str:
    return "".join(by + line if line.strip() else line for line in text.splitlines(keepends=True))


def commented(text: str) -> str:
    return "".join(f"# {line}" for line in text.splitlines(keepends=True))


def changed_word(text: str, rng: random.Random) -> str:
    """The text with one of its words replaced: another variant of the fix."""
    words = list(re.finditer(r"[A-Za-z_]\w+", text))
    if not words:
        return text
    word = rng.choice(words)
    return f"{text[: word.start()]}other_name{text[word.end() :]}"


def shuffled_tokens(text: str, indent: str, rng: random.Random) -> str:
    tokens = re.findall(r"\w+|[^\w\s]", text)
    rng.shuffle(tokens)
    return f"{indent}{' '.join(tokens)}\n"


def lookalikes(text: str) -> str:
    return text.translate(str.maketrans("aceopxy", "асеорху"))


HUNK_ATTACKS: dict[str, Rewrite] = {
    "delete the human's lines": lambda old, new, i, rng: "",
    "stub: pass": lambda old, new, i, rng: f"{i}pass\n",
    "stub: ...": lambda old, new, i, rng: f"{i}...\n",
    "stub: return None": lambda old, new, i, rng: f"{i}return None\n",
    "stub: raise": lambda old, new, i, rng: f"{i}raise NotImplementedError\n",
    "old then new": lambda old, new, i, rng: old + new if old and new else new + changed_word(new, rng) + old,
    "new then old": lambda old, new, i, rng: new + old if old and new else changed_word(new, rng) + new + old,
    "three variants": lambda old, new, i, rng: changed_word(new, rng) + new + changed_word(new, rng) + old * (not new),
    "if False: new": lambda old, new, i, rng: f"{i}if False:\n{indented(new)}{old}",
    "if False: new (old gone)": lambda old, new, i, rng: f"{i}if False:\n{indented(new or old)}",
    "if 0: new else: old": lambda old, new, i, rng: f"{i}if 0:\n{indented(new)}{i}else:\n{indented(old)}",
    "while 0: new": lambda old, new, i, rng: f"{i}while 0:\n{indented(new)}{old}",
    "for _ in (): new": lambda old, new, i, rng: f"{i}for _ in ():\n{indented(new)}{old}",
    "return before new": lambda old, new, i, rng: f"{i}return None\n{new}" if new else f"{i}return None\n{old}",
    "raise before new": lambda old, new, i, rng: (
        f"{i}raise ValueError\n{new}" if new else f"{i}raise ValueError\n{old}"
    ),
    "try: raise, new": lambda old, new, i, rng: (
        f"{i}try:\n{i}    1 / 0\n{indented(new)}{i}except Exception:\n{i}    pass\n{old}"
    ),
    "assert False before new": lambda old, new, i, rng: f"{i}assert False\n{new or old}",
    "new in an uncalled function": lambda old, new, i, rng: f"{i}def _unused():\n{indented(new)}{old}",
    "new in an uncalled function (old gone)": lambda old, new, i, rng: f"{i}def _unused():\n{indented(new or old)}",
    "new in a string": lambda old, new, i, rng: f"{i}_ = '''\n{new}'''\n{old}",
    "new in a string (old gone)": lambda old, new, i, rng: f"{i}'''\n{new or old}{i}'''\n",
    "new in comments": lambda old, new, i, rng: commented(new) + old,
    "new in comments (old gone)": lambda old, new, i, rng: commented(new or old),
    "new pasted twice": lambda old, new, i, rng: new * 2 if new else old * 2,
    "new pasted 10 times": lambda old, new, i, rng: new * 10 if new else old * 10,
    "shuffled tokens": lambda old, new, i, rng: shuffled_tokens(new or old, i, rng),
    "tokens of old and new": lambda old, new, i, rng: shuffled_tokens(old + new, i, rng),
    "signs without words": lambda old, new, i, rng: re.sub(r"\w+", "", new) or old + "()\n",
    "look-alikes": lambda old, new, i, rng: lookalikes(new or old),
    "old deeper": lambda old, new, i, rng: indented(old) or f"{i}\n",
    "old deeper by one": lambda old, new, i, rng: indented(old, " ") or f"{i}\n",
    "old twice": lambda old, new, i, rng: old * 2 if old else f"{i}x = 1\n",
    "unrelated line before": lambda old, new, i, rng: f"{i}x = 1\n{old}",
    "unrelated line after": lambda old, new, i, rng: f"{old}{i}x = 1\n",
    "unrelated call before": lambda old, new, i, rng: f'{i}print("debug", value)\n{old}',
    "unrelated call after": lambda old, new, i, rng: f'{old}{i}logger.debug("value: %s", self.value)\n',
    "unrelated if before": lambda old, new, i, rng: f"{i}if value is None:\n{i}    return None\n{old}",
    "unrelated instead": lambda old, new, i, rng: f"{i}x = 1\n",
    "unrelated call instead": lambda old, new, i, rng: f'{i}self.value = compute(value, key="name")\n',
    "another word in old": lambda old, new, i, rng: changed_word(old, rng) if old else f"{i}import os\n",
    "first half of the tokens": lambda old, new, i, rng: f"{i}{' '.join(new.split()[: len(new.split()) // 4])}\n{old}",
}


def rewritten(old: str, new: str, hunks: list[Hunk], rewrite: Rewrite, rng: random.Random) -> str:
    parts, at = [], 0
    for lo, hi, new_lo, new_hi in hunks:
        was, becomes = old[lo:hi], new[new_lo:new_hi]
        above = old[:lo].rstrip().rpartition("\n")[2]
        indent = indentation(becomes, was, above)
        parts += [old[at:lo], rewrite(was, becomes, indent, rng)]
        at = hi
    return "".join([*parts, old[at:]])


def file_attacks(old: str, new: str, hunks: list[Hunk], rng: random.Random) -> Iterator[tuple[str, str]]:
    fix = "".join(new[lo:hi] for _, _, lo, hi in hunks)
    lines = old.splitlines(keepends=True)
    yield "empty file", ""
    yield "only the human's lines", fix
    yield "human's lines at the end", old + fix
    yield "human's lines at the top", fix + old
    yield "old deleted, new at the end", rewritten(old, new, hunks, lambda *_: "", rng) + fix
    yield "both files one after the other", old + new
    yield "the fixed file, then the old one", new + old
    yield "old in a string", f"'''\n{old}'''\n{new}" if "'''" not in old else f'"""{old}"""'
    yield "fixed file in a string", f"'''\n{new}\n'''\n"
    yield "fixed file under if False", f"if False:\n{indented(new)}{old}"
    yield "fixed file under if False (old gone)", f"if False:\n{indented(new)}"
    yield "exit before the fixed file", f"exit()\n{new}"
    yield "fixed file deeper", indented(new)
    yield "everything renamed", re.sub(r"\bself\b", "this", old)
    yield "import added", "import os\n" + old
    yield "random line doubled", "".join(line * 2 if at == len(lines) // 2 else line for at, line in enumerate(lines))
    yield "random line gone", "".join(line for at, line in enumerate(lines) if at != len(lines) // 3)
    yield "reformatted", "".join(line.rstrip("\n") + "  \n\n" for line in lines)
    yield "#-commented file", commented(new)
    yield "return at the top of each function", re.sub(r"(\n( *)def [^\n]*:\n)", r"\1\2    return\n", new)


def applied(before: dict[str, str], after: dict[str, str], count: int) -> dict[str, str]:
    """The first `count` hunks of the human fix."""
    result = dict(before)
    for path in before:
        if before[path] != after[path]:
            hunks = changed_hunks(before[path], after[path])[:count]
            count -= len(hunks)
            result[path] = rewritten(before[path], after[path], hunks, lambda old, new, i, rng: new, random.Random(0))
    return result


def touches_code(path: str, old: str, new: str, hunk: Hunk) -> bool:
    """Whether a hunk changes more than a docstring or comment (dead code in prose is no cheat, but prose)."""
    language = language_of(path)
    lo, hi, new_lo, new_hi = hunk
    state = state_at(language, old, lo)
    tokens = tokenise(language, old[lo:hi], state)[0], tokenise(language, new[new_lo:new_hi], state)[0]
    return tokens[0] != tokens[1] and any(token[0] not in '\n"' for side in tokens for token in side)


def attacks(before: dict[str, str], after: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    changed = {path: changed_hunks(before[path], after[path]) for path in before if before[path] != after[path]}
    code = {
        path: [hunk for hunk in hunks if touches_code(path, before[path], after[path], hunk)]
        for path, hunks in changed.items()
    }
    for name, rewrite in HUNK_ATTACKS.items():
        rng = random.Random(name)
        yield (
            name,
            before | {path: rewritten(before[path], after[path], hunks, rewrite, rng) for path, hunks in code.items()},
        )
    per_file: dict[str, dict[str, str]] = {}
    for path, hunks in changed.items():
        for name, text in file_attacks(before[path], after[path], hunks, random.Random(0)):
            per_file.setdefault(name, {})[path] = text
    for name, texts in per_file.items():
        yield name, before | texts
    yield "in another file", before | {"elsewhere.py": "".join(after.values())}


def hunk_count(before: dict[str, str], after: dict[str, str]) -> int:
    return sum(len(changed_hunks(before[path], after[path])) for path in before if before[path] != after[path])


def report_progress(row: dict[str, dict[str, str]], prepared: Prepared) -> tuple[list[float], bool] | None:
    hunks = hunk_count(row["before"], row["after"])
    if hunks < 2:
        return None
    scores = [prepared.similarity(applied(row["before"], row["after"], count)) for count in range(hunks + 1)]
    return scores, all(low <= high for low, high in pairwise(scores))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DEFAULT)
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--worst", help="show the row where this attack pays most")
    arguments = parser.parse_args()
    with gzip.open(arguments.data, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines][: arguments.rows]
    scores: dict[str, list[tuple[float, int]]] = {}
    progress = []
    for number, row in enumerate(rows):
        prepared = prepare(row["before"], row["after"])
        if not prepared.adds_code:
            continue
        for name, predicted in attacks(row["before"], row["after"]):
            if predicted != row["after"]:
                scores.setdefault(name, []).append((prepared.similarity(predicted), number))
        if (steps := report_progress(row, prepared)) is not None:
            progress.append((number, *steps))
    if arguments.worst:
        for score, number in sorted(scores[arguments.worst], reverse=True)[:3]:
            row = rows[number]
            predicted = dict(attacks(row["before"], row["after"]))[arguments.worst]
            print(f"=== row {number}: {score:.3f}")
            for path in row["before"]:
                for title, text in (("human", row["after"]), ("cheat", predicted)):
                    print(f"--- {title} {path}")
                    for lo, hi, new_lo, new_hi in (
                        changed_hunks(row["before"][path], text[path])[:6] if text[path] != row["before"][path] else []
                    ):
                        print(
                            "".join("-" + line for line in row["before"][path][lo:hi].splitlines(keepends=True)[:30]),
                            end="",
                        )
                        print("".join("+" + line for line in text[path][new_lo:new_hi].splitlines(keepends=True)[:30]))
        return
    print(heading())
    print(f"{'attack':42} {'max':>6} {'p99':>6} {'mean':>6} {'>0.3':>5} {'n':>4}")
    for name, found in sorted(scores.items(), key=lambda item: -max(item[1])[0]):
        values = sorted(score for score, _ in found)
        over = sum(value > 0.3 for value in values)
        print(
            f"{name:42} {values[-1]:6.3f} {values[int(len(values) * 0.99)]:6.3f} "
            f"{sum(values) / len(values):6.3f} {over:5d} {len(values):4d}"
        )
    falling = [number for number, _, rises in progress if not rises]
    print(
        f"{len(progress)} fixes of several hunks; applying hunk by hunk the score falls in {len(falling)}: {falling[:10]}"
    )
    halves = sorted(steps[len(steps) // 2] for _, steps, _ in progress)
    low, median, high = (halves[quarter * len(halves) // 4] for quarter in (1, 2, 3))
    print(f"score at half the hunks: median {median:.2f}, quartiles {low:.2f} {high:.2f}")


if __name__ == "__main__":
    main()
