"""The `primevul` source: functions of C and C++ before and after the repair of a vulnerability, to classify or to repair."""

from crrl.data.sources.primevul.build import SPLITS, identity, items
from crrl.data.sources.primevul.options import PrimevulOptions

__all__ = ["SPLITS", "PrimevulOptions", "identity", "items"]
