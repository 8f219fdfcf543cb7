"""The `swe` source: issues of repositories with the fix that closed them, as repairs over several files."""

from crrl.data.sources.swe.build import identity, items
from crrl.data.sources.swe.options import SweOptions

__all__ = ["SweOptions", "identity", "items"]
