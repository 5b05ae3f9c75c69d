"""Trains services/digit_weights.json from data/digits.txt: python3 train.py

Each drawing but the held-out ones is turned, sheared, stretched, thickened and spotted in a fixed
number of ways, by a generator that always starts from the same number. Plain Python, some
seconds; the weights are kept in the repository, so that the service runs at once.
"""

import json
import math
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "services"))
sys.dont_write_bytecode = True

from digit_model import SIDE, WEIGHTS, Network, normalise, softmax  # noqa: E402

DRAWINGS = HERE / "data" / "digits.txt"
HELD_OUT = 2  # the last drawings of each digit
CANVAS = 24
VARIATIONS = 14
HIDDEN = 24
EPOCHS = 24
RATE = 0.05
LEAST_ACCURACY = 0.9


class Chance:
    """Numbers that look random and are the same on every machine (a 64-bit LCG, Knuth's)."""

    def __init__(self, seed):
        self.state = seed

    def between(self, low, high):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return low + (high - low) * (self.state >> 11) / (1 << 53)

    def shuffle(self, items):
        for i in range(len(items) - 1, 0, -1):
            j = int(self.between(0, i + 1))
            items[i], items[j] = items[j], items[i]


def drawings(path=DRAWINGS):
    """digit -> its drawings, as rows of 0.0 and 1.0."""
    found, digit = {}, None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("# "):
            continue
        if line.startswith("= "):
            digit = int(line[2:])
            found[digit] = []
            continue
        cells = line.split()
        if digit is None or any(len(cell) != SIDE or cell.strip("#.") for cell in cells):
            raise ValueError(f"{path}:{number}: expected cells of {SIDE} # and .")
        if not found[digit]:
            found[digit] = [[] for _ in cells]
        for drawing, cell in zip(found[digit], cells, strict=True):
            drawing.append([float(c == "#") for c in cell])
    return found


def split(found):
    """Two lists of (digit, drawing): to train on, and held out."""
    train = [(d, rows) for d, all_rows in found.items() for rows in all_rows[:-HELD_OUT]]
    held_out = [(d, rows) for d, all_rows in found.items() for rows in all_rows[-HELD_OUT:]]
    return train, held_out


def _ink_at(rows, y, x):
    """Between the cells' middles, linearly."""
    y0, x0 = math.floor(y), math.floor(x)
    total = 0.0
    for dy in (0, 1):
        for dx in (0, 1):
            if 0 <= y0 + dy < SIDE and 0 <= x0 + dx < SIDE:
                total += rows[y0 + dy][x0 + dx] * abs(1 - dy - (y - y0)) * abs(1 - dx - (x - x0))
    return total


def vary(rows, chance):
    """The drawing on a canvas, changed as another hand might have drawn it."""
    turn = chance.between(-0.18, 0.18)
    shear = chance.between(-0.25, 0.25)
    tall, wide = chance.between(0.8, 1.1), chance.between(0.75, 1.15)
    weight = chance.between(0.75, 1.5)
    noise = chance.between(0, 0.15)
    scale = SIDE * 1.5 / CANVAS
    sine, cosine = math.sin(turn), math.cos(turn)
    canvas = []
    for row in range(CANVAS):
        line = []
        for column in range(CANVAS):
            v = (row - CANVAS / 2 + 0.5) * scale / tall
            u = (column - CANVAS / 2 + 0.5) * scale / wide + shear * v
            y = cosine * v - sine * u + SIDE / 2 - 0.5
            x = sine * v + cosine * u + SIDE / 2 - 0.5
            ink = min(1.0, weight * _ink_at(rows, y, x))
            line.append(min(1.0, max(0.0, ink + chance.between(-noise, noise))))
        canvas.append(line)
    return canvas


def examples(pairs, variations, chance):
    """(cells, digit) of each drawing as it is and in its variations."""
    found = []
    for digit, rows in pairs:
        for image in [rows] + [vary(rows, chance) for _ in range(variations)]:
            found.append((normalise(image), digit))
    return found


def new_network(chance):
    def layer(units, inputs):
        spread = math.sqrt(6 / inputs)  # He
        return [[chance.between(-spread, spread) for _ in range(inputs)] + [0.0]
                for _ in range(units)]

    return Network(layer(HIDDEN, SIDE * SIDE), layer(10, HIDDEN))


def learn(network, cells, digit, rate):
    """One step of gradient descent on the cross entropy."""
    active = network.activations(cells)
    scores = [sum(w * a for w, a in zip(unit, active)) + unit[-1] for unit in network.output]
    errors = softmax(scores)
    errors[digit] -= 1
    back = [sum(error * unit[h] for error, unit in zip(errors, network.output))
            for h in range(len(active))]
    for unit, error in zip(network.output, errors):
        step = rate * error
        unit[:] = [w - step * a for w, a in zip(unit, active + [1.0])]
    extended = cells + [1.0]
    for unit, value, error in zip(network.hidden, active, back):
        if value > 0:
            step = rate * error
            unit[:] = [w - step * c for w, c in zip(unit, extended)]


def train(pairs, epochs=EPOCHS, variations=VARIATIONS):
    chance = Chance(2025)
    data = examples(pairs, variations, chance)
    network = new_network(chance)
    for epoch in range(epochs):
        chance.shuffle(data)
        for cells, digit in data:
            learn(network, cells, digit, RATE * (1 - epoch / epochs))
    for units in (network.hidden, network.output):
        units[:] = [[round(weight, 4) for weight in unit] for unit in units]
    return network


def accuracy(network, pairs, variations):
    """On the drawings and as many variations of each."""
    data = examples(pairs, variations, Chance(1116))
    right = 0
    for cells, digit in data:
        probabilities = network.probabilities(cells)
        right += probabilities.index(max(probabilities)) == digit
    return right / len(data)


def main():
    pairs, held_out = split(drawings())
    network = train(pairs)
    plain, varied = accuracy(network, held_out, 0), accuracy(network, held_out, VARIATIONS)
    print(f"trained on {len(pairs)} drawings and {VARIATIONS} variations of each")
    print(f"held-out accuracy: {plain:.3f} of {len(held_out)} drawings, {varied:.3f} with variations")
    if min(plain, varied) < LEAST_ACCURACY:
        sys.exit(f"accuracy below {LEAST_ACCURACY}: the weights are not written")
    with open(WEIGHTS, "w", encoding="utf-8") as out:
        json.dump({"hidden": network.hidden, "output": network.output}, out,
                  separators=(",", ":"))
        out.write("\n")


if __name__ == "__main__":
    main()
