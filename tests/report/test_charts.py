"""Curves as SVG: whole, inside their frame, and with nothing from elsewhere."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crrl.report.charts import HEIGHT, MOST_POINTS, WIDTH, Series, area_chart, line_chart, shown, thinned

Values = st.lists(st.floats(-1e6, 1e6, allow_nan=False), max_size=600)


@given(values=Values, name=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=5))
def test_every_curve_is_well_formed_and_stays_in_its_frame(values: list[float], name: str) -> None:
    chart = line_chart(name, [Series(name, list(enumerate(values)))], bounds=(0.0, 1.0))
    if not values:
        assert chart == ""
        return
    figure = ElementTree.fromstring(chart)
    (line,) = figure.iter("polyline")
    places = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    assert 1 <= len(places) <= MOST_POINTS
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)


@given(values=st.lists(st.floats(0, 1e3), min_size=1, max_size=2000))
def test_thinning_keeps_the_last_value_and_the_order(values: list[float]) -> None:
    points = thinned(list(enumerate(values)))
    assert points[-1] == (len(values) - 1, values[-1])
    assert [step for step, _ in points] == sorted({step for step, _ in points})
    assert len(points) <= MOST_POINTS


def test_areas_stand_on_each_other_and_phases_that_never_were_are_left_out() -> None:
    chart = area_chart(
        "t", [Series("a", [(1, 1.0), (2, 1.0)]), Series("b", [(1, 0.0), (2, 0.0)]), Series("c", [(1, 3.0), (2, 1.0)])]
    )
    figure = ElementTree.fromstring(chart)
    lower, upper = (
        [tuple(map(float, p.split(","))) for p in one.attrib["points"].split()] for one in figure.iter("polygon")
    )
    assert lower[:2] == list(reversed(upper[2:]))
    assert [span.text for span in figure.iter("b")] == ["1", "1"]


@pytest.mark.parametrize(
    ("value", "text"), [(0.0312, "0.0312"), (4.25, "4.25"), (318.4, "318"), (12345, "12.3k"), (3.4e6, "3.4M"), (0, "0")]
)
def test_numbers_are_shown_in_few_digits(value: float, text: str) -> None:
    assert shown(value) == text


def test_a_single_step_is_a_dot() -> None:
    chart = line_chart("t", [Series("a", [(7, 0.5)])])
    assert len(re.findall("<circle", chart)) == 1
