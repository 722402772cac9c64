# SPDX-License-Identifier: Apache-2.0
"""What saving a checkpoint and finding the newest cost, against how many there are: a plot of lines as SVG."""
import math

WIDE, HIGH, EDGE, GAP = 240, 150, 56, 34  # of a panel, and around it
LINES = {"save": ("#1f77b4", 1), "find the newest": ("#d62728", 3)}  # colour; column of milliseconds, requests follow
UNITS = {"ms": 0, "requests": 1}


class Panel:
    """Both axes are logarithmic."""

    def __init__(self, left, top, rows, more):
        self.left, self.top = left, top
        self.x_max = max(1, max(math.log10(row[0]) for row in rows))
        values = [row[column + more] for row in rows for _, column in LINES.values() if row[column + more] > 0]
        self.y_min, self.y_max = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 1e-9)
        self.y_max = max(self.y_max, self.y_min + 1)

    def x(self, value):
        return self.left + WIDE * math.log10(value) / self.x_max

    def y(self, value):
        return self.top + HIGH * (self.y_max - math.log10(max(value, 10 ** self.y_min))) / (self.y_max - self.y_min)

    def axes(self, what, unit):
        yield f'<rect x="{self.left}" y="{self.top}" width="{WIDE}" height="{HIGH}" fill="none" stroke="#888"/>'
        for power in range(self.y_min, self.y_max + 1):
            y = self.y(10 ** power)
            yield f'<path d="M{self.left} {y:.1f}h{WIDE}" stroke="#ddd"/>'
            yield f'<text x="{self.left - 4}" y="{y + 4:.1f}" text-anchor="end">{10 ** power:g}</text>'
        for power in range(int(self.x_max) + 1):
            yield f'<text x="{self.x(10 ** power):.1f}" y="{self.top + HIGH + 13}" text-anchor="middle">{10 ** power}</text>'
        yield f'<text x="{self.left + WIDE / 2}" y="{self.top - 5}" text-anchor="middle">{unit} against {what}</text>'

    def line(self, rows, column, colour):
        points = [(self.x(row[0]), self.y(row[column])) for row in rows]
        yield f'<polyline fill="none" stroke="{colour}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'
        for x, y in points:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{colour}"/>'


def draw(curves):
    for at, (what, rows) in enumerate(curves.items()):
        for unit, more in UNITS.items():
            panel = Panel(EDGE + at * (WIDE + EDGE), GAP + more * (HIGH + 2 * GAP), rows, more)
            yield from panel.axes(what, unit)
            for colour, column in LINES.values():
                yield from panel.line(rows, column + more, colour)
    for at, (name, (colour, _)) in enumerate(LINES.items()):
        yield f'<text x="{EDGE + at * 120}" y="12" fill="{colour}">{name}</text>'


def plot(curves, path):
    """Curves: {what is counted: [(how many, ms of a save, requests, ms of finding the newest, requests)…]}."""
    wide, high = EDGE + len(curves) * (WIDE + EDGE), 2 * (HIGH + 2 * GAP)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" font-family="sans-serif" font-size="11">\n'
                   '<rect width="100%" height="100%" fill="white"/>\n')
        file.writelines(each + "\n" for each in draw(curves))
        file.write("</svg>\n")
