"""What a piece of evidence says, asked in fields and rows instead of a file format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

# What a piece of each kind says, to begin with; the fields follow from it.
TEMPLATES: Final[Mapping[str, Mapping[str, Any]]] = {
    "scan": {"tool": "", "findings": 0, "detail": ""},
    "fairness": {
        "measure": "impact ratio",
        "by": "sex",
        "groups": [
            {"group": "female", "rows": None, "value": None},
            {"group": "male", "rows": None, "value": None},
        ],
    },
    "slices": {
        "metric": "auc",
        "by": "region",
        "groups": [{"group": "", "rows": None, "value": None}],
    },
    "monitoring-plan": {"signals": ["data drift", "errors"], "rollback": ""},
    "data-check": {"dataset": "", "sound": True, "detail": ""},
    "check": {"check": "", "passed": True, "detail": ""},
}
_CALLED: Final[Mapping[str, str]] = {
    "tool": "Tool",
    "findings": "Findings of the scan",
    "detail": "In words (optional)",
    "measure": "Measure",
    "by": "Groups by",
    "metric": "Metric",
    "groups": "Groups: a row each, added at the foot",
    "signals": "What is watched, a line each",
    "rollback": "What happens when it goes wrong",
    "dataset": "Data set",
    "sound": "It was found sound",
    "check": "Check",
    "passed": "It passed",
}
_LONG: Final = frozenset({"detail", "rollback"})


def says(kind: str) -> dict[str, Any]:
    """Ask for what a piece of this kind says, field by field. Returns what was given so far."""
    return {
        name: _field(value)(_CALLED[name], value, f"says-{kind}-{name}", name in _LONG)
        for name, value in TEMPLATES[kind].items()
    }


def _field(value: object) -> Callable[[str, Any, str, bool], Any]:
    if isinstance(value, bool):
        return lambda label, given, key, _long: st.checkbox(label, value=given, key=key)
    if isinstance(value, int):
        return lambda label, given, key, _long: int(
            st.number_input(label, min_value=0, value=given, step=1, key=key)
        )
    if isinstance(value, list):
        return _rows if value and isinstance(value[0], dict) else _lines
    return _text


def _text(label: str, given: str, key: str, is_long: bool) -> str:  # noqa: FBT001 - one of a row
    if is_long:
        return st.text_area(label, value=given, key=key, height=80)
    return st.text_input(label, value=given, key=key, max_chars=200)


def _lines(label: str, given: list[str], key: str, _long: bool) -> list[str]:  # noqa: FBT001
    written = st.text_area(label, value="\n".join(given), key=key, height=100)
    return [one.strip() for one in written.splitlines() if one.strip()]


def _rows(label: str, given: list[dict[str, Any]], key: str, _long: bool) -> list[dict[str, Any]]:  # noqa: FBT001
    st.caption(label)
    table = pd.DataFrame(given).astype({"group": "string", "rows": "Int64", "value": "Float64"})
    edited = st.data_editor(
        table,
        num_rows="dynamic",
        hide_index=True,
        key=key,
        column_config={
            "group": st.column_config.TextColumn("Group", required=True),
            "rows": st.column_config.NumberColumn("Rows", min_value=0, step=1),
            "value": st.column_config.NumberColumn("Value", step=0.0001),
        },
    )
    return read_rows(edited)


def read_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of an edited table as evidence says them; rows without anything are left out."""
    found = []
    for row in table.itertuples(index=False):
        cells = dict(zip(("group", "rows", "value"), row, strict=True))
        given = {name: cell for name, cell in cells.items() if not pd.isna(cell) and cell != ""}
        if given:
            found.append({name: _plain(cell) for name, cell in given.items()})
    return found


def _plain(cell: object) -> object:
    """A cell as JSON holds it, not as the table does."""
    return cell.item() if hasattr(cell, "item") else cell
