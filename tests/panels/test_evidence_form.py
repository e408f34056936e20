"""Evidence given in rows instead of a file format."""

from __future__ import annotations

import json

import pandas as pd

from app.panels.evidence_form import read_rows


def test_rows_say_what_was_written_and_empty_ones_nothing() -> None:
    table = pd.DataFrame(
        {
            "group": pd.array(["north", None, "south"], dtype="string"),
            "rows": pd.array([120, None, None], dtype="Int64"),
            "value": pd.array([0.8, None, 0.7], dtype="Float64"),
        }
    )
    assert json.loads(json.dumps(read_rows(table))) == [
        {"group": "north", "rows": 120, "value": 0.8},
        {"group": "south", "value": 0.7},
    ]
