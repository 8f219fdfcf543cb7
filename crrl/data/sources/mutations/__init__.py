"""The `mutations` source: real Python code with one realistic bug, and the tests that notice it (docs/mutations.md)."""

from crrl.data.sources.mutations.build import SPLITS, items
from crrl.data.sources.mutations.journal import identity
from crrl.data.sources.mutations.options import MutationsOptions

__all__ = ["SPLITS", "MutationsOptions", "identity", "items"]
