"""Where a run happens: this machine, or nodes that Slurm lends. The only place that knows of Slurm and Apptainer."""
