"""A comparison to take away: as data for a machine, as Markdown for a page, as CSV for a sheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from catalog.lineage.answers import sentence, why
from catalog.lineage.comparison import Comparison, Group, Side
from catalog.lineage.distributions import ColumnDifference
from catalog.lineage.intervals import Interval
from catalog.lineage.measured import Measured
from catalog.registry.inventory.spreadsheet import neutral
from ledger.clock import iso

COLUMNS: Final = (
    "group",
    "name",
    "data_set",
    "before",
    "after",
    "state",
    "difference",
    "low",
    "high",
    "how",
)


def as_data(told: Comparison, at: datetime) -> dict[str, Any]:
    """The whole comparison in plain values."""
    return {
        "compared_at": iso(at),
        "answer": sentence(told),
        "why": why(told),
        "left": _side(told.before),
        "right": _side(told.after),
        "metrics": [_metric(one) for one in told.numbers],
        "causes": [{"group": one.key, "state": one.state} for one in told.causes],
        "groups": [_group(one) for one in told.groups],
        "rows": [_column(one) for one in told.columns],
        "signature": {
            "is_known": told.signature.is_known,
            "breaks_callers": bool(told.signature.breaking),
            "changes": [
                {
                    "side": one.side,
                    "name": one.name,
                    "kind": one.kind,
                    "before": one.before,
                    "after": one.after,
                    "breaks": one.breaks,
                }
                for one in told.signature.changes
            ],
        },
    }


def _column(one: ColumnDifference) -> dict[str, Any]:
    return {
        "column": one.name,
        "state": one.state,
        "psi": one.psi,
        "test": one.test,
        "statistic": one.statistic,
        "p": one.p,
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "model": side.model.name,
        "server": side.model.server,
        "workspace": side.model.workspace,
        "version": side.version.number,
        "version_id": side.version.id,
        "aliases": list(side.version.aliases),
        "run_id": side.version.run_id,
    }


def _metric(one: Measured) -> dict[str, Any]:
    number = one.number
    return {
        "name": number.name,
        "dataset": number.dataset,
        "dataset_digest": number.dataset_digest,
        "left": number.before,
        "right": number.after,
        "left_interval": _interval(one.before),
        "right_interval": _interval(one.after),
        "difference": number.delta,
        "difference_interval": _interval(one.difference),
        "better": number.better,
        "reads": one.reads,
        "basis": one.basis,
    }


def _interval(found: Interval | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "level": 0.95,
        "method": found.method,
        "rows": found.n,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "group": group.key,
        "state": group.state,
        "said": group.said,
        "changes": [
            {"name": one.name, "left": one.before, "right": one.after} for one in group.changes
        ],
        "identical": {one.name: one.before for one in group.same},
    }


def as_csv(told: Comparison) -> str:
    """One row per metric and per property, differences first within each group."""
    written = io.StringIO()
    sheet = csv.writer(written, lineterminator="\r\n")
    sheet.writerow(COLUMNS)
    for one in told.numbers:
        number, moved = one.number, one.difference
        sheet.writerow(
            _plain(
                "metric",
                number.name,
                f"{number.dataset} {number.dataset_digest}".strip(),
                number.before,
                number.after,
                one.reads,
                number.delta,
                moved.low if moved else None,
                moved.high if moved else None,
                one.basis,
            )
        )
    for one_column in told.columns:
        sheet.writerow(
            _plain(
                "rows",
                one_column.name,
                "",
                "",
                "",
                one_column.state,
                one_column.psi,
                "",
                "",
                f"PSI; {one_column.test}" if one_column.test else "PSI",
            )
        )
    for group in told.groups:
        for found in (*group.changes, *group.same):
            state = "identical" if found.is_same else "changed"
            row = (group.key, found.name, "", found.before, found.after, state)
            sheet.writerow(_plain(*row, "", "", "", ""))
    return written.getvalue()


def _plain(*cells: object) -> list[str]:
    return [_cell(one) for one in cells]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float):
        return repr(value)
    return neutral(str(value))


def as_markdown(told: Comparison, at: datetime, address: str = "") -> str:
    """The answer, then one table per group; what is identical is said in a line."""
    before, after = told.before, told.after
    names = [f"{side.model.name} v{side.version.number}" for side in (before, after)]
    lines = [
        f"# {_md(names[0])} against {_md(names[1])}",
        "",
        _md(sentence(told)),
        "",
        _md(why(told)),
        "",
        f"Compared {iso(at)} from what MLflow holds; metrics are self-reported by the runs."
        + (f" <{address}>" if address else ""),
    ]
    if told.numbers:
        lines += ["", "## Measured", ""]
        lines += _rows(
            ("Metric", "On", before.called, after.called, "Difference, 95 %", "Reads", "How"),
            (
                (
                    one.number.name,
                    f"{one.number.dataset} {one.number.dataset_digest}".strip(),
                    _ranged(one.number.before, one.before),
                    _ranged(one.number.after, one.after),
                    _ranged(one.number.delta, one.difference),
                    one.reads,
                    one.basis,
                )
                for one in told.numbers
            ),
        )
    moved = [one for one in told.columns if one.state not in {"identical", "within noise"}]
    if moved:
        lines += ["", "## Rows, column by column", ""]
        lines += _rows(
            ("Column", "State", "PSI", "Test", "p"),
            (
                (one.name, one.state, _ranged(one.psi, None), one.test, _chance(one.p))
                for one in moved
            ),
        )
    for group in told.groups:
        lines += ["", f"## {group.title}", "", f"{_md(group.said)}."]
        if group.changes:
            lines.append("")
            lines += _rows(
                ("What", before.called, after.called),
                ((one.name, one.before, one.after) for one in group.changes),
            )
    for one in told.signature.breaking:
        lines += ["", f"- {_md(one.side)} `{one.name.replace('`', ' ')}`: {one.breaks}"]
    return "\n".join(lines) + "\n"


def _ranged(value: float | None, interval: Interval | None) -> str:
    if value is None:
        return "-"
    if interval is None:
        return f"{value:.4f}"
    return f"{value:.4f} [{interval.low:.4f}, {interval.high:.4f}]"


def _chance(p: float | None) -> str:
    return "-" if p is None else f"{p:.2g}"


def _rows(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> list[str]:
    told = [f"| {' | '.join(_md(one) for one in head)} |", "|" + " --- |" * len(head)]
    told += [f"| {' | '.join(_md(one) for one in row)} |" for row in rows]
    return told


def _md(value: object) -> str:
    """Text in which nothing acts as Markdown or HTML; a line stays a line."""
    plain = " ".join(str("-" if value is None or value == "" else value).split())
    for sign in "\\`*_[]|#":
        plain = plain.replace(sign, f"\\{sign}")
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
