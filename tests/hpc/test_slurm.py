"""Facts about the test cluster that everything else here relies on."""

from __future__ import annotations

from pathlib import Path

from tests.hpc.slurm_cluster import SlurmCluster


def test_three_nodes_are_idle(slurm: SlurmCluster) -> None:
    assert slurm.node_states() == {"n1": "idle", "n2": "idle", "n3": "idle"}


def test_an_ordinary_users_job_runs_on_all_three_nodes(slurm: SlurmCluster) -> None:
    job_id = slurm.sbatch("id -u; srun sh -c 'echo $SLURMD_NODENAME $SLURM_NODEID'", "--nodes=3", "--ntasks-per-node=1")
    job = slurm.wait_for_job(job_id)
    uid, *lines = Path(job["StdOut"]).read_text().splitlines()
    assert job["JobState"] == "COMPLETED"
    assert int(uid) == slurm.user.uid != 0
    assert sorted(lines) == ["n1 0", "n2 1", "n3 2"]


def test_a_job_sees_the_gpus_that_it_asked_for(slurm: SlurmCluster) -> None:
    job_id = slurm.sbatch("srun sh -c 'echo $CUDA_VISIBLE_DEVICES'", "--nodes=1", "--gpus-per-node=1")
    assert Path(slurm.wait_for_job(job_id)["StdOut"]).read_text() == "0\n"


def test_usr2_reaches_the_job_and_a_requeued_job_starts_again(slurm: SlurmCluster) -> None:
    script = """
        trap 'echo asked; scontrol requeue $SLURM_JOB_ID; sleep 60' USR2
        echo attempt ${SLURM_RESTART_COUNT:-0}
        test ${SLURM_RESTART_COUNT:-0} = 1 || while true; do sleep 0.2; done
    """
    job_id = slurm.sbatch(script, "--nodes=1", "--requeue", "--open-mode=append")
    output = Path(slurm.wait_for_job(job_id, ["RUNNING"])["StdOut"])
    slurm.wait_for(lambda: output.exists() and "attempt 0" in output.read_text(), "the first attempt", timeout_s=30)
    slurm.run("scancel", "--batch", "--signal=USR2", job_id)
    slurm.wait_for(lambda: "attempt 1" in output.read_text(), "the second attempt", timeout_s=120)
    job = slurm.wait_for_job(job_id)
    assert (job["JobState"], job["Restarts"]) == ("COMPLETED", "1")


def test_nothing_is_left_of_a_cancelled_job(slurm: SlurmCluster) -> None:
    job_id = slurm.sbatch("srun sleep 617", "--nodes=3", "--ntasks-per-node=1")
    slurm.wait_for(lambda: list(slurm.processes().values()).count("/usr/bin/sleep 617") == 3, "its tasks", timeout_s=30)
    slurm.run("scancel", job_id)
    slurm.wait_for_job(job_id, ["CANCELLED"])
    slurm.wait_for(lambda: not slurm.processes(), "the end of its processes", timeout_s=30)
