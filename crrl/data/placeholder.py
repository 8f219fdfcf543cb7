"""The line that stands where code is to be written."""

from __future__ import annotations


def placeholder(name: str) -> str:
    """A statement of Python that stands for the body of the function `name`. It parses, and says nothing of the body's length."""
    return f"...  # TODO: implement {name}"
