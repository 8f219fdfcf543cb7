#!/bin/bash

# Parameters
#SBATCH --account=repair
#SBATCH --chdir=/work/ada/crrl/runs/20260102-030405-large-repair-abcd
#SBATCH --cpus-per-task=64
#SBATCH --export=ALL
#SBATCH --gpus-per-node=8
#SBATCH --job-name=20260102-030405-large-repair-abcd
#SBATCH --mem=512G
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=1
#SBATCH --open-mode=append
#SBATCH --output=/work/ada/crrl/runs/20260102-030405-large-repair-abcd/submission/%j_0_log.out
#SBATCH --partition=h100
#SBATCH --requeue
#SBATCH --signal=USR2@600
#SBATCH --time=2880

# setup
export PYTHONPATH=CHECKOUT PYTHONNOUSERSITE=1

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output /work/ada/crrl/runs/20260102-030405-large-repair-abcd/submission/%j_%t_log.out --cpus-per-task=64 --export=ALL --kill-on-bad-exit=0 --wait=0 --cpu-bind=none PYTHON -u -m submitit.core._submit /work/ada/crrl/runs/20260102-030405-large-repair-abcd/submission
