"""The scripts of all presets on both example sites, rendered as on a made-up machine.

Write the golden files anew, after a change that is wanted: .venv/bin/python -m tests.cluster.rendering
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from crrl.cluster.apptainer import ROOT
from crrl.cluster.resolve import resolve
from crrl.cluster.site_file import apply_site
from crrl.cluster.slurm import render_sbatch
from crrl.config import SIZES, RunConfig, load_preset
from crrl.report.run_folder import RunFolder

GOLDEN = Path(__file__).parent / "golden"
SITES = ROOT / "examples" / "sites"
HOST = {"SCRATCH": "/scratch/ada", "USER": "ada", "HF_HOME": "/home/ada/huggingface"}


def rendered() -> Iterator[tuple[str, str]]:
    """Name of the golden file, and text of the script, for every preset on every example site."""
    for site in sorted(SITES.glob("*.yaml")):
        for size in SIZES:
            yield f"{site.stem}-{size}.sh", script_of(config_of(size, site))


def config_of(size: str, site: Path) -> RunConfig:
    """The resolved config of a preset on a site, on Slurm whatever the preset says."""
    config = apply_site(load_preset(size), site)
    on_slurm = {"cluster": "slurm", "cache_dir": config.cluster.cache_dir or "/home/ada/.cache/crrl"}
    return resolve(
        RunConfig(**{**vars(config), "cluster": type(config.cluster)(**{**vars(config.cluster), **on_slurm})}), HOST
    )


def script_of(config: RunConfig) -> str:
    """The script with the two paths that differ between machines named."""
    folder = RunFolder(Path(config.cluster.runs) / f"20260102-030405-{config.size}-repair-abcd")
    return render_sbatch(config, folder).replace(sys.executable, "PYTHON").replace(str(ROOT), "CHECKOUT")


if __name__ == "__main__":
    for name, text in rendered():
        (GOLDEN / name).write_text(text)
        print(GOLDEN / name)
