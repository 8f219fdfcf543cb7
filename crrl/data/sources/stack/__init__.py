"""The `stack` source: Python functions with good docstrings, to be written anew."""

from crrl.data.sources.stack.build import items
from crrl.data.sources.stack.code_files import identity
from crrl.data.sources.stack.options import StackOptions

__all__ = ["StackOptions", "identity", "items"]
