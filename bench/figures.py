"""Medians, ratios and Markdown: how the figures of a bench run are shown."""

import json
import math


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def show(value):
    """Three significant digits, never in scientific notation."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |",
             "| --- |" + " ---: |" * (len(header) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


class Section:
    """One table: a set of cases with the same two columns, busy and idle, in milliseconds."""

    def __init__(self, title, samples, base=None, peer=None):
        self.title = title
        self.samples = samples["cases"]
        self.failed = samples["failed"]
        self.base = base
        self.peer = peer

    def of(self, name, column):
        values = self.samples.get(name, {}).get(column)
        return median(values) / 1000 if values else None

    def ratio(self, name, column, to):
        a, b = self.of(name, column), self.of(to, column)
        return a / b if a and b else None

    def markdown(self):
        header = ["", "back to back, ms", "idle, ms"]
        if self.base:
            header += [f"x {self.base}", "idle"]
        if self.peer:
            header += [f"x {self.peer}", "idle"]
        rows = []
        for name in self.samples:
            row = [name, show(self.of(name, "busy")), show(self.of(name, "idle"))]
            for to in (self.base, self.peer):
                if to:
                    row += [show(self.ratio(name, c, to)) for c in ("busy", "idle")]
            rows.append(row)
        text = f"### {self.title}\n\n" + table(header, rows)
        for name, why in self.failed.items():
            text += f"\n\nnot measured: {name}: {why}"
        return text


def save(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")
