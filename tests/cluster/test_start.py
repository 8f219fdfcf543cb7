"""A run that Slurm refuses at the last moment leaves nothing behind. The commands of Slurm here are scripts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import launch

SBATCH = """\
#!/bin/sh
case "$*" in *--test-only*) exit 0 ;; esac
echo "sbatch: error: the controller is asleep" >&2
exit 1
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in {"sbatch": SBATCH, "sinfo": "#!/bin/sh\n", "srun": "#!/bin/sh\n"}.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("CRRL_SITE", "none")


@pytest.mark.usefixtures("slurm")
def test_a_refused_run_leaves_nothing_that_was_not_there_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub").mkdir()
    places = {"--runs": "new/runs", "--cluster.hf-home": "hub/more", "--cluster.cache-dir": "cache/crrl"}
    words = [word for flag, place in places.items() for word in (flag, str(tmp_path / place))]
    assert launch.main(["--size", "tiny", "--cluster", "slurm", "--image", "none", *words]) == 2
    assert "Slurm refused the job: the controller is asleep" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "hub"]
    assert list((tmp_path / "hub").iterdir()) == []
