#!/bin/bash

# Parameters
#SBATCH --account=proj-repair
#SBATCH --chdir=/scratch/ada/crrl/runs/20260102-030405-small-repair-abcd
#SBATCH --constraint=ib
#SBATCH --cpus-per-task=16
#SBATCH --exclusive
#SBATCH --export=ALL
#SBATCH --gres=gpu:a100:2
#SBATCH --job-name=20260102-030405-small-repair-abcd
#SBATCH --mem=128G
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --open-mode=append
#SBATCH --output=/scratch/ada/crrl/runs/20260102-030405-small-repair-abcd/submission/%j_0_log.out
#SBATCH --partition=gpu-short
#SBATCH --qos=normal
#SBATCH --requeue
#SBATCH --signal=USR2@300
#SBATCH --time=480

# setup
module purge
module load apptainer/1.3
export PYTHONPATH=CHECKOUT PYTHONNOUSERSITE=1

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output /scratch/ada/crrl/runs/20260102-030405-small-repair-abcd/submission/%j_%t_log.out --cpus-per-task=16 --export=ALL --kill-on-bad-exit=0 --wait=0 PYTHON -u -m submitit.core._submit /scratch/ada/crrl/runs/20260102-030405-small-repair-abcd/submission
