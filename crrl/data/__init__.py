"""Training data: sources → checked, split and filtered tasks → a datasets.Dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datasets

__all__ = ["load_tasks"]


def load_tasks(source: str, *, kind: str, split: str = "train", **options: Any) -> datasets.Dataset:
    """Load tasks of one kind and split as a Dataset of task rows (`crrl.schema.TaskRow`).

        load_tasks("jsonl", kind="repair", path="fixes.jsonl.gz", rows=500)
        load_tasks("commits:../project", kind="repair", split="heldout")
        load_tasks("fixes.jsonl", kind="repair", max_prompt_tokens=2048, tokenizer="Qwen/Qwen2.5-Coder-0.5B-Instruct")

    Args:
        source: `jsonl`, `commits`, `toy` or `mutations`; `jsonl:PATH`, `commits:PATH`, `mutations:PATH`; or the path of a
            .jsonl or .jsonl.gz file.
        kind: repair, implement or classify; rows of another kind are dropped and counted.
        split: train, heldout or all (not of `toy`). Equal content never lies in two splits.
        options: the build's and the source's, docs/data.md lists them. Text is read as the option's type.

    Returns:
        The tasks in the source's order, memory-mapped from the cache; the same call twice builds once.

    Raises:
        ConfigError: an unknown source, kind, split or option, or an impossible value.
        DataError: a bad row (file and row are named) more than `skip_bad`; no readable input; no task left.

    Cost: about 1 ms a task of real code, once; memory does not grow with the number of rows (bench/data_memory.py).
    """
    from crrl.data.build import make_plan
    from crrl.data.dataset import load_dataset

    return load_dataset(make_plan(source, kind=kind, split=split, options=options))
