"""Curves as inline SVG: no script, no font, no picture from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 420, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 8, 8, 22
MOST_POINTS = 240
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8a8a", "#b8a200")
"""Told apart by people who see colours differently: Okabe and Ito's, with a grey in the place of black."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """One curve: (step, value) in the order of the steps."""

    name: str
    points: Sequence[Point]


def line_chart(title: str, series: Sequence[Series], unit: str = "", bounds: tuple[float, float] | None = None) -> str:
    """Curves over steps, each with its last value in the legend; empty without a point.

    Args:
        unit: of the values, after them.
        bounds: of the value axis, widened where values go beyond; None: zero and the values.
    """
    drawn = [Series(one.name, thinned(one.points)) for one in series if one.points]
    if not drawn:
        return ""
    values = [value for one in drawn for _, value in one.points]
    low, high = min([*values, bounds[0] if bounds else 0.0]), max([*values, bounds[1] if bounds else 0.0])
    frame = _Frame.around(drawn, low, high)
    lines = [_line(frame, one.points, COLOURS[index % len(COLOURS)]) for index, one in enumerate(drawn)]
    return _figure(title, frame, lines, _legend(drawn, unit), unit)


def area_chart(title: str, series: Sequence[Series], unit: str = "") -> str:
    """Series of the same steps on top of each other, the first lowest; those that are zero throughout are left out."""
    kept = [one for one in series if any(value for _, value in one.points)]
    if not kept:
        return ""
    drawn = [Series(one.name, thinned(one.points)) for one in kept]
    steps = [step for step, _ in drawn[0].points]
    tops, layers = [0.0] * len(steps), []
    for one in drawn:
        bottoms, tops = tops, [top + value for top, (_, value) in zip(tops, one.points, strict=True)]
        layers.append((bottoms, tops))
    frame = _Frame.around(drawn, 0.0, max(tops))
    shapes = [
        _area(frame, steps, bottoms, tops, COLOURS[index % len(COLOURS)])
        for index, (bottoms, tops) in enumerate(layers)
    ]
    return _figure(title, frame, shapes, _legend(drawn, unit), unit)


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most `MOST_POINTS` points: means of neighbours, and the last one as it is."""
    size = math.ceil(len(points) / MOST_POINTS)
    if size <= 1:
        return list(points)
    groups = [points[start : start + size] for start in range(0, len(points) - 1, size)]
    means = [(group[-1][0], sum(value for _, value in group) / len(group)) for group in groups]
    return [*means[: MOST_POINTS - 1], points[-1]]


def shown(value: float, unit: str = "") -> str:
    """A number in few digits: 0.031, 4.2, 318, 12k, 3.4M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.3g}{letter}{unit}"
    return f"{value:.3g}{unit}" if abs(value) < 1000 else f"{value:.0f}{unit}"


@dataclass(frozen=True)
class _Frame:
    first: float
    last: float
    low: float
    high: float

    @classmethod
    def around(cls, series: Sequence[Series], low: float, high: float) -> _Frame:
        steps = [step for one in series for step, _ in one.points]
        return cls(min(steps), max(steps), low, high if high > low else low + 1)

    def x(self, step: float) -> float:
        share = (step - self.first) / (self.last - self.first) if self.last > self.first else 0.5
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - _TOP - _BOTTOM)

    def at(self, step: float, value: float) -> str:
        return f"{self.x(step):.1f},{self.y(value):.1f}"


def _line(frame: _Frame, points: Sequence[Point], colour: str) -> str:
    path = " ".join(frame.at(*point) for point in points)
    dots = points if len(points) <= 30 else points[-1:]
    marks = "".join(
        f'<circle cx="{frame.x(step):.1f}" cy="{frame.y(value):.1f}" r="2.5" fill="{colour}">'
        f"<title>step {step:g}: {value:.4g}</title></circle>"
        for step, value in dots
    )
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>{marks}'


def _area(frame: _Frame, steps: Sequence[float], bottoms: Sequence[float], tops: Sequence[float], colour: str) -> str:
    up = [frame.at(step, top) for step, top in zip(steps, tops, strict=True)]
    back = [frame.at(step, bottom) for step, bottom in zip(reversed(steps), reversed(bottoms), strict=True)]
    return f'<polygon points="{" ".join(up + back)}" fill="{colour}" fill-opacity="0.75" stroke="{colour}"/>'


def _ticks(low: float, high: float, wanted: int) -> list[float]:
    """Round numbers within a range."""
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _figure(title: str, frame: _Frame, shapes: Sequence[str], legend: str, unit: str) -> str:
    rows = "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{frame.y(tick):.1f}" y2="{frame.y(tick):.1f}"/>'
        f'<text x="{_LEFT - 5}" y="{frame.y(tick) + 3.5:.1f}" text-anchor="end">{shown(tick, unit)}</text>'
        for tick in _ticks(frame.low, frame.high, 4)
    )
    steps = (
        [tick for tick in _ticks(frame.first, frame.last, 5) if tick == int(tick)] if frame.last > frame.first else []
    )
    columns = "".join(
        f'<text x="{frame.x(tick):.1f}" y="{HEIGHT - 7}" text-anchor="middle">{tick:.0f}</text>'
        for tick in steps or [frame.last]
    )
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">{rows}{columns}{"".join(shapes)}</svg><p class="legend">{legend}</p></figure>'
    )


def _legend(series: Sequence[Series], unit: str) -> str:
    return " ".join(
        f'<span><i style="background:{COLOURS[index % len(COLOURS)]}"></i>{escape(one.name)} '
        f"<b>{shown(one.points[-1][1], unit)}</b></span>"
        for index, one in enumerate(series)
    )
