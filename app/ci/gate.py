"""`countersign gate`: may this version be released, and if not, why."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from app.ci import addresses
from app.ci.answers import Answers, understood
from app.ci.calls import open_api
from app.ci.junit import junit
from app.ci.sarif import sarif
from app.ci.table import table
from app.ci.words import shown, unspoken
from ledger.errors import Misconfigured, Refused

PASSES: Final = 0
IN_THE_WAY: Final = 1


def _json(answers: Answers) -> str:
    return unspoken(json.dumps(answers.plain, indent=2) + "\n", "\\u0023")


FORMATS: Final[dict[str, Callable[[Answers], str]]] = {
    "table": lambda answers: f"{table(answers)}\n",
    "json": _json,
    "junit": junit,
    "sarif": sarif,
}


def gate(asked: argparse.Namespace) -> int:
    """Ask the gates and report. Returns 0 when none stands in the way, else 1.

    Raises Misconfigured, Invalid, NotFound and what else the portal refuses with when they cannot
    be asked.
    """
    which = addresses.parsed(asked.version)
    file = Path(asked.output) if asked.output else None
    if file is not None:
        _clear(file)
    api = open_api(asked.server_url, asked.token_file)
    where = {"server": asked.server, "workspace": asked.workspace}
    number = addresses.version_of(which, api, **where)
    told = api.get(
        "models", which.name, "versions", str(number), "gates", alias=asked.alias, **where
    )
    answers = understood(told, api.address)
    if answers is None:
        raise Refused(
            f"No policy covers a release of {shown(which.name)} to {shown(asked.alias)}, so none "
            "is allowed.",
            hint="A governance admin publishes one on Policies, or classifies the model.",
            code="no-policy",
        )
    report = FORMATS[asked.format](answers)
    if file is None:
        print(report, end="")
    else:
        _write(file, report)
        print(table(answers))
    return PASSES if answers.passes else IN_THE_WAY


def _clear(file: Path) -> None:
    """Take away what an earlier run left: it is no answer of this one."""
    try:
        if file.is_file():
            file.unlink()
    except OSError as error:
        raise _unwritable(file, error) from None


def _write(file: Path, report: str) -> None:
    try:
        file.write_text(report, encoding="utf-8", newline="\n")
    except OSError as error:
        raise _unwritable(file, error) from None


def _unwritable(file: Path, error: OSError) -> Misconfigured:
    return Misconfigured(
        f"{shown(str(file))} cannot be written: {error.strerror}.",
        hint="Give --output a file in a folder that is there and can be written.",
        code="unwritable",
    )
