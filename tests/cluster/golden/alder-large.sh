#!/bin/bash

# Parameters
#SBATCH --account=proj-repair
#SBATCH --chdir=/scratch/ada/crrl/runs/20260102-030405-large-repair-abcd
#SBATCH --constraint=ib
#SBATCH --cpus-per-task=48
#SBATCH --exclusive
#SBATCH --export=ALL
#SBATCH --gres=gpu:a100:4
#SBATCH --job-name=20260102-030405-large-repair-abcd
#SBATCH --mem=480G
#SBATCH --nodes=5
#SBATCH --ntasks-per-node=1
#SBATCH --open-mode=append
#SBATCH --output=/scratch/ada/crrl/runs/20260102-030405-large-repair-abcd/submission/%j_0_log.out
#SBATCH --partition=gpu
#SBATCH --qos=long
#SBATCH --requeue
#SBATCH --signal=USR2@900
#SBATCH --time=2880

# setup
module purge
module load apptainer/1.3
export PYTHONPATH=CHECKOUT PYTHONNOUSERSITE=1

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output /scratch/ada/crrl/runs/20260102-030405-large-repair-abcd/submission/%j_%t_log.out --cpus-per-task=48 --export=ALL --kill-on-bad-exit=0 --wait=0 PYTHON -u -m submitit.core._submit /scratch/ada/crrl/runs/20260102-030405-large-repair-abcd/submission
