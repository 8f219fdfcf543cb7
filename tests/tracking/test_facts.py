"""What is known of an attempt beside its numbers."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from crrl.report.run_folder import RunFolder
from crrl.tracking.facts import facts_of, image_facts, keep_facts, known_facts

JOB = {
    "SLURM_JOB_ID": "7",
    "SLURM_JOB_NODELIST": "n[1-3]",
    "SLURM_JOB_NUM_NODES": "3",
    "SLURM_JOB_PARTITION": "gpu",
    "WANDB_API_KEY": "secret",
}


def test_the_job_and_the_commit_are_known_and_no_secret_is() -> None:
    facts = facts_of(JOB)
    assert facts["slurm"] == {
        "job_id": "7",
        "nodes": "n[1-3]",
        "node_count": "3",
        "partition": "gpu",
        "restart_count": "0",
    }
    assert re.fullmatch(r"[0-9a-f]{40}\+?|\w*(-dirty)?", facts["commit"])
    assert "secret" not in json.dumps(facts)
    assert facts_of({})["slurm"] == {}


def test_the_last_attempt_speaks_for_the_run(folder: RunFolder) -> None:
    assert known_facts(folder) == {}
    for attempt in (1, 2, 10):
        keep_facts(folder, attempt, {**JOB, "SLURM_RESTART_COUNT": str(attempt - 1)})
    folder.attempt(10).image.write_text('{"path": "a.sif"}')
    facts = known_facts(folder)
    assert (facts["attempts"], facts["slurm"]["restart_count"], facts["image"]) == (3, "9", {"path": "a.sif"})


def test_an_image_is_known_by_the_digest_beside_it_unless_it_was_replaced(tmp_path: Path) -> None:
    image = tmp_path / "crrl.sif"
    assert image_facts(str(image)) == {}
    image.write_bytes(b"image")
    assert image_facts(str(image)) == {
        "path": str(image),
        "bytes": 5,
        "modified": int(image.stat().st_mtime),
        "sha256": "",
    }
    (tmp_path / "crrl.sif.sha256").write_text(f"{'a' * 64}  crrl.sif\n")
    assert image_facts(str(image))["sha256"] == "a" * 64
    os.utime(image, (2e9, 2e9))
    assert image_facts(str(image))["sha256"] == ""
