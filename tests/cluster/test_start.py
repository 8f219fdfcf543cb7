"""A run that Slurm refuses at the last moment leaves nothing behind. The commands of Slurm here are scripts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import launch
from crrl.cluster.aftermath import add_last_line
from crrl.cluster.ending import Ending, end_attempt
from crrl.cluster.start import show_end
from crrl.report.run_folder import RunFolder

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


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("allocation failure: Requested node configuration is not available", "Slurm refused the job: the controller"),
        (
            "allocation failure: Invalid feature specification",
            "Slurm would refuse the job: allocation failure: Invalid",
        ),
    ],
)
@pytest.mark.usefixtures("slurm")
def test_nodes_that_are_down_for_now_are_left_to_sbatch(
    said: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """While nodes are drained, --test-only refuses what sbatch itself puts into the queue (Slurm 22.05)."""
    sbatch = tmp_path / "bin/sbatch"
    sbatch.write_text(SBATCH.replace(") exit 0", f") echo '{said}' >&2; exit 1"))
    words = ["--size", "tiny", "--cluster", "slurm", "--image", "none", "--runs", str(tmp_path / "runs")]
    assert launch.main(words) == 2
    assert capsys.readouterr().err.startswith(f"error: {expected}")


@pytest.mark.usefixtures("slurm")
def test_why_slurm_does_not_answer_is_said_in_its_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bin/sinfo").write_text("#!/bin/sh\necho 'sinfo: error: no configuration server' >&2\nexit 1\n")
    words = ["--size", "tiny", "--cluster", "slurm", "--image", "none", "--runs", str(tmp_path / "runs")]
    assert launch.main(words) == 2
    said = capsys.readouterr().err
    assert (
        said.startswith("error: sinfo ")
        and "no configuration server; ask your cluster's support if it stays so" in said
    )


@pytest.mark.parametrize(
    ("kind", "code", "advice"),
    [
        ("failed", 1, "go on with: python launch.py --resume "),
        (
            "mistake",
            2,
            "start a new run with other settings; or mend what lies outside of them (a file, the network), and: ",
        ),
    ],
)
def test_the_end_says_what_to_do_next(
    kind: Any, code: int, advice: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(tmp_path)
    ending = Ending(kind, "the sky fell")
    folder.attempt(1).path.mkdir(parents=True)
    assert end_attempt(folder.attempt(1), ending)
    folder.write_status("failed", attempt=1, verdict=ending.verdict)
    assert show_end(folder, folder.read_status()) == code
    first, second = capsys.readouterr().out.splitlines()
    assert first == "failed: the sky fell"
    assert second.startswith(advice) and second.endswith(f"python launch.py --resume {folder.path} --follow")


def test_a_log_ends_with_the_verdict_once(tmp_path: Path) -> None:
    log = tmp_path / "trainer.log"
    log.write_text("error: the sky fell\n")
    add_last_line(log, Ending("mistake", "the sky fell"))
    assert log.read_text() == "error: the sky fell\n"
    for _ in range(2):
        add_last_line(log, Ending("lost", "rank 1 is gone"))
    assert log.read_text() == "error: the sky fell\nend of the attempt (lost): rank 1 is gone\n"
