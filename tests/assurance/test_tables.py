"""Tables that somebody left: honest ones are told in full, hostile ones end only themselves."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.assurance import table_reader
from catalog.assurance.table_reader import read_tables
from catalog.lineage.profile import Profile, from_text, kept_rows, sample
from ledger.errors import Invalid

MANY = 150_000


def _again(text: str, times: int) -> pa.DictionaryArray:
    """A megabyte said thousands of times: a small file, and gigabytes when it is spelt out."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * times, pa.int32()), pa.array([text]))


def write(file: Path, **columns: Any) -> Path:  # noqa: ANN401 - whatever a column holds
    pq.write_table(pa.table(columns), file)
    return file


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One child reads them all: each must be told or refused by itself."""
    at = tmp_path_factory.mktemp("tables")
    draw = np.random.default_rng(0)
    words = ["a", "b", None, "a\x00<script>"]
    files = {
        "plain": write(
            at / "plain",
            income=[1.5, 2.5, float("nan"), float("inf")],
            age=pa.array([1, 2, None, 4]),
            city=words,
            kind=pa.array(words).dictionary_encode(),
            yes=[True, False, None, True],
            price=pa.array([decimal.Decimal("1.10")] * 4),
            day=[dt.datetime(2026, 1, 1)] * 4,  # noqa: DTZ001 - a table may hold such
            inner=[[1], [2], [3], [4]],
        ),
        "answers": write(
            at / "answers",
            label=["yes", "no", "yes"],
            prediction=["no", "no", "yes"],
            score=[0.4, 0.2, 0.9],
        ),
        "amounts": write(at / "amounts", label=[1.5, 2.5], prediction=[1.0, 2.0]),
        "gaps": write(at / "gaps", label=["a", None], prediction=["a", "b"]),
        "mixed": write(at / "mixed", label=["a", "b"], prediction=[1.0, 2.0]),
        "endless": write(at / "endless", label=[1.0, float("inf")], prediction=[1.0, 1.0]),
        "long": write(
            at / "long", n=draw.normal(size=MANY), label=[1] * MANY, prediction=[1] * MANY
        ),
        "wide": write(at / "wide", **{f"c{n}": [1.0, 2.0] for n in range(400)}),
        "empty": write(at / "empty", n=pa.array([], pa.float64())),
        "nested": write(at / "nested", only=[[1], [2]]),
        "bomb": write(at / "bomb", n=_again("x" * 1_000_000, 3_000)),
    }
    pq.write_table(
        pa.table({"n": _again("x" * 1_000_000, 3_000)}), at / "spelt", store_schema=False
    )
    (at / "text").write_text("This is no parquet file.")
    (at / "nothing").write_bytes(b"")
    whole = files["plain"].read_bytes()
    (at / "cut").write_bytes(whole[: len(whole) // 2] + b"PAR1")
    (at / "lies").write_bytes(whole[:-8] + b"\xff\xff\xff\x7fPAR1")
    scrambled = bytearray(whole)
    scrambled[4:60] = draw.bytes(56)
    (at / "scrambled").write_bytes(scrambled)
    files |= {name: at / name for name in ("text", "nothing", "cut", "lies", "scrambled", "spelt")}
    return read_tables(files)


def test_every_file_has_an_answer_of_its_own(told: dict[str, Any]) -> None:
    refused = {name for name, found in told.items() if "problem" in found}
    assert {"text", "nothing", "cut", "lies", "nested", "spelt"} <= refused
    assert not refused & {"plain", "answers", "amounts", "long", "wide", "empty", "mixed", "gaps"}


def test_a_plain_table_is_told_column_by_column(told: dict[str, Any]) -> None:
    found = {one.name: one for one in sample(told["plain"]).columns}
    assert set(found) == {"income", "age", "city", "kind", "yes", "price", "day"}
    assert (found["income"].points, found["income"].missing) == ((1.5, 2.5), 2)
    assert (found["age"].kind, found["age"].missing) == ("number", 1)
    assert dict(found["city"].values) == {"a": 1, "b": 1, "a <script>": 1}
    assert found["city"].values == found["kind"].values
    assert dict(found["yes"].values) == {"true": 2, "false": 1}
    assert found["day"].kind == "other"
    assert told["plain"]["left_out"] == 1


def test_truth_and_answer_are_told_row_by_row_only_where_they_can_be_paired(
    told: dict[str, Any],
) -> None:
    classes = kept_rows(told["answers"]["kept"])
    assert (classes.is_classes, classes.score) == (True, (0.4, 0.2, 0.9))
    amounts = kept_rows(told["amounts"]["kept"])
    assert (amounts.is_classes, amounts.label) == (False, (1.5, 2.5))
    for name in ("plain", "gaps", "mixed", "endless", "long"):
        assert told[name]["kept"] is None, name


def test_what_is_too_much_is_told_in_part(told: dict[str, Any]) -> None:
    long = sample(told["long"])
    assert (long.rows, long.read) == (MANY, 100_000)
    assert len(long.columns[0].points) == 400
    wide = sample(told["wide"])
    assert (len(wide.columns), wide.left_out) == (300, 100)


def test_a_profile_comes_back_as_it_was_kept(told: dict[str, Any]) -> None:
    made = Profile(
        {"python": "3.11.7"}, sample(told["plain"]), kept_rows(told["answers"]["kept"]), ("x",)
    )
    assert from_text(made.as_text()) == made


def test_one_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "slow", n=[1.0])
    monkeypatch.setattr(table_reader, "_SECONDS", 0.01)
    with pytest.raises(Invalid) as ended:
        read_tables({"slow": file})
    assert ended.value.code == "table-unreadable"


def test_nothing_to_read_starts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_reader, "_run", lambda *_: pytest.fail("started"))
    assert read_tables({}) == {}


PARTS: list[dict[str, Any]] = [
    {"kind": "picture"},
    {"points": [2, 1]},
    {"points": [1, float("nan")]},
    {"points": [True, 2]},
    {"points": [1] * 401},
    {"points": []},
    {"missing": 3},
    {"name": 7},
    {"rows": 3},
    {"kind": "category", "values": [["x", 1]]},
    {"kind": "category", "values": [["x", -1]]},
    {"kind": "category", "values": [["x"]]},
]
PLAIN: dict[str, Any] = {
    "rows": 2,
    "read": 2,
    "left_out": 0,
    "columns": [
        {"name": "a", "type": "double", "rows": 2, "kind": "number", "missing": 0, "points": [1, 2]}
    ],
}


@pytest.mark.parametrize(
    "change",
    [
        {"rows": -1},
        {"rows": 1},
        {"read": "2"},
        {"columns": []},
        {"columns": PLAIN["columns"] * 2},
        {"columns": "a"},
        {"columns": [1]},
        *({"columns": [PLAIN["columns"][0] | part]} for part in PARTS),
    ],
)
def test_an_answer_that_cannot_be_true_is_not_believed(change: dict[str, Any]) -> None:
    assert sample(PLAIN).rows == 2
    with pytest.raises((ValueError, TypeError)):
        sample(PLAIN | change)


@pytest.mark.parametrize(
    "change",
    [
        {"label": []},
        {"label": ["a"]},
        {"label": ["a", 1.0]},
        {"label": [1.0, 2.0]},
        {"score": [0.5]},
        {"score": [0.5, "x"]},
        {"is_classes": False},
        {"prediction": None},
    ],
)
def test_rows_that_do_not_fit_together_are_not_believed(change: dict[str, Any]) -> None:
    plain = {"label": ["a", "b"], "prediction": ["a", "a"], "score": [], "is_classes": True}
    assert kept_rows(plain).label == ("a", "b")
    with pytest.raises((ValueError, TypeError)):
        kept_rows(plain | change)
