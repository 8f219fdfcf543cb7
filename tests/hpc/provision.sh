#!/bin/sh
# Makes this machine a small cluster for the tests: Slurm, Apptainer, an ordinary user, and the CPU image. As root, on Debian 12.
# Does only what is missing, so a second call takes seconds. CRRL_HPC names the folder for what is kept, CRRL_HPC_USER the user.
set -eu
cd "$(dirname "$0")/provision"
for step in packages user base checkout image; do
    sh "./$step.sh" >/dev/null
done
