# SPDX-License-Identifier: GPL-2.0
"""docs/performance.svg: a bar per operation and configuration, as long as the
percentage of instructions it adds to the unpatched kernel."""

from xml.sax.saxutils import escape

from .checks import difference
from .configs import CONFIGS
from .ops import TITLES, present
from .parse import measured

COLOURS = {"out": "#9aa5b1", "off": "#4c78a8", "bare": "#f2b134", "on": "#e4572e",
            "pti": "#76b041"}
LABEL_WIDTH = 250
PLOT_WIDTH = 470
VALUE_WIDTH = 140
BAR = 11
GAP = 12
TOP = 92
FOOT = 46
FONT = "font-family=\"DejaVu Sans, Verdana, sans-serif\""


def text(x, y, words, size=12, anchor="start", colour="#222", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" {FONT} font-size="{size}" '
            f'text-anchor="{anchor}" fill="{colour}" font-weight="{weight}">'
            f"{escape(words)}</text>")


def rect(x, y, width, height, colour):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="{colour}"/>')


def nice_step(span):
    """A step of 1, 2 or 5 times a power of ten that divides `span` in about five."""
    power = 10.0 ** -3
    while True:
        for factor in (1, 2, 5):
            if factor * power * 6 >= span:
                return factor * power
        power *= 10


class Scale:
    """Percentages to horizontal positions; zero is always on the plot."""

    def __init__(self, percents):
        low, high = min([0.0, *percents]), max([0.1, *percents])
        self.step = nice_step(high - low)
        self.low = self.step * (low // self.step)
        self.high = self.step * -(-high // self.step)

    def x(self, percent):
        return LABEL_WIDTH + PLOT_WIDTH * (percent - self.low) / (self.high - self.low)

    def ticks(self):
        n = round((self.high - self.low) / self.step)
        return [self.low + i * self.step for i in range(n + 1)]


def collect(runs):
    """[(operation, [(configuration, percent, instructions)])] where both exist."""
    names = [config.name for config in CONFIGS if config.name in runs and config.name != "base"]
    groups = []
    for op in present(runs):
        base = measured(runs.get("base"), op)
        bars = [(name, difference(runs, name, op)) for name in names]
        bars = [(name, 100 * delta / base["min"], delta)
                for name, delta in bars if delta is not None]
        if bars:
            groups.append((op, bars))
    return groups


def draw_axis(scale, bottom):
    for percent in scale.ticks():
        x = scale.x(percent)
        colour = "#555" if abs(percent) < scale.step / 2 else "#ddd"
        yield (f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{bottom:.1f}" '
               f'stroke="{colour}"/>')
        yield text(x, bottom + 16, f"{percent:+g} %" if percent else "0", 11, "middle", "#555")


def draw_group(scale, y, op, bars):
    yield text(LABEL_WIDTH - 12, y + len(bars) * BAR / 2 + 4, TITLES[op], 12, "end")
    for name, percent, delta in bars:
        left, right = sorted((scale.x(0), scale.x(percent)))
        yield rect(left, y, max(right - left, 1), BAR - 2, COLOURS[name])
        value = f"{delta:+,.0f} ({percent:+.1f} %)" if abs(delta) >= 0.5 else "0"
        yield text(right + 5, y + BAR - 3, value, 9, "start", "#555")
        y += BAR


def draw_legend(names):
    x = LABEL_WIDTH
    for config in CONFIGS:
        if config.name in names:
            yield rect(x, 58, 12, 12, COLOURS[config.name])
            yield text(x + 18, 68, config.title, 12)
            x += 40 + 7.5 * len(config.title)


def render(runs):
    """The SVG, or "" when there is nothing to compare with."""
    groups = collect(runs)
    if not groups:
        return ""
    scale = Scale([percent for _, bars in groups for _, percent, _ in bars])
    height = sum(len(bars) * BAR + GAP for _, bars in groups)
    width = LABEL_WIDTH + PLOT_WIDTH + VALUE_WIDTH
    total = TOP + height + FOOT
    names = {name for _, bars in groups for name, _, _ in bars}
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{total}" '
             f'viewBox="0 0 {width} {total}">',
             rect(0, 0, width, total, "#fff"),
             text(16, 26, "Instructions added per operation", 17, weight="bold"),
             text(16, 46, "against the unpatched kernel; counted, not timed", 12, colour="#555"),
             *draw_legend(names), *draw_axis(scale, TOP + height)]
    y = TOP
    for op, bars in groups:
        parts += draw_group(scale, y, op, bars)
        y += len(bars) * BAR + GAP
    return "\n".join(parts) + "\n</svg>\n"
