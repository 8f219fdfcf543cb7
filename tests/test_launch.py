"""The command line: presets and flags become a run's folder and a job; mistakes are one line; Ctrl-C can be resumed."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import launch
from crrl.cluster.new_run import new_folder
from crrl.cluster.resolve import resolve
from crrl.config import JOBS, load_preset, read_config, to_yaml
from crrl.errors import ConfigError
from crrl.flags import SHORT_FLAGS, parse, settings_of
from crrl.report.run_folder import RunFolder, write_aside

SHORT = """
--size tiny --tracking.wandb off --rewards format=0.5 similarity=0.5 --data.rows 16 --sft.steps 2000 --sft.batch-size 4
--sft.rows 40 --grpo.num-generations 4 --grpo.per-device-batch-size 8 --grpo.max-completion-length 16 --eval.tasks 4
""".split()


@pytest.fixture(autouse=True)
def no_slurm_and_no_site(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has: no sbatch, and no site file."""
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("bin")))
    monkeypatch.setenv("CRRL_SITE", "none")


def command(*words: str) -> list[str]:
    return [sys.executable, "launch.py", *words]


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a mistake is answered with."""
    assert launch.main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("error: ")
    return printed.err.removeprefix("error: ").strip()


def test_flags_change_the_preset_and_nothing_else() -> None:
    changed = parse("--size small --grpo.learning-rate 2e-5 --data a.jsonl --nodes.trainer=3 --stage sft,grpo".split())
    preset = load_preset("small")
    assert changed.grpo.learning_rate == 2e-5
    assert changed.data.source == "a.jsonl"
    assert changed.cluster.nodes.trainer == 3
    assert changed.imitates and changed.reinforces
    assert (changed.lora, changed.rewards, changed.model) == (preset.lora, preset.rewards, preset.model)


@pytest.mark.parametrize(
    "words",
    [
        ["--rewards", "tests=0.8", "format=0.2"],
        ["--rewards", "tests=0.8,format=0.2"],
        ["--rewards=tests=0.8,format=0.2"],
    ],
)
def test_rewards_are_written_as_pairs_and_replace_the_preset_s(words: list[str]) -> None:
    assert parse([*words, "--seed", "3"]).rewards == {"tests": 0.8, "format": 0.2}


def test_a_file_of_one_s_own_takes_the_place_of_a_preset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"{(JOBS / 'small.yaml').read_text()}\nseed: 7\n")
    given = parse(["--preset", str(mine), "--grpo.steps", "9"])
    small = parse(["--size", "small", "--grpo.steps", "9", "--seed", "7"])
    assert settings_of(given) == settings_of(small)
    mine.write_text("size: small\ngrpo: {stepz: 7}\n")
    assert "mine.yaml:2: there is no setting grpo.stepz; did you mean grpo.steps?" in refusal(
        capsys, "--preset", str(mine)
    )
    assert "give one of them" in refusal(capsys, "--preset", str(mine), "--size", "tiny")
    assert "cannot read the config" in refusal(capsys, "--preset", str(tmp_path / "none.yaml"))


def test_options_of_the_source_are_added_to_the_preset_s() -> None:
    options = parse(["--data.options", "max_changed_lines=50", "heldout_share=0.2"]).data.options
    assert options == {"max_changed_lines": "50", "heldout_share": "0.2"}


def test_variables_are_written_as_pairs_and_may_hold_commas() -> None:
    env = parse(["--cluster.env", "A=b", "NCCL_IB_HCA=mlx5_0,mlx5_1", "--seed", "3"]).cluster.env
    assert env == {"A": "b", "NCCL_IB_HCA": "mlx5_0,mlx5_1"}


@pytest.mark.parametrize(
    "words", ["--grpo.use-vllm False", "--grpo.use_vllm false", "--grpo.no-use-vllm", "--grpo.use-vllm=False"]
)
def test_a_switch_is_turned_off_by_a_word_or_by_its_no_form(words: str) -> None:
    assert not parse(["--size", "small", *words.split(), "--seed", "3"]).grpo.use_vllm
    assert parse(["--size", "small"]).grpo.use_vllm


@pytest.mark.parametrize("words", ["--dry-run", "--dry-run True", "--dry_run", "--dry-run --follow False"])
def test_a_switch_is_turned_on_by_its_name_alone(words: str) -> None:
    assert parse(words.split()).dry_run


@pytest.mark.parametrize("environment", [{"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "utf-8"}])
@pytest.mark.parametrize("columns", ["30", "200"])
def test_a_mistake_is_one_line_on_every_terminal(environment: dict[str, str], columns: str) -> None:
    wanted = os.environ | environment | {"COLUMNS": columns}
    done = subprocess.run(command("--sized", "tiny"), capture_output=True, text=True, timeout=60, env=wanted)
    assert done.returncode == 2
    assert done.stderr == "error: Unrecognized options: --sized, tiny; did you mean --size?\n"


def test_every_short_flag_names_a_real_one() -> None:
    for short, long in SHORT_FLAGS.items():
        value: object = load_preset("tiny")
        for name in long.removeprefix("--").replace("-", "_").split("."):
            assert hasattr(value, name), short
            value = getattr(value, name)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("", "say what to run: --size tiny (on this machine), small, medium or large; --help explains"),
        ("--grpo.learning-rat 1e-3", "did you mean --grpo.learning-rate?"),
        ("--sized tiny", "did you mean --size?"),
        ("--size huge", "unknown size 'huge'; known are tiny, small, medium, large"),
        ("--task fix", "invalid choice 'fix'"),
        ("--grpo.steps x", "Error parsing --grpo.steps"),
        ("--grpo.steps 0 --dry-run", "grpo.steps 0: must be 1 or more"),
        ("--rewards tests", "--rewards 'tests': must be name=value, as in --rewards tests=0.9 format=0.1"),
        ("--cluster.env A", "--cluster.env 'A': must be name=value, as in --cluster.env NCCL_DEBUG=INFO"),
        ("--rewards tests=much", "--rewards tests=much: a weight is a number"),
        ("--rewards tests=0.8,fromat=0.2", "unknown reward 'fromat'; did you mean format?"),
        ("--cluster.sbatch Exclusive --dry-run", "cluster.sbatch 'Exclusive': must be name=value, or a name"),
        ("--resume none", "there is no run 'none'"),
        ("--resume none --grpo.steps 5", "leave all others out, or start a new run without --resume"),
        (
            "--cluster slurm --image none",
            "there is no sbatch on this machine: submit where Slurm is, or use --cluster loc",
        ),
        ("--nodes 3", "--nodes 3: say which; --nodes.server N serve, --nodes.trainer N train"),
        (
            "--nodes.trainer 2",
            "2 nodes on this machine alone (--cluster local); use --nodes.server 0 --nodes.trainer 1",
        ),
        ("--nodes.trainer 0", "cluster.nodes.trainer 0: must be 1 or more"),
        ("--nodes.server 1", "cluster.nodes.server 1, but grpo.use_vllm is False, so nobody would ask that server"),
        ("--size medium --nodes.server 0 --nodes.trainer 2", "a server shares a node only where it is the only one"),
        ("--size small --cluster.server-gpus 2", "none is left to train; use fewer, or --nodes.server 1"),
        ("--size medium --cluster.trainers-per-node 3", "but 4 GPUs of each node train; 0 makes one process a GPU"),
        ("--cluster slurm --time 3", "cluster.time 3 is not longer than cluster.signal_s 180"),
        ("--site nowhere.yaml", "--site nowhere.yaml: there is no such file; examples are in examples/sites/"),
        ("--size small --model ./none --data a.jsonl", "there is no model folder "),
        ("--runs $NOWHERE/runs", "cluster.runs '$NOWHERE/runs': NOWHERE is not set here"),
        ("--grpo.use-vllm True", "lora.rank is 0: there would be none; use --lora.rank 32, or --sync files"),
        ("stray", "Unrecognized options: stray; python launch.py --help shows what is possible"),
    ],
)
def test_a_mistake_is_answered_in_one_line(capsys: pytest.CaptureFixture[str], words: str, complaint: str) -> None:
    assert complaint in refusal(capsys, *words.split())


def test_a_mistake_makes_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refusal(capsys, "--size", "small", "--runs", str(tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()


def test_gpus_that_are_not_visible_make_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    words = ["--size", "small", "--gpus-per-node", "1", "--cluster", "local", "--runs", str(tmp_path / "runs")]
    assert "shows 0; ask for fewer" in refusal(capsys, *words)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr("crrl.cluster.preflight.gpus_here", lambda: 0)
    assert "this machine shows 0 NVIDIA GPUs; ask for fewer; --gpus-per-node 0 trains on its CPU" in refusal(
        capsys, *words
    )
    assert not (tmp_path / "runs").exists()


def test_a_folder_that_cannot_be_made_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert "choose a place with --runs" in refusal(capsys, "--runs", str(tmp_path / "file" / "runs"))


@pytest.mark.parametrize(
    "words",
    [
        "--data {}/fixes.jsonl",
        "--model {}/model",
        "--image {}/crrl.sif",
        "--runs {}/runs",
        "--cluster.hf-home {}/hub",
        "--site {}/s.yaml",
    ],
)
def test_what_lies_in_a_closed_folder_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    closed, stat = tmp_path / "closed", os.stat

    def stat_of_one_who_may_not(path: str | Path, **options: bool) -> os.stat_result:
        if Path(path).is_relative_to(closed) and Path(path) != closed:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", stat_of_one_who_may_not)  # root may look into all folders
    flags = ["--size", "small", "--cluster", "slurm", "--dry-run"]
    assert launch.main([*flags, *words.format(closed).split()]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"error: {closed}/") and last.endswith(
        ": you have no permission; ask its owner for it, or name another place"
    )


def test_a_dry_run_prints_the_config_and_the_job_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--size", "large", "--runs", str(tmp_path / "runs"), "--account", "a1"]
    assert launch.main([*words, "--dry-run"]) == 0
    printed = capsys.readouterr()
    config_text, job = printed.out.split("# roles: 1 node × 8 GPUs serve, 2 nodes × 8 GPUs train")
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(config_text)
    assert read_config(resolved) == resolve(settings_of(parse(words)), os.environ, auto="slurm")
    assert "#!/bin/bash\n" in job
    assert "#SBATCH --account=a1\n" in job
    assert all(line.startswith("warning: ") for line in printed.err.splitlines())
    assert "warning: there is no sbatch on this machine" in printed.err
    assert not (tmp_path / "runs").exists()


def test_the_dry_run_that_the_docs_show_is_what_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    shown = (JOBS.parent / "docs" / "launch.md").read_text().partition("## A dry run")[2].partition("\n## ")[0]
    (words,) = re.findall(r"^\$ python launch\.py (.+)$", shown, re.MULTILINE)
    assert launch.main(words.split()) == 0
    printed = capsys.readouterr().out
    (told,), run_id = (
        re.findall(r"\d{8}-\d{6}-medium-repair-\w{4}(?=/job\.sh)", shown),
        r"\d{8}-\d{6}-medium-repair-\w{4}",
    )
    expected = [
        line for line in shown.splitlines() if line.startswith(("#SBATCH", "# roles", "srun", "export SUBMITIT"))
    ]
    assert len(expected) > 15
    # Of the path of Python only what is the same everywhere is shown.
    lines = re.sub(run_id, told, printed.replace(sys.executable, "…/.venv/bin/python")).splitlines()
    assert [line for line in expected if line not in lines] == []


def test_the_script_of_a_dry_run_is_the_one_that_a_local_run_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "runs" / "r1")
    for module in ("dry_run", "start"):
        monkeypatch.setattr(f"crrl.cluster.{module}.new_folder", lambda config: folder)
    monkeypatch.setattr("crrl.cluster.node.run", print)  # what is submitted, not what it then does
    words = [*SHORT, "--runs", str(tmp_path / "runs")]
    assert launch.main([*words, "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert launch.main(words) == 0
    assert printed.endswith(f"# {folder.job}\n{folder.job.read_text()}")
    assert folder.config.read_text() in f"{printed.replace(str(folder.config), folder.run_id)}"


def test_small_on_one_gpu_has_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert launch.main("--size small --gpus-per-node 1 --image none --dry-run".split()) == 0
    printed = capsys.readouterr()
    assert "use_vllm: false" in printed.out
    assert "# roles: 1 node × 1 GPUs train and generate" in printed.out
    assert "not in this version" not in printed.err


def test_run_ids_sort_by_time_and_do_not_collide() -> None:
    ids = [new_folder(load_preset("tiny")).run_id for _ in range(20)]
    assert all(re.fullmatch(r"\d{8}-\d{6}-tiny-repair-[0-9a-f]{4}", run_id) for run_id in ids)
    assert len(set(ids)) > 1


def test_a_reasoning_model_gets_a_longer_completion_budget_in_the_same_memory() -> None:
    words = ["--size", "medium", "--model", "deepseek-ai/DeepSeek-R1-Distill-Llama-8B"]
    preset, given = load_preset("medium").grpo, parse(words).grpo
    assert given.max_completion_length == 4 * preset.max_completion_length
    assert given.per_device_batch_size * 4 == preset.per_device_batch_size
    assert given.gradient_accumulation == 4 * preset.gradient_accumulation
    assert parse([*words, "--grpo.max-completion-length", "100"]).grpo.max_completion_length == 100
    assert parse(["--size", "medium", "--model", "google/gemma-3-27b-it"]).grpo == preset
    assert parse(words).serve.request_s == 4 * load_preset("medium").serve.request_s
    assert parse([*words, "--serve.request-s", "100"]).serve.request_s == 100


def test_the_config_of_a_reasoning_model_s_run_is_taken_as_it_is(tmp_path: Path) -> None:
    model = ["--model", "deepseek-ai/DeepSeek-R1-Distill-Llama-8B"]
    first = settings_of(parse(["--size", "medium", *model]))
    config = tmp_path / "config.yaml"
    config.write_text(to_yaml(first))
    assert settings_of(parse(["--preset", str(config), *model])) == first
    assert first.grpo.max_completion_length == 8192


def make_run(tmp_path: Path, state: str, **fields: object) -> RunFolder:
    folder = RunFolder(tmp_path / "runs" / "r1")
    write_aside(folder.config, Path("jobs/tiny.yaml").read_text())
    folder.write_status(state, attempt=1, host=os.uname().nodename, pid=0, verdict="", **fields)  # type: ignore[arg-type]
    return folder


def test_a_run_that_is_done_is_not_started_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_run(tmp_path, "done")
    assert launch.main(["--resume", str(folder.path)]) == 0
    assert "is done already" in capsys.readouterr().out
    assert not folder.submission.exists()


def test_a_run_that_was_just_submitted_is_not_submitted_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path, "queued")
    complaint = refusal(capsys, "--resume", "r1", "--runs", str(tmp_path / "runs"))
    assert re.search(r"r1 is queued already; follow it with: crrl logs .*/runs/r1 --follow", complaint)


def test_overlap_wants_a_gpu_for_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(capsys, "--size", "small", "--gpus-per-node", "1", "--grpo.overlap", "1", "--dry-run")
    assert said.startswith("grpo.overlap 1 has a server generate while the trainer trains, and of one GPU ")
    assert launch.main(["--size", "small", "--gpus-per-node", "2", "--grpo.overlap", "1", "--dry-run"]) == 0


def test_a_dry_run_of_a_resumed_run_submits_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_run(tmp_path, "stopped")
    assert launch.main(["--resume", str(folder.path), "--dry-run"]) == 0
    assert f"python -m crrl.train {folder.path}\n" in capsys.readouterr().out
    assert not folder.submission.exists()


def test_help_shows_every_group_and_ends_well() -> None:
    done = subprocess.run(command("--help"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    for flag in ("--size", "--dry-run", "--resume", "--grpo.learning-rate", "--lora.rank", "--cluster.nodes.server"):
        assert flag in done.stdout


def follow_and_press_ctrl_c(*words: str) -> str:
    """Follow a real run, press Ctrl-C at its first shown step, and return all that it printed."""
    followed = subprocess.Popen(command(*words, "--follow"), stdout=subprocess.PIPE, text=True)
    assert followed.stdout
    lines, is_pressed = [], False
    for line in followed.stdout:  # ends with the process, so a run that fails cannot hang the test
        lines.append(line)
        if re.search(r"step \d+/2000", line) and not is_pressed:
            is_pressed = True
            assert files_with(f"sentinel-{os.getpid()}", "/proc") == []
            followed.send_signal(signal.SIGINT)
    followed.wait(timeout=60)
    assert followed.returncode == 75, "".join(lines)
    return "".join(lines)


def shown_steps(output: str) -> list[int]:
    return [int(step) for step in re.findall(r"step (\d+)/2000", output)]


def files_with(words: str, place: str) -> list[Path]:
    found = []
    for path in Path(place).glob("[0-9]*/cmdline") if place == "/proc" else Path(place).rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and words.encode() in path.read_bytes():
                found.append(path)
    return found


def test_ctrl_c_of_a_followed_run_writes_a_checkpoint_from_which_it_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real thing, twice: launch.py, submitit, the supervisor, the trainer. No secret is left in the run's folder."""
    for name in ("WANDB_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.setenv(name, f"sentinel-{os.getpid()}")
    output = follow_and_press_ctrl_c(*SHORT, "--runs", str(tmp_path))
    (path,) = tmp_path.iterdir()
    folder = RunFolder(path)
    assert f"go on with: python launch.py --resume {path} --follow" in output
    assert folder.read_status()["state"] == "stopped"
    assert "crrl.train" in folder.job.read_text()
    (checkpoint,) = (folder.checkpoints / "sft").glob("checkpoint-*")
    reached = int(checkpoint.name.removeprefix("checkpoint-"))
    resumed = follow_and_press_ctrl_c("--resume", path.name, "--runs", str(tmp_path))
    assert min(shown_steps(resumed)) > reached
    assert folder.read_status()["attempt"] == 2
    assert sorted(attempt.name for attempt in folder.logs.iterdir()) == ["1", "2"]
    kinds = [json.loads(line)["kind"] for line in folder.events.read_text().splitlines()]
    assert kinds == ["submitted", "started", "distribution", "stage", "ended"] * 2
    assert files_with(f"sentinel-{os.getpid()}", str(tmp_path)) == []


@pytest.mark.timeout(600)
def test_imitation_alone_learns_from_what_another_run_was_paid_for(tmp_path: Path) -> None:
    """A run, `crrl data sample`, `--stage sft`, `crrl eval`: each reads what the one before wrote."""
    few = ("--sft.steps", "12", "--eval.every-steps", "0", "--runs", str(tmp_path / "runs"), "--follow")
    kept = ("--grpo.steps", "2", "--grpo.save-steps", "2", "--grpo.keep-completions-every", "1")
    say(*command(*SHORT, *few, *kept))
    (first,) = (tmp_path / "runs").iterdir()
    answers, scores = tmp_path / "answers.jsonl", tmp_path / "scores.json"
    crrl = [sys.executable, "-m", "crrl.cli"]
    said = say(*crrl, "data", "sample", str(first), "--min", "format=0", "--out", str(answers))
    assert f"launch.py --stage sft --sft.demonstrations {answers}" in said
    count = answers.read_text().count("\n")
    assert 4 <= count <= 16

    say(*command(*SHORT, *few, "--stage", "sft", "--sft.demonstrations", str(answers)))
    (second,) = (path for path in (tmp_path / "runs").iterdir() if path != first)
    assert RunFolder(second).read_status()["state"] == "done"
    stages = [json.loads(line)["stage"] for line in RunFolder(second).metrics.read_text().splitlines()]
    assert [stage for stage, _ in itertools.groupby(stages)] == ["heldout", "sft", "heldout"]
    said = say(*crrl, "eval", "--model", str(second), "--rows", "4", "--max-new-tokens", "8", "--out", str(scores))
    assert json.loads(scores.read_text())


def say(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_run_in_the_background_holds_nothing_of_who_started_it(tmp_path: Path) -> None:
    done = subprocess.run(command(*SHORT, "--runs", str(tmp_path)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    (path,) = tmp_path.iterdir()
    assert f"follow it with: crrl logs {path} --follow" in done.stdout
    assert RunFolder(path).read_status()["state"] in ("queued", "running")
    crrl = [sys.executable, "-m", "crrl.cli", "cancel", str(path), "--now"]
    while subprocess.run(crrl, capture_output=True, timeout=60).returncode:  # it may not be there yet
        time.sleep(0.5)


def test_an_unknown_size_is_a_config_error() -> None:
    with pytest.raises(ConfigError):
        load_preset("huge")


@pytest.mark.parametrize(
    ("words", "rewards", "steps"),
    [
        (["--size", "tiny", "--task", "classify"], {"label": 1.0}, None),
        (["--task", "implement"], {"tests": 1.0}, None),
        (["--size", "small", "--task", "classify"], {"label": 1.0}, 500),
        (["--size", "small", "--task", "implement"], {"similarity": 0.8, "format": 0.1, "syntax": 0.1}, 500),
        (
            ["--size", "tiny", "--task", "implement", "--rewards", "tests=0.9", "format=0.1"],
            {"tests": 0.9, "format": 0.1},
            None,
        ),
    ],
)
def test_a_task_brings_rewards_that_can_judge_it(
    words: list[str], rewards: dict[str, float], steps: int | None
) -> None:
    given = parse([*words, "--site", "none"])
    assert given.task == words[words.index("--task") + 1]
    assert given.rewards == rewards
    assert steps is None or given.grpo.steps == steps


def test_a_dry_run_of_every_task_of_the_tiny_model_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for task in ("repair", "implement", "classify"):
        assert launch.main(["--size", "tiny", "--task", task, "--dry-run", "--site", "none"]) == 0
        assert f"task: {task}" in capsys.readouterr().out
