"""How fast are the similarity rewards, reply → score, on groups of 16 answers to real fixes?

python -m bench.rewards [--data FIXES.jsonl.gz] [--rows N] [--runs N]      exit code 1 if a goal is missed

Every run starts with cold caches, on one core, in processor time. Each answer and its rows are copies of their own, as TRL hands
them over; making the copies is not timed. The first answer of a group pays for the preparation. Damage often gives the same text
twice, as models do; an answer that its group gave before is judged already, so the second line of each kind leaves those out.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import multiprocessing
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.fixes import DEFAULT, read_fixes
from bench.machine import heading
from bench.variants import group_of
from crrl.diffs import apply_patch, parse_patch
from crrl.errors import PatchApplyError, PatchParseError
from crrl.rewards import REWARDS
from crrl.schema import FileRow, Files, files_from_rows, rows_from_files

Group = tuple[list[str], list[FileRow], list[FileRow]]
"""Answers, files, reference."""
SAMPLE = 300
KINDS: tuple[tuple[str, dict[str, Any], int, float], ...] = (
    ("one hunk damaged", {}, 10_000, 1.0),
    ("many hunks damaged", {"more_damage": 0.3}, 0, 3.0),
    ("whole files", {"whole_files": True}, 0, 3.0),
)
"""Answers, how they are made, the goals: completions a second at least, 99th percentile in ms at most."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    fixes = list(read_fixes(given.data, given.rows))
    print(heading())
    print(f"{len(fixes)} fixes, groups of 16, median of {given.runs} runs")
    goals = []
    print(f"{'reward and answers':<34} {'per second':>11} {'p50':>9} {'p99':>9} {'worst':>9}")
    for answers, options, least_rate, most_p99_ms in KINDS:
        groups = [_group(*fix, seed, **options) for seed, fix in enumerate(fixes)]
        rate, p99_ms = _report(f"similarity, {answers}", "similarity", groups, given.runs)
        goals.append((f"similarity, {answers}: {least_rate}/s or more", rate >= least_rate))
        goals.append((f"similarity, {answers}: p99 under {most_p99_ms} ms", p99_ms < most_p99_ms))
    groups = [_group(*fix, seed) for seed, fix in enumerate(fixes)]
    _report("swe_rl_similarity, small edits", "swe_rl_similarity", groups[::10], 1)
    worst, ratio = _compare_with_difflib(groups)
    goals.append((f"swe_rl_similarity equals difflib to 1e-9 (worst {worst:.1e})", worst < 1e-9))
    goals.append((f"swe_rl_similarity at least 15 times difflib's speed ({ratio:.1f} times)", ratio >= 15))
    for goal, is_met in goals:
        print(f"{'met   ' if is_met else 'MISSED'} {goal}")
    return int(not all(is_met for _, is_met in goals))


def _group(before: Files, after: Files, seed: int, **options: Any) -> Group:
    answers = group_of(before, after, random.Random(seed), **options)
    return answers, rows_from_files(before), rows_from_files(after)


def _report(title: str, reward: str, groups: list[Group], runs: int) -> tuple[float, float]:
    """Prints the median run; returns completions a second and the 99th percentile in ms."""
    measured = sorted(_in_a_fork(lambda: _seconds(reward, groups)) for _ in range(runs))
    rates = [(len(times) / sum(times), times) for times in measured]
    rate = statistics.median(rate for rate, _ in rates)
    times = min(rates, key=lambda pair: abs(pair[0] - rate))[1]
    p50, p99 = (1000 * sorted(times)[int(share * len(times))] for share in (0.5, 0.99))
    print(f"{title:<34} {rate:>9,.0f}/s {p50:>6.3f} ms {p99:>6.3f} ms {1000 * max(times):>6.2f} ms", flush=True)
    new = [seconds for seconds, is_new in zip(times, _are_new(groups), strict=True) if is_new]
    print(f"{f'  {len(new)} of {len(times)}, without repeats':<34} {len(new) / sum(new):>9,.0f}/s", flush=True)
    return rate, p99


def _are_new(groups: list[Group]) -> list[bool]:
    """Of each answer, in order, whether its group did not give it before."""
    return [answer not in answers[:index] for answers, _, _ in groups for index, answer in enumerate(answers)]


def _seconds(reward: str, groups: list[Group]) -> list[float]:
    """Processor time of each answer, in order: what else the machine does is not counted."""
    score = REWARDS[reward]
    times = []
    for answers, files, reference in groups:
        for answer in answers:
            completions = [copy_text(answer)]
            columns = {"files": [copy_rows(files)], "reference": [copy_rows(reference)]}
            started = time.thread_time()
            score(completions, **columns)
            times.append(time.thread_time() - started)
    return times


def copy_rows(rows: list[FileRow]) -> list[FileRow]:
    """Equal rows whose texts are other objects, as every read of a dataset gives."""
    return [{"path": row["path"], "text": copy_text(row["text"])} for row in rows]


def copy_text(text: str) -> str:
    return (text + " ")[:-1]


def _in_a_fork(measure: Callable[[], list[float]]) -> list[float]:
    """Run in a child, so that every run begins with the same cold caches.

    What the benchmark itself holds is frozen: collecting it, in pages that the child would have to copy, is no cost of a reward.
    """
    gc.freeze()
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)

    def child() -> None:
        send.send(measure())

    process: Any = context.Process(target=child)
    process.start()
    send.close()
    times: list[float] = receive.recv()
    process.join()
    return times


def _compare_with_difflib(groups: list[Group]) -> tuple[float, float]:
    """Largest difference of scores, and the ratio of speeds, side by side on the same answers."""
    draw = random.Random(0)
    picked = draw.sample([(group, answer) for group in groups for answer in group[0]], min(SAMPLE, 16 * len(groups)))
    ours_s = theirs_s = worst = 0.0
    for (_, files, reference), answer in picked:
        columns = {"files": [copy_rows(files)], "reference": [copy_rows(reference)]}
        started = time.thread_time()
        (ours,) = REWARDS["swe_rl_similarity"]([answer], **columns)
        ours_s += time.thread_time() - started
        started = time.thread_time()
        theirs = published(files_from_rows(files), files_from_rows(reference), answer)
        theirs_s += time.thread_time() - started
        assert ours is not None
        worst = max(worst, abs(ours - theirs))
    count = len(picked)
    print(
        f"{'the same with difflib, ' + str(count) + ' answers':<34} {count / theirs_s:>9,.1f}/s  ours {count / ours_s:,.0f}/s"
    )
    return worst, theirs_s / ours_s


def published(before: Files, reference: Files, answer: str) -> float:
    """The definition, written down with the standard library alone."""
    try:
        predicted = apply_patch(before, parse_patch(answer))
    except (PatchParseError, PatchApplyError):
        return 0.0
    if predicted == before:
        return 0.0
    paths = before.keys() | reference.keys() | predicted.keys()
    ratios = []
    for path in paths:
        ref, pred = (_diff(before.get(path, ""), tree.get(path, "")) for tree in (reference, predicted))
        if ref or pred:
            is_two_sided = bool(ref and pred)
            ratios.append(difflib.SequenceMatcher(None, pred, ref, autojunk=False).ratio() if is_two_sided else 0.0)
    return sum(ratios) / len(ratios) if ratios else 1.0


def _diff(old: str, new: str) -> str:
    return "\n".join(list(difflib.unified_diff(old.splitlines(), new.splitlines(), n=3, lineterm=""))[2:])


if __name__ == "__main__":
    sys.exit(main())
