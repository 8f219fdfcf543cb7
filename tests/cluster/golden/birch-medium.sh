#!/bin/bash

# Parameters
#SBATCH --account=repair
#SBATCH --chdir=/work/ada/crrl/runs/20260102-030405-medium-repair-abcd
#SBATCH --cpus-per-task=32
#SBATCH --export=ALL
#SBATCH --gpus-per-node=4
#SBATCH --job-name=20260102-030405-medium-repair-abcd
#SBATCH --mem=256G
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --open-mode=append
#SBATCH --output=/work/ada/crrl/runs/20260102-030405-medium-repair-abcd/submission/%j_0_log.out
#SBATCH --requeue
#SBATCH --signal=USR2@600
#SBATCH --time=1440

# setup
export PYTHONPATH=CHECKOUT PYTHONNOUSERSITE=1

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output /work/ada/crrl/runs/20260102-030405-medium-repair-abcd/submission/%j_%t_log.out --cpus-per-task=32 --export=ALL --kill-on-bad-exit=0 --wait=0 PYTHON -u -m submitit.core._submit /work/ada/crrl/runs/20260102-030405-medium-repair-abcd/submission
