"""Weights & Biases, which learns of a run by reading the run's folder.

Nothing in training knows of W&B. A process of its own (`python -m crrl.tracking`) reads the new lines of `metrics.jsonl` and the
kept completions, and hands them on; it may wait, fail or be killed without anything else noticing. `crrl sync` is the same, from
a machine that has a network. Line N of `metrics.jsonl` is W&B's step N, so what W&B has already is never sent again.
"""
