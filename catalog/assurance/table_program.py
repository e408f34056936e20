"""The program in the child process that reads tables somebody left: what is in them, in JSON.

A parquet file is data, but its reader is a large program in C++ and the file is anybody's. So the
child imports while it is still trusted, locks itself in like the one that loads models, and only
then opens the file. It writes one line of JSON; the reader of that line believes none of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.assurance import sandbox

MOST_ROWS: Final = 100_000
MOST_COLUMNS: Final = 300
MOST_KEPT: Final = 10_000
MOST_POINTS: Final = 400
MOST_VALUES: Final = 30
_LONGEST_TEXT: Final = 80
_BATCH: Final = 1_000
_MOST_BYTES: Final = 512 << 20  # when unpacked, as the file itself says; the walls hold if it lies
_THRIFT: Final = 16 << 20
_MOST_CLASSES: Final = 20
# By these names a run says, row by row, what was true, what it answered, and how sure it was.
LABEL, PREDICTION, SCORE = "label", "prediction", "score"


class _WithoutPandas(MetaPathFinder):
    """PyArrow imports pandas if there is one: half of the time of a start, and of no use here."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname, name=fullname)


def main() -> None:
    """Read a job, fork, lock, read the tables; leave with the locked child's exit status."""
    sys.meta_path.insert(0, _WithoutPandas())
    job = json.load(sys.stdin.buffer)
    sandbox.die_with(job["parent"])
    _rehearse()
    out = os.dup(1)
    os.dup2(2, 1)
    walls = sandbox.Walls(
        level="A",
        inputs=Path(job["inputs"]),
        workshop=Path(job["workshop"]),
        libraries=sandbox.libraries(),
        memory_bytes=job["memory_bytes"],
        cpu_seconds=job["cpu_seconds"],
        scratch_bytes=job["output_bytes"],  # also the most that may be written to the answer
    )
    walls = replace(walls, level=sandbox.strongest(walls))
    _say(out, {"walls": walls.level})
    sys.exit(sandbox.run(walls, lambda inputs: _answer(inputs, out), out))


def _rehearse() -> None:
    """Read a table of ours once: what libraries import only when used is then imported already."""
    table = pa.table(
        {
            "n": [1.0, None],
            "i": [1, 2],
            "w": pa.array(["a", "b"]).dictionary_encode(),
            "l": pa.array(["a", None]),
            "d": pa.array([1, 2], pa.decimal128(5, 2)),
            LABEL: [True, False],
            PREDICTION: ["a", "b"],
            SCORE: [0.5, 0.1],
        }
    )
    kept = pa.BufferOutputStream()
    pq.write_table(table, kept)
    read(pa.BufferReader(kept.getvalue()))


def _answer(inputs: Path, out: int) -> None:
    told: dict[str, Any] = {}
    for file in sorted(inputs.iterdir()):
        try:
            told[file.name] = read(file)
        except MemoryError:
            told[file.name] = {"problem": "it needs more memory than it may use"}
        except Exception as problem:  # noqa: BLE001 - a hostile file may raise anything
            told[file.name] = {"problem": f"{type(problem).__name__}: {problem}"[:300]}
    _say(out, told)


def _say(out: int, told: dict[str, Any]) -> None:
    rest = memoryview(json.dumps(told, allow_nan=False).encode() + b"\n")
    while rest:
        rest = rest[os.write(out, rest) :]


def read(file: Path | pa.BufferReader) -> dict[str, Any]:
    """What is in a table: how its columns are distributed, and its rows of truth and answer."""
    opened = pq.ParquetFile(
        file, thrift_string_size_limit=_THRIFT, thrift_container_size_limit=_THRIFT
    )
    schema = opened.schema_arrow
    if len(set(schema.names)) != len(schema.names):
        raise ValueError("two columns have the same name")
    names = [one for one in schema.names if not pa.types.is_nested(schema.field(one).type)]
    groups = (opened.metadata.row_group(at) for at in range(opened.metadata.num_row_groups))
    if sum(one.total_byte_size for one in groups) > _MOST_BYTES:
        raise ValueError("it holds more than is read here")
    if not names:
        raise ValueError("it has no plain column")
    wanted = names[:MOST_COLUMNS]
    wanted += [one for one in (LABEL, PREDICTION, SCORE) if one in names[MOST_COLUMNS:]]
    table = pa.Table.from_batches(
        list(_batches(opened, wanted)), pa.schema([schema.field(one) for one in wanted])
    )
    return {
        "rows": int(opened.metadata.num_rows),
        "read": table.num_rows,
        "left_out": len(schema.names) - len(wanted),
        "columns": [_column(one, table.column(one)) for one in wanted],
        "kept": _kept(table),
    }


def _batches(opened: pq.ParquetFile, names: list[str]) -> Iterator[pa.RecordBatch]:
    left = MOST_ROWS
    for batch in opened.iter_batches(_BATCH, columns=names, use_threads=False):
        yield batch.slice(0, left)
        left -= min(batch.num_rows, left)
        if not left:
            return


def _column(name: str, values: pa.ChunkedArray) -> dict[str, Any]:
    kind = values.type
    told = {"name": _text(name), "type": _text(str(kind)), "rows": len(values)}
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return told | _numbers(_floats(values))
    if _is_words(kind) or pa.types.is_boolean(kind):
        return told | _words(values if _is_words(kind) else values.cast(pa.string()))
    return told | {"kind": "other", "missing": values.null_count}


def _is_words(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _floats(values: pa.ChunkedArray) -> Any:  # noqa: ANN401 - an array of numbers
    return values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(float)


def _numbers(values: Any) -> dict[str, Any]:  # noqa: ANN401 - an array of numbers
    known = np.sort(values[np.isfinite(values)])
    places = np.unique(np.linspace(0, len(known) - 1, min(len(known), MOST_POINTS)).astype(int))
    return {
        "kind": "number",
        "missing": int(len(values) - len(known)),
        "mean": float(np.clip(known.mean(), -1e300, 1e300)) if len(known) else None,
        "points": [_rounded(one) for one in known[places]] if len(known) else [],
        "digest": hashlib.sha256(
            np.where(np.isfinite(values), values, np.nan).tobytes()
        ).hexdigest()[:16],
    }


def _words(values: pa.ChunkedArray) -> dict[str, Any]:
    encoded = values.combine_chunks()
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    # Only the different texts are ever spelt out: a short file may repeat a long one for ever.
    spelt = [_text(one or "") for one in encoded.dictionary.to_pylist()]
    names = sorted(set(spelt))
    places = {name: at for at, name in enumerate(names)}
    rank = np.array([places[one] for one in spelt], dtype=np.int64)
    indices = encoded.indices
    known = np.asarray(indices.drop_null(), dtype=np.int64)
    counts = np.bincount(rank[known], minlength=len(names)) if len(known) else np.zeros(len(names))
    found = sorted(
        ((name, int(count)) for name, count in zip(names, counts, strict=True) if count),
        key=lambda one: (-one[1], one[0]),
    )
    plain = hashlib.sha256(json.dumps([name for name, _ in sorted(found)]).encode())
    used = {name: at for at, (name, _) in enumerate(sorted(found))}
    again = np.array([used.get(one, 0) for one in spelt] + [-1], dtype=np.int64)
    plain.update(again[np.asarray(indices.fill_null(-1), dtype=np.int64)].tobytes())
    return {
        "kind": "category",
        "missing": len(values) - len(known),
        "distinct": len(found),
        "values": found[:MOST_VALUES],
        "others": sum(count for _, count in found[MOST_VALUES:]),
        "digest": plain.hexdigest()[:16],
    }


def _kept(table: pa.Table) -> dict[str, Any] | None:
    """Truth, answer and score row by row, where the table has columns called so."""
    if not {LABEL, PREDICTION} <= set(table.column_names) or not 0 < len(table) <= MOST_KEPT:
        return None
    label, prediction = table.column(LABEL), table.column(PREDICTION)
    if label.null_count or prediction.null_count:
        return None
    words = [_is_words(one.type) or pa.types.is_boolean(one.type) for one in (label, prediction)]
    if all(words):
        sides = [
            [_text(v) for v in one.cast(pa.string()).to_pylist()] for one in (label, prediction)
        ]
        is_classes = True
    elif any(words):
        return None
    else:
        truth, said = (_floats(one) for one in (label, prediction))
        if not (np.isfinite(truth).all() and np.isfinite(said).all()):
            return None
        classes = set(truth.tolist())
        is_classes = (
            len(classes) <= _MOST_CLASSES
            and set(said.tolist()) <= classes
            and bool((truth == truth.round()).all())
        )
        sides = [truth.tolist(), said.tolist()]
    return {
        "label": sides[0],
        "prediction": sides[1],
        "score": _scores(table) if is_classes else [],
        "is_classes": is_classes,
    }


def _scores(table: pa.Table) -> list[float]:
    if SCORE not in table.column_names:
        return []
    column = table.column(SCORE)
    if column.null_count or not (
        pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
    ):
        return []
    found = _floats(column)
    return [_rounded(one) for one in found] if np.isfinite(found).all() else []


def _rounded(value: float) -> float:
    return float(f"{value:.9g}")


def _text(value: str) -> str:
    return "".join(one if one.isprintable() else " " for one in value[:_LONGEST_TEXT])
