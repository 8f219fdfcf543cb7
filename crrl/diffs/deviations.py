"""Everything a reply may do that the canonical form does not, by name: the only place these names are spelled.

A deviation never changes what an edit means; it is a departure from the form that prompts teach, and the `format`
reward prices each one. Names appear in `Patch.deviations` once each, in the order they were first met.
"""

from __future__ import annotations

PATH_FROM_PREVIOUS = "path-missing-reused-previous"
"""A block without a path line of its own: it edits the file of the block before."""
PATH_FROM_DEFAULT = "path-from-default"
"""The first block has no path line: the caller's `default_path` is meant."""
HEADING_PATH = "heading-path"
"""The path line is a Markdown heading: `### pkg/mod.py`."""
QUOTED_PATH = "quoted-path"
"""The path stands in back-quotes although nothing in it needs them."""
BLANKS_AROUND_PATH = "blanks-around-path"
"""Blanks before or after the path on its line."""
DOTTED_PATH = "dotted-path"
"""The path is not in its shortest form: `./pkg//mod.py`."""
FENCE = "fence"
"""A Markdown code fence outside of a block."""
CRLF = "crlf"
"""The path line or a marker ends in CRLF."""
BLANKS_AFTER_MARKER = "blanks-after-marker"
"""A marker line ends in blanks."""
TEXT_AROUND = "text-around"
"""Any other text outside of the blocks. Empty lines are none."""

UNCLOSED_ANSWER = "unclosed-answer"
"""`<answer>` without a line `</answer>`: nothing closes it, or the end of its last line does."""
TEXT_AROUND_ANSWER = "text-around-answer"
"""Text before `<answer>` or after `</answer>`."""
UNCLOSED_THOUGHT = "unclosed-thought"
"""`<think>` without `</think>`."""

PATCH_DEVIATIONS: tuple[str, ...] = (
    PATH_FROM_PREVIOUS,
    PATH_FROM_DEFAULT,
    HEADING_PATH,
    QUOTED_PATH,
    BLANKS_AROUND_PATH,
    DOTTED_PATH,
    FENCE,
    CRLF,
    BLANKS_AFTER_MARKER,
    TEXT_AROUND,
)
REPLY_DEVIATIONS: tuple[str, ...] = (UNCLOSED_ANSWER, TEXT_AROUND_ANSWER, UNCLOSED_THOUGHT)
DEVIATIONS: tuple[str, ...] = PATCH_DEVIATIONS + REPLY_DEVIATIONS
"""Every name there is."""
