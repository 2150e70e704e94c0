# SPDX-License-Identifier: Apache-2.0
"""Horizontal bars on a log axis, as SVG that reads in light and dark.  Text is
measured by a rough width a character, on the safe side, so that nothing runs
into anything."""
import math
from xml.sax.saxutils import escape

WIDTH = 960
LEFT = 20
RIGHT = 110		# room for a value after the longest bar
BAR, GAP, GROUP_GAP = 16, 4, 16
CHAR = 6.6		# of 12 px sans, generous

STYLE = """
  .page { fill: #ffffff }
  text { font: 12px "DejaVu Sans", Verdana, sans-serif; fill: #1f2328 }
  .halo { stroke: #ffffff; stroke-width: 4; paint-order: stroke;
    stroke-linejoin: round }
  .title { font-size: 16px; font-weight: bold }
  .group { font-weight: bold }
  .faint { fill: #59636e }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .mark { stroke: #cf222e; stroke-width: 2 }
  .ours { fill: #0969da } .peer { fill: #bc4c00 } .limit { fill: #6e7781 }
  .met { fill: #1a7f37 } .missed { fill: #cf222e }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 }
    .halo { stroke: #0d1117 }
    text { fill: #f0f6fc }
    .faint { fill: #9198a1 }
    .grid { stroke: #3d444d }
    .mark { stroke: #f85149 }
    .ours { fill: #4493f8 } .peer { fill: #f0883e } .limit { fill: #8b949e }
    .met { fill: #3fb950 } .missed { fill: #f85149 }
  }
"""


def wrap(text, pixels):
    """Lines of at most so many pixels, cut at blanks."""
    lines = [""]
    for word in text.split():
        longer = (lines[-1] + " " + word).strip()
        if lines[-1] and len(longer) * CHAR > pixels:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


class Chart:
    """groups: [(heading, [(label, value, class, shown)])]; classes: {class:
    word of the legend}; axis: (low, high, tick label of a power of ten)."""

    def __init__(self, title, axis_title, groups, classes, tick, mark=None,
                 labels=360):
        self.title, self.axis_title = title, axis_title
        self.groups, self.classes = groups, classes
        self.tick, self.mark = tick, mark
        self.labels = labels	# where the axis begins
        values = [v for _, bars in groups for _, v, _, _ in bars if v > 0]
        if mark:
            values.append(mark[0])
        self.low = math.floor(math.log10(min(values)) - 0.05)
        self.high = math.ceil(math.log10(max(values)))
        self.shapes, self.words = [], []	# words over shapes
        self.y = 0

    def x(self, value):
        at = (math.log10(value) - self.low) / (self.high - self.low)
        return self.labels + at * (WIDTH - RIGHT - self.labels)

    def text(self, x, y, words, kind="", anchor="start"):
        self.words.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" '
                          f'text-anchor="{anchor}">{escape(words)}</text>')

    def bar(self, label, value, kind, shown):
        lines = wrap(label, self.labels - LEFT - 8)
        for i, line in enumerate(lines):
            self.text(self.labels - 8, self.y + 12 + i * 14, line, "faint",
                      "end")
        end = max(self.x(value), self.labels + 2)
        self.shapes.append(
            f'<rect x="{self.labels}" y="{self.y}" '
            f'width="{end - self.labels:.1f}" '
            f'height="{BAR}" rx="2" class="{kind}"/>')
        self.text(end + 6, self.y + 12, shown, "halo")
        self.y += max(BAR, 14 * len(lines)) + GAP

    def legend(self):
        at = LEFT
        for kind, word in self.classes.items():
            self.shapes.append(f'<rect x="{at}" y="{self.y}" width="12" '
                              f'height="12" rx="2" class="{kind}"/>')
            self.text(at + 18, self.y + 10, word)
            at += 18 + len(word) * CHAR + 24
        self.y += 30

    def line(self, x, top, kind):
        return (f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{self.y}" '
                f'class="{kind}"/>')

    def grid(self, top):
        """Under the bars; the mark over them."""
        lines = []
        for power in range(self.low, self.high + 1):
            x = self.x(10.0 ** power)
            lines.append(self.line(x, top, "grid"))
            self.text(x, self.y + 16, self.tick(power), "faint", "middle")
        if self.mark:
            x = self.x(self.mark[0])
            self.shapes.append(self.line(x, top, "mark"))
            self.text(x, top - 4, self.mark[1], "", "middle")
        self.text((self.labels + WIDTH - RIGHT) / 2, self.y + 36,
                  self.axis_title, "faint", "middle")
        return lines

    def svg(self):
        self.y = 32
        self.text(LEFT, self.y - 6, self.title, "title")
        self.y += 8
        self.legend()
        top = self.y
        for heading, bars in self.groups:
            if heading:
                self.text(LEFT, self.y + 12, heading, "group halo")
                self.y += 20
            for one in bars:
                self.bar(*one)
            self.y += GROUP_GAP if heading else 2
        grid = self.grid(top)
        height = self.y + 48
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
            f'height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">',
            f"<title>{escape(self.title)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect width="{WIDTH}" height="{height}" class="page"/>',
            *grid, *self.shapes, *self.words, "</svg>", ""])
