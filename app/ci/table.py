"""The gates as a table for people, in the log of a pipeline."""

from __future__ import annotations

from typing import Final

from app.ci.answers import Answers, Gate, Standing
from app.ci.words import minute, shown

_MARKS: Final = {
    Standing.PASS: "PASS",
    Standing.FAIL: "FAIL",
    Standing.MISSING: "MISSING",
    Standing.LATER: "LATER",
}
_HEADS: Final = ("", "Gate", "Required", "Observed")
_WIDEST: Final = 48


def table(answers: Answers) -> str:
    """The answers in words: where each gate stands, and why it stands in the way."""
    rows = [_HEADS, *(_row(gate) for gate in answers.gates)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    lines = [_title(answers), _under_it(answers), ""]
    lines += [_line(_HEADS, widths)]
    for gate, row in zip(answers.gates, rows[1:], strict=True):
        lines.append(_line(row, widths))
        if gate.standing is not Standing.PASS:
            lines.append(f"  - {shown(gate.reason)}")
    lines += ["", summary(answers)]
    lines += [shown(one) for one in (answers.unknown_author, answers.undecidable) if one]
    if answers.refusal:
        lines.append(f"A request sent with this token would be refused: {shown(answers.refusal)}")
    return "\n".join(lines)


def summary(answers: Answers) -> str:
    """Whether the release can be asked for, in a sentence."""
    count = len(answers.gates)
    waiting = sum(one.standing is Standing.LATER for one in answers.gates)
    later = f" {_number(waiting)} once a request is sent." if waiting else ""
    blocking = ", ".join(shown(one.title) for one in answers.in_the_way)
    if answers.in_the_way:
        return f"{len(answers.in_the_way)} of {count} gates in the way: {blocking}.{later}"
    if not answers.passes:
        return "The portal says that it does not pass."
    return f"No gate of {count} stands in the way.{later}"


def _number(waiting: int) -> str:
    return "1 is answered" if waiting == 1 else f"{waiting} are answered"


def _title(answers: Answers) -> str:
    if answers.replaces == answers.version:
        instead = "which it is already"
    elif answers.replaces:
        instead = f"in place of version {answers.replaces}"
    else:
        instead = "which no version is yet"
    return shown(f"Gates for {answers.uri} as {answers.alias}, {instead}")


def _under_it(answers: Answers) -> str:
    at = minute(answers.asked_at)
    return shown(f"Policy {answers.policy}, asked on {at} at {answers.portal}")


def _row(gate: Gate) -> tuple[str, ...]:
    cells = (gate.title, gate.required, gate.observed)
    return (_MARKS[gate.standing], *(_short(shown(cell)) for cell in cells))


def _short(cell: str) -> str:
    return cell if len(cell) <= _WIDEST else f"{cell[: _WIDEST - 1]}…"


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
