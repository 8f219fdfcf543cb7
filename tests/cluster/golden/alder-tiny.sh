#!/bin/bash

# Parameters
#SBATCH --account=proj-repair
#SBATCH --chdir=/scratch/ada/crrl/runs/20260102-030405-tiny-repair-abcd
#SBATCH --constraint=ib
#SBATCH --cpus-per-task=2
#SBATCH --exclusive
#SBATCH --export=ALL
#SBATCH --job-name=20260102-030405-tiny-repair-abcd
#SBATCH --mem=6G
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --open-mode=append
#SBATCH --output=/scratch/ada/crrl/runs/20260102-030405-tiny-repair-abcd/submission/%j_0_log.out
#SBATCH --partition=gpu
#SBATCH --qos=normal
#SBATCH --requeue
#SBATCH --signal=USR2@180
#SBATCH --time=60

# setup
module purge
module load apptainer/1.3
export PYTHONPATH=CHECKOUT PYTHONNOUSERSITE=1

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output /scratch/ada/crrl/runs/20260102-030405-tiny-repair-abcd/submission/%j_%t_log.out --cpus-per-task=2 --export=ALL --kill-on-bad-exit=0 --wait=0 PYTHON -u -m submitit.core._submit /scratch/ada/crrl/runs/20260102-030405-tiny-repair-abcd/submission
