"""Sums of long series, written so that a compiler can work on many values at once.

Floats do not add up to the same bits in another order, so a compiler keeps the order that it is given, one
value after the other. Here the order is another from the start: lane j of 64 takes every 64th value, and the
lanes are folded by halves at the end. That is several times as quick, gives the same bits on every machine,
and rounds like a sum of a 64th of the length. `numpy.uint64` makes an index that needs no question whether it
counts from the end, which would stand in the way.
"""

from __future__ import annotations

import numpy as np

from admf.typing import FloatArray


def folded(lanes: FloatArray) -> float:
    """Sum of the lanes, a power of two of them; they are used up."""
    width = lanes.shape[0]
    while width > 1:
        width //= 2
        for j in range(width):
            lanes[j] += lanes[j + width]
    return float(lanes[0])


def lane_sum(values: FloatArray, count: int) -> float:
    """Sum of the first `count` values."""
    lanes = np.zeros(64)
    whole = count - count % 256
    for i in range(0, whole, 256):  # four at a time go to a lane, as its memory is what takes time
        for j in range(64):
            one = values[np.uint64(i + j)] + values[np.uint64(i + j + 64)]
            two = values[np.uint64(i + j + 128)] + values[np.uint64(i + j + 192)]
            lanes[np.uint64(j)] += one + two
    for i in range(whole, count):
        lanes[(i - whole) % 64] += values[i]
    return folded(lanes)


def lane_squares(values: FloatArray, count: int, mean: float) -> float:
    """Sum of the squared deviations from `mean`."""
    lanes = np.zeros(64)
    whole = count - count % 64
    for i in range(0, whole, 64):
        for j in range(64):
            deviation = values[np.uint64(i + j)] - mean
            lanes[np.uint64(j)] += deviation * deviation
    for i in range(whole, count):
        deviation = values[i] - mean
        lanes[i - whole] += deviation * deviation
    return folded(lanes)
