"""Options that would break the run, or are none, are refused with what to do instead."""

from __future__ import annotations

from typing import Any

import pytest

from crrl.config import RunConfig, from_yaml, validate
from crrl.errors import ConfigError


def given(group: str, setting: str, value: Any) -> RunConfig:
    return from_yaml(f"lora: {{rank: 8}}\n{group}: {{{setting}: {value}}}")


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("cluster.sbatch", "[nodes=9]", "cluster.sbatch 'nodes=9': nodes is set by --nodes.server and --nodes.trainer"),
        ("cluster.sbatch", "[array=1-4]", "cluster.sbatch 'array=1-4': array is the run's own; leave it out"),
        ("cluster.sbatch", "[ntasks-per-node=4]", "ntasks-per-node is the run's own; leave it out"),
        ("cluster.sbatch", "['time=1:00']", "time is set by --time"),
        ("cluster.sbatch", "['--exclusive']", "must be name=value, or a name, as in exclude=n7 or exclusive"),
        ("cluster.srun", "[ntasks=4]", "cluster.srun 'ntasks=4': ntasks is the run's own"),
        ("cluster.scratch", "relative", "cluster.scratch 'relative': must be a path from / on"),
        ("cluster.network_interface", "'ib0;rm'", "cluster.network_interface 'ib0;rm': must be the name of one"),
        ("serve.extra", "[host=0.0.0.0]", "serve.extra 'host=0.0.0.0': host is the run's own; leave it out"),
        ("serve.extra", "[--api_key]", "serve.extra 'api_key': api-key is the run's own; leave it out"),
        ("serve.extra", "[hos=0.0.0.0]", "host is the run's own; leave it out"),
        ("serve.extra", "[dtype=float16]", "dtype is set by --serve.dtype"),
        ("serve.extra", "['']", "serve.extra '': must be name=value, or a name, as in block-size=32"),
    ],
)
def test_what_would_break_the_run_is_refused_in_one_line(setting: str, value: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        validate(given(*setting.split("."), value))
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("cluster.sbatch", "[exclude=n7, exclusive, hold, 'gres=gpu:2,lustre:1', 'export=NIL', mail-type=END]"),
        ("cluster.srun", "[cpu-bind=none, exact, kill-on-bad-exit=1]"),
        ("cluster.scratch", "$LOCALDIR/x"),
        ("cluster.network_interface", "enp1s0f0.100"),
        ("serve.extra", "[block-size=32, enable-expert-parallel, max-num-batched-tokens=8192, model-impl=auto]"),
        ("serve.extra", "[compilation-config.level=3]"),
    ],
)
def test_what_a_site_may_need_is_taken(setting: str, value: str) -> None:
    validate(given(*setting.split("."), value))
