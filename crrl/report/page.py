"""report.html: a run on one page, from its folder alone. It loads nothing, so it can be copied and sent."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import Any

from crrl.config import RunConfig, read_config
from crrl.report.attempt_folder import read_json
from crrl.report.attempts import attempt_spans, read_events
from crrl.report.metrics_log import read_metrics
from crrl.report.page_answers import answers_section
from crrl.report.page_curves import curves_section
from crrl.report.page_style import STYLE
from crrl.report.run_folder import RunFolder, write_aside

_NO_FAULTS = ("submitted", "started", "stage", "distribution", "ended")
"""Kinds of events that every run has."""


def write_report(folder: RunFolder) -> None:
    """Write `report.html` anew, whole. Cost: under a second for ten thousand steps."""
    write_aside(folder.report, render_report(folder))


def report_if_possible(folder: RunFolder) -> None:
    """Write it from within a run, which no fault of a page may end; a fault is told in a line."""
    try:
        write_report(folder)
    except Exception as error:  # whatever it is, the numbers that it would show are in the folder
        print(f"report.html was not written ({type(error).__name__}: {error})", flush=True)


def render_report(folder: RunFolder) -> str:
    """The page as text."""
    config, metrics = read_config(folder.config), read_metrics(folder.metrics)
    body = "".join(
        (
            _head(folder, config, metrics),
            curves_section(metrics),
            answers_section(folder, list(config.rewards)),
            _attempts(folder),
        )
    )
    title = escape(folder.run_id)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>{body}</body></html>\n'
    )


def _head(folder: RunFolder, config: RunConfig, metrics: list[dict[str, Any]]) -> str:
    status = read_json(folder.status) or {}
    stage, planned = ("grpo", config.grpo.steps) if config.reinforces else ("sft", config.sft.steps)
    steps = [entry for entry in metrics if entry["stage"] == stage]
    last = steps[-1] if steps else {}
    facts = {
        "state": status.get("state", "unknown"),
        "verdict": status.get("verdict"),
        "model": config.model,
        "data": config.data.source,
        "rewards": ", ".join(f"{name} × {weight:g}" for name, weight in config.rewards.items()),
        "step": f"{last.get('step', 0)} of {planned}",
        "attempt": status.get("attempt"),
        "GPU hours": f"{last['gpu_hours']:.2f}" if last.get("gpu_hours") else None,
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    cells = "".join(
        f"<div><dt>{name}</dt><dd>{escape(str(value))}</dd></div>" for name, value in facts.items() if value
    )
    return f"<h1>{escape(folder.run_id)}</h1><dl>{cells}</dl>{_held_out(metrics)}"


def _held_out(metrics: list[dict[str, Any]]) -> str:
    """The first and the last evaluation, side by side."""
    found = [entry for entry in metrics if entry["stage"] == "heldout"]
    if not found:
        return ""
    first, last = found[0], found[-1]
    rows = "".join(
        f"<tr><td>{escape(name.removeprefix('heldout/'))}</td><td>{100 * first.get(name, 0):.1f} %</td>"
        f"<td>{100 * value:.1f} %</td><td>{100 * (value - first.get(name, 0)):+.1f}</td></tr>"
        for name, value in last.items()
        if name.startswith("heldout/")
    )
    return (
        "<h2>Held-out tasks, greedy answers</h2><table class='numbers'><tr><th></th>"
        f"<th>step {first['step']}</th><th>step {last['step']}</th><th>points</th></tr>{rows}</table>"
    )


def _attempts(folder: RunFolder) -> str:
    spans = attempt_spans(folder)
    rows = "".join(
        f"<tr><td>{span.number}</td><td>{_clock(span.started)}</td><td>{span.seconds / 60:.1f} min</td>"
        f"<td>{escape(span.kind or 'no end was written down')}</td>"
        f"<td>{escape(_said(folder, span.number))}</td></tr>"
        for span in spans
    )
    faults = [event for event in read_events(folder) if event["kind"] not in _NO_FAULTS]
    lines = "".join(
        f"<tr><td>{escape(str(event['time'])[:19])}</td><td>{escape(str(event['kind']))}</td>"
        f"<td>{escape(_rest(event))}</td></tr>"
        for event in faults
    )
    return (
        "<h2>Attempts</h2>"
        + (
            "<table><tr><th></th><th>started (UTC)</th><th>took</th><th>end</th><th>verdict</th></tr>"
            + rows
            + "</table>"
            if rows
            else "<p>Started by hand, without a supervisor.</p>"
        )
        + (f"<h2>Other events</h2><table>{lines}</table>" if lines else "")
    )


def _said(folder: RunFolder, attempt: int) -> str:
    return str((read_json(folder.attempt(attempt).end) or {}).get("verdict", ""))


def _rest(event: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in event.items() if name not in ("time", "kind"))


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
