"""What the demo learns from: always the same rows, and synthetic where it says so."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest

from app.demo import datasets

DIGEST = """
import hashlib
import pandas as pd
from app.demo import datasets
total = hashlib.sha256()
for name in datasets.names():
    data = datasets.load(name)
    for part in (data.training, data.evaluation):
        total.update(pd.util.hash_pandas_object(part).to_numpy().tobytes())
print(total.hexdigest())
"""


def test_another_process_makes_the_same_rows() -> None:
    first, second = (
        subprocess.run(
            [sys.executable, "-c", DIGEST], check=True, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("name", datasets.names())
def test_no_evaluation_row_is_learned_from(name: str) -> None:
    data = datasets.load(name)
    learned = set(pd.util.hash_pandas_object(data.training, index=False))
    judged = set(pd.util.hash_pandas_object(data.evaluation, index=False))
    assert not learned & judged
    assert data.target not in data.features


@pytest.mark.parametrize("name", datasets.names())
def test_generated_data_says_that_it_is_synthetic_everywhere(name: str) -> None:
    data = datasets.load(name)
    says_so = ["synthetic" in words.lower() for words in (data.name, data.description, data.source)]
    assert all(says_so) if data.is_synthetic else not any(says_so)


def test_the_published_sets_name_their_source_and_licence() -> None:
    for name in datasets.names():
        data = datasets.load(name)
        assert data.licence
        assert data.is_synthetic or data.source.startswith("https://")


def test_women_who_repaid_are_recorded_as_defaulted_more_often_than_men() -> None:
    loans = datasets.load("synthetic-lending").training
    share = (loans["defaulted"] == "yes").groupby(loans["sex"]).mean()
    assert share["female"] > share["male"] + 0.05
