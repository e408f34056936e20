"""What each input adds to a score, and whether all adds up; by permutation for any model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd

from catalog.assurance.subject import Matrix, Subject, coded

SEED = 0
# Trees and linear models add up to 1e-14, single-precision libraries to 1e-5. The mistake this is
# there to catch, native categories read as numbers, is off by whole units and raises nothing.
_TOLERANCE = 1e-4
_BACKGROUND_ROWS = 50
_ORDERS = 10
_MOST_INPUTS_FOR_ALL_ORDERS = 4
_ROWS_PER_CALL = 50_000


@dataclass(frozen=True)
class Attribution:
    """Contributions per explained row and input column, and how they were found."""

    explainer: str
    space: str
    rows: pd.DataFrame
    background_rows: int
    shap: Matrix
    base: float
    outputs: Matrix

    def error(self) -> float:
        """Return how far the sums are from what the model says, at worst."""
        return float(np.abs(self.shap.sum(axis=1) + self.base - self.outputs).max())

    def adds_up(self) -> bool:
        """Tell whether the sums are the model's output, to within rounding."""
        allowed = _TOLERANCE * max(1.0, float(np.abs(self.outputs).max()))
        return self.error() <= allowed


def by_permutation(
    subject: Subject, rows: pd.DataFrame, deadline: float, say: Callable[..., None]
) -> Attribution:
    """Explain any predict function: let inputs join one after another, and watch the score.

    An input's contribution is what its joining adds to the average score over the background, on
    average over orders of joining: Strumbelj and Kononenko (2014); every order is also run
    backwards, which halves the noise: Mitchell et al. (2022). Few inputs get all their orders.
    """
    method, space = subject.answers()
    codes, decode = coded(subject.sample)
    draw = np.random.default_rng(SEED)
    background = draw.permutation(len(codes))[:_BACKGROUND_ROWS]
    width = codes.shape[1]
    if width <= _MOST_INPUTS_FOR_ALL_ORDERS:
        orders = [list(order) for order in permutations(range(width))]
    else:
        forwards = [list(draw.permutation(width)) for _ in range(_ORDERS)]
        orders = forwards + [order[::-1] for order in forwards]
    steps = np.array([[order.index(j) for j in range(width)] for order in orders])
    # [order, how many have joined, input]: whether the input has joined.
    joined = steps[:, None, :] < np.arange(width + 1)[None, :, None]
    coalitions, place = np.unique(joined.reshape(-1, width), axis=0, return_inverse=True)
    place = place.reshape(len(orders), width + 1)

    def contributions(chunk: Matrix) -> tuple[Matrix, Matrix]:
        mixed = np.where(coalitions[None, :, None, :], chunk[:, None, None, :], codes[background])
        scores = subject.score(method, decode(mixed.reshape(-1, width)))
        worth = scores.reshape(len(chunk), len(coalitions), len(background)).mean(axis=2)
        gains = np.diff(worth[:, place], axis=2)
        by_input = np.take_along_axis(gains, np.broadcast_to(steps, gains.shape), axis=2)
        return by_input.mean(axis=1), worth[:, place[0, 0]]

    at_once = max(1, _ROWS_PER_CALL // (len(coalitions) * len(background)))
    pieces, base, done = [], np.zeros(1), 0
    while done < len(rows) and (done == 0 or time.monotonic() < deadline):
        say(progress=["Explaining rows", done, len(rows)])
        chunk, base = contributions(codes[rows.index[done : done + at_once]])
        pieces.append(chunk)
        done += len(chunk)
    explained = rows.iloc[:done]
    outputs = subject.score(method, explained)
    whole = np.concatenate(pieces)
    return Attribution(
        "permutation", space, explained, len(background), whole, float(base[0]), outputs
    )
