"""Each completion that a server draws by a seed has its own."""

from __future__ import annotations

from crrl.train.rollout import seed_of

RUNS, STEPS, GROUPS, SIZE = (1, 2, 20261128, 2**62), 6, 40, 64


def test_no_two_completions_share_a_seed_and_vllm_takes_each() -> None:
    firsts = [seed_of(run, step, group) for run in RUNS for step in range(STEPS) for group in range(GROUPS)]
    seeds = [first + number for first in firsts for number in range(SIZE)]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) >= 0 and max(seeds) < 2**63
    assert firsts[:3] == [seed_of(1, 0, group) for group in range(3)]
