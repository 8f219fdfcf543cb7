"""What the `primevul` source is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from crrl.errors import ConfigError

SPLITS_BY = ("published", "commit")
VERDICTS = ("check", "as-named", "inverted")


@dataclass(frozen=True)
class PrimevulOptions:
    """Which rows, how they are split, and whether their verdicts are believed."""

    path: Annotated[str, "primevul: the set's .jsonl or .parquet files, a folder of them, or ASSERT-KTH/PrimeVul"] = ""
    files: Annotated[
        str, "primevul, swe: only files with these words in their path, as train_paired (primevul: paired)"
    ] = "paired"
    splits: Annotated[str, "primevul: published: files named train, valid and test; commit: a hash"] = "published"
    verdicts: Annotated[str, "primevul: check refuses verdicts that look inverted; as-named and inverted decide it"] = (
        "check"
    )
    max_function_chars: Annotated[int, "primevul: drop pairs with a longer function; 0: no limit"] = 20_000

    def __post_init__(self) -> None:
        if not self.path:
            raise ConfigError("the source primevul needs path=FOLDER of its files, or path=ASSERT-KTH/PrimeVul")
        if self.splits not in SPLITS_BY:
            raise ConfigError(f"splits={self.splits!r}: must be {' or '.join(SPLITS_BY)}")
        if self.verdicts not in VERDICTS:
            raise ConfigError(f"verdicts={self.verdicts!r}: must be {', '.join(VERDICTS)}")
        if self.max_function_chars < 0:
            raise ConfigError(f"max_function_chars={self.max_function_chars}: must be 0 or more")
