"""Write every `similarity` score of the benchmarks' answers and attacks, to the last bit: a faster version must not change one.

python -m bench.scores before.txt [--data FIXES.jsonl.gz] [--rows N]
(change the code) ; python -m bench.scores after.txt ; cmp before.txt after.txt
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

from bench.attack_similarity import applied, attacks, hunk_count
from bench.fixes import DEFAULT, read_fixes
from bench.rewards import KINDS
from bench.variants import group_of
from crrl.diffs.similarity import prepare
from crrl.rewards import REWARDS
from crrl.schema import Files, rows_from_files

TAILS = ("", "\n", "\n'''", "\n\nx = 1", "\r\n", ' + """a')
"""Ends of a file."""
BLEMISHES: tuple[tuple[str, str], ...] = (("```python\n", "```"), ("<think>hm</think>\n<answer>\n", "</answer>"))
"""Texts around an answer."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=DEFAULT)
    parser.add_argument("--rows", type=int, default=0)
    given = parser.parse_args()
    count = 0
    with given.out.open("w", encoding="utf-8") as out:
        for number, (before, after) in enumerate(read_fixes(given.data, given.rows)):
            for name, score in (*answers(before, after, number), *cheats(before, after)):
                out.write(f"{number}\t{name}\t{score!r}\n")
                count += 1
    print(f"{count} scores in {given.out}")


def answers(before: Files, after: Files, seed: int) -> Iterator[tuple[str, float | None]]:
    """Scores of each kind of answer to a fix, whole, cut off, with a line missing, and with text around it."""
    for kind, options, *_ in KINDS:
        draw = random.Random(seed)
        texts = group_of(before, after, random.Random(seed), **options)
        texts += [text[: draw.randrange(len(text) + 1)] for text in texts[:4]]
        texts += [_without_a_line(text, draw) for text in texts[:8]]
        texts += [f"{above}{text}{below}" for text in texts[:4] for above, below in BLEMISHES]
        texts += [text.replace("\n", "\r\n") for text in texts[:2]]
        columns = {"files": [rows_from_files(before)] * len(texts), "reference": [rows_from_files(after)] * len(texts)}
        for name in ("similarity", "applies", "format"):
            for index, score in enumerate(REWARDS[name](texts, **columns)):
                yield f"{name} of {kind} {index}", score


def cheats(before: Files, after: Files) -> Iterator[tuple[str, float]]:
    """Scores of each attack, of the fix applied hunk by hunk, and of files with other ends."""
    prepared = prepare(before, after)
    for tail in TAILS:
        for name, tree in (("before", before), ("after", after)):
            yield f"{name} {tail!r}", prepared.similarity({path: text[:-1] + tail for path, text in tree.items()})
    for name, predicted in attacks(dict(before), dict(after)):
        yield name, prepared.similarity(predicted)
    for count in range(hunk_count(dict(before), dict(after)) + 1):
        yield f"{count} hunks", prepared.similarity(applied(dict(before), dict(after), count))


def _without_a_line(text: str, draw: random.Random) -> str:
    lines = text.split("\n")
    index = draw.randrange(len(lines))
    return "\n".join([*lines[:index], *lines[index + 1 :]])


if __name__ == "__main__":
    main()
