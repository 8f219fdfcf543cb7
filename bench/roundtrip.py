"""Do patches made from real fixes reproduce them, byte for byte, and does every reward pay 1.0 for them?

python -m bench.roundtrip [--data FIXES.jsonl.gz]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from bench.fixes import DEFAULT, read_fixes
from bench.machine import heading
from crrl.diffs import apply_patch, apply_unified, make_patch, parse_patch, render_patch, render_unified
from crrl.rewards import REWARDS
from crrl.schema import rows_from_files

JUDGED = ("format", "applies", "similarity", "syntax", "swe_rl_similarity")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT)
    fixes = list(read_fixes(parser.parse_args().data))
    print(heading())
    counts = dict.fromkeys(("make_patch → apply_patch", "→ render → parse → apply", "unified → apply"), 0)
    perfect = dict.fromkeys(JUDGED, 0)
    not_judged = dict.fromkeys(JUDGED, 0)
    started = time.perf_counter()
    for before, after in fixes:
        patch = make_patch(before, after)
        counts["make_patch → apply_patch"] += apply_patch(before, patch) == after
        counts["→ render → parse → apply"] += apply_patch(before, parse_patch(render_patch(patch))) == after
        counts["unified → apply"] += apply_unified(before, render_unified(before, after)) == after
        columns = {"files": [rows_from_files(before)], "reference": [rows_from_files(after)]}
        for name in JUDGED:
            (score,) = REWARDS[name]([render_patch(patch)], **columns)
            perfect[name] += score == 1.0
            not_judged[name] += score is None
    for name, count in counts.items():
        print(f"{name:<28} {count} of {len(fixes)}")
    for name in JUDGED:
        print(f"reward {name:<21} {perfect[name]} × 1.0, {not_judged[name]} × not judged")
    print(f"in {time.perf_counter() - started:.1f} s")
    whole = all(count == len(fixes) for count in counts.values())
    return 0 if whole and all(perfect[name] + not_judged[name] == len(fixes) for name in JUDGED) else 1


if __name__ == "__main__":
    sys.exit(main())
