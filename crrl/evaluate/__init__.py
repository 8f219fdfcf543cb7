"""Evaluation: answers to held-out tasks, scored, with intervals, kept whole. Training and `crrl eval` use the same."""

from crrl.evaluate.asked import data_options
from crrl.evaluate.evaluation import Answered, Evaluation, Generate, evaluate, rewards_for
from crrl.evaluate.kept import evaluation_path, read_answers, read_evaluations, write_answers, write_evaluation

__all__ = [
    "Answered",
    "Evaluation",
    "Generate",
    "data_options",
    "evaluate",
    "evaluation_path",
    "read_answers",
    "read_evaluations",
    "rewards_for",
    "write_answers",
    "write_evaluation",
]
