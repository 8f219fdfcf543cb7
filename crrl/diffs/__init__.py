"""Patches as text and as values, and how close one change is to another. Pure functions: text in, value out."""

from crrl.diffs.apply import apply_patch
from crrl.diffs.make import make_patch
from crrl.diffs.patch import Edit, Patch
from crrl.diffs.search_replace import parse_patch, render_patch
from crrl.diffs.similarity import similarity, swe_rl_similarity
from crrl.diffs.unified import apply_unified, render_unified

__all__ = [
    "Edit",
    "Patch",
    "apply_patch",
    "apply_unified",
    "make_patch",
    "parse_patch",
    "render_patch",
    "render_unified",
    "similarity",
    "swe_rl_similarity",
]
