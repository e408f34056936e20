"""The inventory as a file: comma-separated text that a spreadsheet opens and a person edits.

Anybody's editor wrote it: each row is read apart, and what is wrong with one is told by its number.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from catalog.registry.inventory.spreadsheet import neutral, restored
from ledger.errors import Invalid

COLUMNS: Final = (
    "name",
    "server",
    "workspace",
    "domain",
    "owner",
    "task",
    "tier",
    "regulatory_class",
    "stage",
    "use_case",
)
MOST_ROWS: Final = 20_000
LARGEST_BYTES: Final = 5 * 1024 * 1024
_LONGEST_CELL: Final = 1_000
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Problem:
    """What is wrong with a row (the heading is row 1), and what to do about it."""

    row: int
    column: str
    said: str
    remedy: str


@dataclass(frozen=True)
class Line:
    """One row as it was written, by column; a column that is not in the file is not in here."""

    row: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        """A cell; empty where there is none."""
        return self.cells.get(column, "")


def read(data: bytes) -> tuple[list[Line], list[Problem]]:
    """The rows of a file, and those that cannot be read.

    Raises:
        Invalid: it is too large, no text, or its heading does not say what the columns are.
    """
    if len(data) > LARGEST_BYTES:
        raise Invalid(
            f"The file has {len(data):,} bytes.",
            hint=f"At most {LARGEST_BYTES:,}: import one domain after the other.",
            code="too-large",
        )
    try:
        words = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(
            f"The file is no UTF-8 text: byte {error.start + 1:,} cannot be read.",
            hint="Save it as CSV UTF-8.",
            code="not-utf-8",
        ) from error
    first = words.partition("\n")[0]
    # A spreadsheet writes semicolons where the comma is the decimal sign.
    delimiter = ";" if first.count(";") > first.count(",") else ","
    # Line ends inside quotes stay what they are; a lone carriage return ends a line as well.
    rows = csv.reader(io.StringIO(words, newline=""), delimiter=delimiter, strict=True)
    heading = _heading(_next(rows, 1))
    lines: list[Line] = []
    problems: list[Problem] = []
    number = 1
    while True:
        number += 1
        try:
            cells = next(rows, None)
        except csv.Error as error:
            problems.append(Problem(number, "", *_unreadable(error)))
            break
        if cells is None:
            break
        if number > MOST_ROWS + 1:
            raise Invalid(
                f"The file has more than {MOST_ROWS:,} rows.",
                hint="Import one domain after the other.",
                code="too-many-rows",
            )
        if not any(cell.strip() for cell in cells):
            continue
        found = _line(number, heading, cells)
        if isinstance(found, Line):
            lines.append(found)
        else:
            problems.append(found)
    return lines, problems


def written(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as a file that a spreadsheet opens and computes nothing of."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([neutral(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _next(rows: Iterable[list[str]], number: int) -> list[str]:
    try:
        return next(iter(rows), [])
    except csv.Error as error:
        said, remedy = _unreadable(error)
        raise Invalid(f"Row {number}: {said}", hint=remedy, code="bad-file") from error


def _heading(cells: list[str]) -> list[str]:
    heading = [cell.strip().lower().replace(" ", "_") for cell in cells]
    unknown = [cell for cell in heading if cell not in COLUMNS]
    twice = {cell for cell, times in Counter(heading).items() if times > 1}
    if "name" not in heading or unknown or twice:
        what = (
            f"The column {min(twice)} is there twice."
            if twice - set(unknown)
            else f"The heading names {unknown[0][:40]!r}, which is no column of the inventory."
            if unknown
            else "The heading has no column name."
        )
        raise Invalid(
            what,
            hint=f"Name in the first row some of: {', '.join(COLUMNS)}; name must be among them.",
            code="bad-heading",
        )
    return heading


def _line(number: int, heading: list[str], cells: list[str]) -> Line | Problem:
    if len(cells) != len(heading):
        return Problem(
            number,
            "",
            f"It has {len(cells)} cells, the heading {len(heading)}.",
            "Put a cell that holds the separator in quotes.",
        )
    kept = {}
    for column, cell in zip(heading, cells, strict=True):
        if len(cell) > _LONGEST_CELL or _NO_TEXT.search(cell):
            return Problem(
                number,
                column,
                "The cell is too long, or holds a control character.",
                f"At most {_LONGEST_CELL:,} characters of text.",
            )
        # A name is kept to the letter; in everything else spaces at the ends say nothing.
        kept[column] = restored(cell) if column == "name" else restored(cell.strip())
    return Line(number, kept)


def _unreadable(error: csv.Error) -> tuple[str, str]:
    return (
        f"It cannot be read, and nothing after it: {error}.",
        "Look for a quotation mark too many or too few; inside quotes it is written twice.",
    )
