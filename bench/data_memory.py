"""Peak memory of building a dataset with 1,000 and with 100,000 rows, each in a fresh process, side by side.

    python -m bench.data_memory                     both sizes through load_tasks, and the real fixes if they are there

Peak is VmHWM of the process (Linux); growth is the peak beyond what the imports alone took.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.fixes import DEFAULT
from bench.machine import heading

ROW_COUNTS = (1_000, 100_000)
LINES_PER_FILE = 30


def write_pairs(path: Path, rows: int) -> None:
    """Before/after pairs of about 1 kB a file, no two alike."""
    with path.open("w") as out:
        for number in range(rows):
            lines = [f"def f{line}_{number}(x):  # {'a remark' * 2}\n" for line in range(LINES_PER_FILE)]
            fixed = [*lines[:7], f"    return x + {number}\n", *lines[8:]]
            pair = {"repo": "bench/pairs", "commit": f"{number:040x}", "subject": f"Fix number {number}"}
            out.write(
                json.dumps({**pair, "before": {"a.py": "".join(lines)}, "after": {"a.py": "".join(fixed)}}) + "\n"
            )


def peak_mb() -> float:
    """The most memory this process has held, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measure(path: str, cache: str) -> None:
    """In a process of its own: load the file, print what it took as JSON."""
    import datasets  # noqa: F401 - before the clock and the baseline, as in a training

    from crrl.data import load_tasks

    load_tasks("toy", kind="repair", rows=2, cache_dir=cache)
    imports = peak_mb()
    started = time.perf_counter()
    tasks = load_tasks("jsonl", kind="repair", split="all", path=path, cache_dir=cache)
    seconds = time.perf_counter() - started
    print(json.dumps({"tasks": len(tasks), "seconds": seconds, "imports": imports, "peak": peak_mb()}))


def report(name: str, path: Path, cache: str) -> dict[str, float]:
    """One line of the table, measured in a fresh process."""
    command = [sys.executable, "-m", "bench.data_memory", "--measure", str(path), cache]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(Path(__file__).parents[1])}
    )
    values: dict[str, float] = json.loads(done.stdout)
    size = path.stat().st_size / 1e6
    rate = values["seconds"] * 1000 / values["tasks"]
    growth = values["peak"] - values["imports"]
    counts = f"{size:>8.1f} {values['tasks']:>8} {values['seconds']:>8.1f} {rate:>8.2f}"
    print(f"{name:<22} {counts} {values['peak']:>8.0f} {growth:>8.0f}")
    return values


def main() -> None:
    """Print the table and the ratio of the peaks."""
    print(heading())
    print(f"{'':<22} {'file MB':>8} {'tasks':>8} {'s':>8} {'ms/task':>8} {'peak MB':>8} {'growth':>8}")
    with tempfile.TemporaryDirectory() as folder:
        peaks = []
        for rows in ROW_COUNTS:
            path = Path(folder) / f"{rows}.jsonl"
            write_pairs(path, rows)
            peaks.append(report(f"{rows} pairs", path, f"{folder}/cache")["peak"])
        if DEFAULT.is_file():
            report("bugfix-commits", DEFAULT, f"{folder}/cache")
    print(f"peak with {ROW_COUNTS[1]} rows / peak with {ROW_COUNTS[0]} rows: {peaks[1] / peaks[0]:.3f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(*sys.argv[2:])
    else:
        main()
