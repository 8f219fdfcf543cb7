"""`crrl eval` and `crrl compare`."""

from __future__ import annotations

import argparse
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from crrl.data.build import SPLITS, make_plan
from crrl.data.options import read_pairs
from crrl.evaluate.asked import BATCH_SIZE, ENGINES, Asked, complete
from crrl.evaluate.evaluation import JUDGED_AT_ONCE
from crrl.evaluate.model_place import find_model
from crrl.quiet import QUIET
from crrl.sandbox import LEVELS
from crrl.schema import KINDS


def add_eval_command(commands: Any) -> None:
    """Add `eval` to argparse subparsers."""
    parser = commands.add_parser("eval", help="let a model answer held-out tasks, and score it")
    add = parser.add_argument
    add(
        "--model", required=True, help="a run (its id or folder), a checkpoint's folder, a folder, or a name of the hub"
    )
    add("--data", default="", metavar="SOURCE", help="the tasks, as in `crrl data build`; a run's model has its own")
    add("--data-options", nargs="+", default=[], metavar="NAME=VALUE", help="options of the source")
    add(
        "--kind",
        default="",
        choices=("", *KINDS),
        help="which kind of task (default: the one that --data says, else the run's)",
    )
    add("--split", default="heldout", choices=SPLITS, help="which part of the source (default: heldout)")
    add("--rows", type=int, metavar="N", help="at most this many tasks; 0: all (default: the run's eval.tasks, else 0)")
    add("--n", type=int, default=1, help="answers to each task (default: 1)")
    add("--k", type=_whole_numbers, default=(), metavar="1,2,4", help="pass@k for these (default: powers of 2 up to n)")
    add("--temperature", type=float, help="of the sampling; 0: greedy (default: 1.0, and 0 for --n 1)")
    add("--rewards", nargs="+", default=[], metavar="NAME", help="score by these (default: those that fit each task)")
    add("--seed", type=int, default=1, help="of sampling and intervals; the data has its own (default: 1)")
    add(
        "--batch-size",
        type=int,
        default=0,
        metavar="N",
        help="completions generated at once: the --n answers to a task count as n (with --engine vllm on a CPU: tasks asked "
        f"at once; on GPUs the server decides) (default: the run's eval.batch_size, else {BATCH_SIZE})",
    )
    add(
        "--max-new-tokens",
        type=int,
        default=0,
        metavar="N",
        help="of an answer (default: the run's, else 1024, or half of a shorter context)",
    )
    add("--dtype", default="auto", choices=("auto", "float32", "bfloat16"), help="the model's weights")
    add(
        "--engine",
        default=ENGINES[0],
        choices=ENGINES,
        help="what generates: this process, or a vLLM server that is started for it (default: transformers)",
    )
    add(
        "--sandbox.level", choices=LEVELS, help="the least that programs run behind (default: the run's, else landlock)"
    )
    add(
        "--sandbox.deadline-s",
        type=float,
        metavar="S",
        help=f"for the programs of {JUDGED_AT_ONCE} answers (default: 600)",
    )
    add("--baseline", action="store_true", help="for scale: the model before its run, the empty patch, the reference")
    add("--out", type=Path, metavar="FILE.json", help="where the result goes (default: evaluations/TIME-MODEL.json)")
    add("--predictions", type=Path, metavar="FILE.jsonl", help="write first answers in SWE-bench's format as well")
    add(
        "--runs",
        type=Path,
        default=Path("runs"),
        metavar="FOLDER",
        help="where a run's id is looked up (default: runs)",
    )
    parser.set_defaults(run=run_eval)


def add_compare_command(commands: Any) -> None:
    """Add `compare` to argparse subparsers."""
    parser = commands.add_parser("compare", help="compare two results of `crrl eval` task by task, by an exact test")
    parser.add_argument("first", type=Path, metavar="FIRST.json")
    parser.add_argument("second", type=Path, metavar="SECOND.json")
    parser.add_argument("--seed", type=int, default=1, help="of the interval (default: 1)")
    parser.set_defaults(run=run_compare)


def run_eval(arguments: argparse.Namespace) -> int:
    """Evaluate, write the result, print the tables. Returns the exit code."""
    from crrl.evaluate.session import evaluate_and_keep

    os.environ |= QUIET
    asked = _asked(arguments)
    plan = {"source": asked.source, "kind": asked.kind, "split": asked.split}
    make_plan(**plan, options=asked.options)  # what is wrong with it is said before anything heavy is imported
    evaluate_and_keep(asked, with_baselines=arguments.baseline, predictions=arguments.predictions)
    return 0


def run_compare(arguments: argparse.Namespace) -> int:
    """Print how two results differ. Returns the exit code."""
    from rich.console import Console

    from crrl.evaluate.compare import compare, comparison_table
    from crrl.evaluate.result import read_result

    compared = compare(read_result(arguments.first), read_result(arguments.second), seed=arguments.seed)
    Console().print(comparison_table(compared, arguments.first.stem, arguments.second.stem))
    return 0


def _asked(arguments: argparse.Namespace) -> Asked:
    return complete(
        find_model(arguments.model, arguments.runs),
        data=arguments.data,
        kind=arguments.kind,
        split=arguments.split,
        rows=arguments.rows,
        options=read_pairs("--data-options", arguments.data_options),
        rewards=[name for names in arguments.rewards for name in names.split(",") if name],
        n=arguments.n,
        ks=arguments.k,
        temperature=arguments.temperature,
        seed=arguments.seed,
        batch_size=arguments.batch_size,
        max_new_tokens=arguments.max_new_tokens,
        dtype=arguments.dtype,
        engine=arguments.engine,
        sandbox_level=getattr(arguments, "sandbox.level"),
        sandbox_deadline_s=getattr(arguments, "sandbox.deadline_s"),
        out=arguments.out or _default_out(arguments.model),
    )


def _default_out(model: str) -> Path:
    """`evaluations/20261124-110107-checkpoint-40.json`."""
    return Path("evaluations") / f"{datetime.now():%Y%m%d-%H%M%S}-{Path(model).name}.json"


def _whole_numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: must be whole numbers, as in 1,2,4") from None
