"""The race as a picture: the loss against steps, forward passes and seconds."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from glassnet.insight.charts import COLORS, Line, line_chart
from glassnet.insight.nudge import RULES
from glassnet.insight.race import Contest, Curve

_WIDTH_PX, _HEIGHT_PX = 800, 420
_AXES = ("step", "forward passes", "seconds")


def race_sheet(contests: Sequence[Contest], title: str) -> Image.Image:
    """Three charts, one below the other. With dots: nudges; without: backpropagation by the rule that does the same."""
    charts = [
        line_chart(
            _lines(contests, axis), title=f"{title}: the loss by {axis}", x_label=axis, y_label="loss",
            x_scale="linear" if axis == "step" else "log", width_px=_WIDTH_PX, height_px=_HEIGHT_PX,
        )
        for axis in _AXES
    ]  # fmt: skip
    picture = Image.new("RGB", (_WIDTH_PX, _HEIGHT_PX * len(charts)), "white")
    for i, chart in enumerate(charts):
        picture.paste(chart, (0, i * _HEIGHT_PX))
    return picture


def _lines(contests: Sequence[Contest], axis: str) -> list[Line]:
    lines = []
    for i, contest in enumerate(contests):
        rule = RULES[contest.rule]
        lines.append(_line(f"({contest.rule}) {rule.title}", contest.nudge, axis, True, 2 * i))
        lines.append(_line(rule.matching, contest.backpropagation, axis, False, 2 * i + 1))
    return [line for line in lines if len(line.x)]


def _line(name: str, curve: Curve, axis: str, has_dots: bool, number: int) -> Line:
    """The first point, where nothing is spent yet, has no place on a logarithmic axis."""
    if axis == "step":
        return Line(name, range(len(curve.loss)), curve.loss, has_dots, COLORS[number])
    spent = curve.forward_passes if axis == "forward passes" else curve.seconds
    return Line(name, spent[1:], curve.loss[1:], has_dots, COLORS[number])
