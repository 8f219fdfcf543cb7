"""A vLLM server that is started for one caller, in the image: `crrl eval`, and adapters published to it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from crrl.evaluate import read_answers
from tests.hpc.image import Image
from tests.hpc.training import CODE

pytestmark = pytest.mark.timeout(900)
TASKS, SAMPLES = 12, 4


def evaluate(image: Image, checkout: Path, warm: Path, out: Path, *words: str) -> None:
    variables = {"PYTHONPATH": str(checkout)} if CODE else {}
    settings = ("--data", "toy", "--rows", str(TASKS), "--rewards", "format", "--max-new-tokens", "40")
    done = image.run(
        *("crrl", "eval", "--model", warm, *settings, "--out", out, *words),
        variables=variables,
        cwd=out.parent,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


def test_greedy_answers_of_a_server_are_those_of_transformers(
    image: Image, checkout: Path, warm: Path, folder: Path
) -> None:
    texts = []
    for engine in ("transformers", "vllm"):
        evaluate(image, checkout, warm, folder / f"{engine}.json", "--engine", engine)
        texts.append([answer.completion for answer in read_answers(folder / f"{engine}.parquet")])
        assert json.loads((folder / f"{engine}.json").read_text())["settings"]["sampling"]["engine"] == engine
    assert len(texts[0]) == TASKS
    assert texts[1] == texts[0]
    assert not image.user.run("pgrep", "-f", "vllm.entrypoints", check=False).stdout


def test_samples_of_a_server_come_n_a_task(image: Image, checkout: Path, warm: Path, folder: Path) -> None:
    evaluate(image, checkout, warm, folder / "sampled.json", "--engine", "vllm", "--n", str(SAMPLES))
    answered = read_answers(folder / "sampled.parquet")
    assert set(Counter(answer.task_id for answer in answered).values()) == {SAMPLES}
    assert len({answer.completion for answer in answered}) > TASKS


def test_a_server_needs_the_files_of_an_adapter_once(image: Image, checkout: Path, warm: Path, folder: Path) -> None:
    probe = checkout / "tests/hpc/adapter_probe.py"
    variables = {"PYTHONPATH": str(checkout)} if CODE else {}
    done = image.run(
        "python", probe, warm, folder / "adapters", variables=variables, cwd=folder, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    (facts,) = (json.loads(line[6:]) for line in done.stdout.splitlines() if line.startswith("FACTS "))
    assert facts["drawn"] == [4, 4, 4]
    assert max(facts["drifts"]) < 1e-4
