"""The groups of a step, reward by reward."""

from __future__ import annotations

import torch

from crrl.train.groups import group_metrics, without_half_judged

NAN = float("nan")


def test_a_group_whose_completions_score_the_same_teaches_nothing() -> None:
    scores = torch.tensor([[1.0, 0.5], [1.0, 0.0], [0.0, 0.5], [1.0, 0.5]])
    assert group_metrics(scores, ["tests", "similarity"], 2) == {
        "rewards/tests/zero_std_share": 0.5,
        "rewards/tests/unjudged_share": 0.0,
        "rewards/similarity/zero_std_share": 0.5,
        "rewards/similarity/unjudged_share": 0.0,
    }


def test_what_was_not_judged_makes_no_group_differ_and_a_group_without_any_judged_is_left_out() -> None:
    scores = torch.tensor([[NAN], [1.0], [NAN], [NAN], [0.0], [1.0]])
    assert group_metrics(scores, ["tests"], 2) == {
        "rewards/tests/zero_std_share": 0.5,
        "rewards/tests/unjudged_share": 0.5,
    }


def test_nothing_judged_at_all_is_no_group_without_a_lesson() -> None:
    assert group_metrics(torch.full((4, 1), NAN), ["tests"], 2)["rewards/tests/zero_std_share"] == 0.0


def test_a_completion_that_one_reward_could_not_judge_is_compared_with_none_that_it_could() -> None:
    scores = torch.tensor([[NAN, 1.0], [1.0, 0.5], [NAN, 0.25], [NAN, 0.75], [0.0, 0.5], [1.0, 0.0]])
    left = without_half_judged(scores, 2)
    assert left.isnan().tolist() == [
        [True, True],
        [False, False],
        [True, False],
        [True, False],
        [False] * 2,
        [False] * 2,
    ]
    assert torch.equal(left[~left.isnan()], scores[~left.isnan()])
