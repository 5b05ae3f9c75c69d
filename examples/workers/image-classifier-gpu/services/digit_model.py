"""A small network that reads a hand-drawn digit: 8 x 8 cells, one hidden layer.

The network is the same wherever it runs; only the arithmetic moves: torch on a CUDA or Metal
device where there is one, plain Python elsewhere.
"""

import importlib.util
import json
import math
from operator import mul
from pathlib import Path

SIDE = 8
WEIGHTS = Path(__file__).resolve().parent / "digit_weights.json"
MIN_CONTRAST = 0.1


def normalise(rows):
    """`rows` of brightness to SIDE x SIDE cells of ink: whichever of bright and dark the border is
    not, cut to its box, scaled to fill the height (or the width), in the middle. None: a blank."""
    low = min(map(min, rows))
    high = max(map(max, rows))
    if high - low < MIN_CONTRAST:
        return None
    border = rows[0] + rows[-1] + [row[0] for row in rows] + [row[-1] for row in rows]
    dark_ink = sum(border) / len(border) > (low + high) / 2
    scale = 1 / (high - low)
    ink = [[((high - v) if dark_ink else (v - low)) * scale for v in row] for row in rows]
    used_rows = [y for y, row in enumerate(ink) if max(row) > 0.5]
    used_columns = [x for x in range(len(ink[0])) if max(row[x] for row in ink) > 0.5]
    top, bottom = used_rows[0], used_rows[-1] + 1
    left, right = used_columns[0], used_columns[-1] + 1
    side = max(bottom - top, right - left)
    # The box as a square around the digit's middle, so that a 1 stays slim.
    y0 = (top + bottom - side) / 2
    x0 = (left + right - side) / 2
    return [
        _mean(ink, y0 + y * side / SIDE, x0 + x * side / SIDE, side / SIDE)
        for y in range(SIDE)
        for x in range(SIDE)
    ]


def _mean(ink, y0, x0, size):
    """The mean of the square at (y0, x0); outside the image there is no ink."""
    total = 0.0
    for y in range(max(0, math.floor(y0)), min(len(ink), math.ceil(y0 + size))):
        height = min(y + 1, y0 + size) - max(y, y0)
        for x in range(max(0, math.floor(x0)), min(len(ink[0]), math.ceil(x0 + size))):
            total += ink[y][x] * height * (min(x + 1, x0 + size) - max(x, x0))
    return total / (size * size)


def softmax(scores):
    best = max(scores)
    odds = [math.exp(score - best) for score in scores]
    total = sum(odds)
    return [odd / total for odd in odds]


class Network:
    """Plain Python. `hidden` and `output`: one list per unit, its weights and then its bias."""

    device = "cpu (python)"

    def __init__(self, hidden, output):
        self.hidden = hidden
        self.output = output

    def activations(self, cells):
        return [max(0.0, sum(map(mul, unit, cells), unit[-1])) for unit in self.hidden]

    def probabilities(self, cells):
        active = self.activations(cells)
        return softmax([sum(map(mul, unit, active), unit[-1]) for unit in self.output])


class TorchNetwork:
    """The same network as tensors on `device`."""

    def __init__(self, network, torch, device):
        self.torch = torch
        self.device = f"{device} ({torch.cuda.get_device_name(0)})" if device == "cuda" else device
        self.place = torch.device(device)
        self.layers = [
            (self._tensor([unit[:-1] for unit in units]), self._tensor([u[-1] for u in units]))
            for units in (network.hidden, network.output)
        ]

    def _tensor(self, values):
        return self.torch.tensor(values, dtype=self.torch.float32, device=self.place)

    def probabilities(self, cells):
        with self.torch.inference_mode():
            (hidden, hidden_bias), (output, output_bias) = self.layers
            active = self.torch.relu(hidden @ self._tensor(cells) + hidden_bias)
            return self.torch.softmax(output @ active + output_bias, 0).tolist()


def load(path=WEIGHTS):
    with open(path, encoding="utf-8") as source:
        stored = json.load(source)
    return Network(stored["hidden"], stored["output"])


def on_best_device(network):
    """(the network on the best device here, why it is not on a better one or None)."""
    if importlib.util.find_spec("torch") is None:
        return network, "torch is not installed"
    import torch

    for device, there in (("cuda", torch.cuda.is_available), ("mps", torch.backends.mps.is_available)):
        if there():
            return TorchNetwork(network, torch, device), None
    return network, "torch finds neither a CUDA nor a Metal device"
