"""`crrl export RUN`: a run's model as a folder that others can load, with its model card."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from crrl.errors import ConfigError
from crrl.evaluate.model_place import FINAL, find_model
from crrl.quiet import QUIET


def add_export_command(commands: Any) -> None:
    """Add `export` to argparse subparsers."""
    from crrl.cluster.commands import add_run_arguments

    parser = commands.add_parser("export", help="write a run's model as a folder of its own, the adapter folded in")
    add_run_arguments(parser)
    parser.add_argument("--checkpoint", default=FINAL, metavar="NAME", help="grpo/checkpoint-40, say (default: final)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="a new folder (default: export in the run's folder)")
    parser.add_argument("--push", default="", metavar="OWNER/NAME", help="upload it to the Hugging Face hub, private")
    parser.set_defaults(run=run_export)


def run_export(chosen: argparse.Namespace) -> int:
    """Export, and upload if asked to. Returns the exit code."""
    from crrl.cluster.commands import found_run
    from crrl.report.model_card import model_card

    run = found_run(chosen)
    checkpoint = run.checkpoints / chosen.checkpoint
    place = find_model(str(run.path if chosen.checkpoint == FINAL else checkpoint), run.path.parent)
    assert place.config is not None, "a run's model has its config"
    out: Path = chosen.out or run.path / "export"
    if not out.parent.is_dir():
        raise ConfigError(f"--out {out}: there is no folder {out.parent}")
    os.environ |= QUIET
    from crrl.train.export import export_model, push_model

    size = export_model(place, place.config, model_card(run, chosen.checkpoint), out)
    print(f"{out} holds the model, {megabytes(size)}, and its card, README.md")
    if chosen.push:
        print(f"uploaded to {push_model(out, chosen.push)}")
    return 0


def megabytes(size: int) -> str:
    """Bytes for people: `4 MB`, `15.2 GB`."""
    return f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
