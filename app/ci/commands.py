"""The commands for pipelines, as a shell sees them: their options and what they exit with.

0 is yes, 1 is no, 2 is that it could not be asked, 3 is a bug, 130 is that somebody stopped it.
"""

from __future__ import annotations

import argparse
import traceback
from collections.abc import Callable
from typing import Final, Protocol

from ledger.errors import CountersignError

BUG: Final = 3
STOPPED: Final = 130
_EXITS: Final = (
    "Exit codes: 0 yes, 1 no, 2 it could not be asked (what to do is said on standard error), "
    "3 a bug. The portal is named by COUNTERSIGN_URL, the token is in COUNTERSIGN_TOKEN."
)
Verb = Callable[[argparse.Namespace], int]


class _Adding(Protocol):
    def __call__(self, name: str, verb: Verb, words: str) -> argparse.ArgumentParser: ...


def add_to(add: _Adding) -> None:
    """Make the commands known to the parser of `countersign`."""
    gate = add(
        "gate",
        _careful(_gate),
        "Ask the gates whether a version may be released: for pipelines, over the REST API.",
    )
    _about_a_version(gate)
    gate.add_argument("--alias", required=True, help="what the version would become, as champion")
    gate.add_argument(
        "--format",
        choices=("table", "json", "junit", "sarif"),
        default="table",
        help="how the answers are written (default: table)",
    )
    gate.add_argument(
        "--output",
        metavar="FILE",
        default="",
        help="write them there, and the table to standard output",
    )
    evidence = add("evidence", _careful(_evidence_add), "Put evidence about a version on record.")
    piece = evidence.add_subparsers(title="commands", metavar="COMMAND", required=True).add_parser(
        "add",
        help="attach a piece of evidence to a version",
        description="Attach a piece of evidence to a version, over the REST API. It is marked as "
        "self-reported and takes the place of an older one of its kind and name.",
    )
    _about_a_version(piece)
    piece.add_argument(
        "--kind", default="", help="check, scan, data-check, slices, fairness, document ..."
    )
    piece.add_argument("--name", default="", help="which check, tool, data set, paper it is about")
    piece.add_argument("--file", default="", metavar="FILE", help="a JSON object; - is stdin")
    piece.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one thing it says: passed=true, findings=0, detail='all well'",
    )
    piece.add_argument(
        "--document",
        default="",
        metavar="FILE",
        help="a document to upload: PDF, Markdown, text, CSV, JSON, PNG or JPEG",
    )
    piece.add_argument(
        "--files",
        default="",
        metavar="FOLDER",
        help="the version's files that it was made of, as MLflow downloads them",
    )
    piece.add_argument("--producer", default="", help="who made it (default: this pipeline)")
    piece.add_argument(
        "--expires-in-days", type=int, default=None, metavar="D", help="for how long it counts"
    )
    request = add("request", _careful(_request), "Ask for a release, over the REST API.")
    _about_a_version(request)
    request.add_argument("--alias", required=True, help="what the version is to become")
    request.add_argument("--reason", required=True, help="why, in a sentence; it is kept")
    request.add_argument(
        "--again",
        action="store_true",
        help="where changes were asked for, send it again; the reason says what is different",
    )
    request.add_argument(
        "--wait", action="store_true", help="wait until it is live (exit 0) or will not be (1)"
    )
    request.add_argument(
        "--wait-minutes", type=_minutes, default=60, metavar="M", help="how long (default: 60)"
    )
    pack = add(
        "evidence-pack",
        _careful(_evidence_pack),
        "Download one file from which a release can be judged offline, over the REST API.",
    )
    pack.add_argument("request", metavar="RR-YEAR-NUMBER", help="the release request")
    pack.add_argument(
        "--output", metavar="FILE", default="", help="(default: evidence-pack-REQUEST.zip here)"
    )
    _at_a_portal(pack)


def _about_a_version(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "version", metavar="models:/NAME/VERSION", help="or models:/NAME@ALIAS, as in MLflow"
    )
    _at_a_portal(command)
    command.add_argument("--server", default="", help="which MLflow server, where there are more")
    command.add_argument("--workspace", default="", help="which workspace of MLflow")


def _at_a_portal(command: argparse.ArgumentParser) -> None:
    command.epilog = _EXITS
    command.add_argument("--server-url", default="", metavar="URL", help="the portal's address")
    command.add_argument(
        "--token-file", default="", metavar="FILE", help="a file with the bearer token"
    )


def _minutes(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 24 * 60:
        raise argparse.ArgumentTypeError("from 1 to 1440 minutes")
    return int(text)


def _careful(verb: Verb) -> Verb:
    """The verb, so that neither a bug nor Ctrl-C looks like a yes or a no of the gates."""

    def run(asked: argparse.Namespace) -> int:
        try:
            return verb(asked)
        except CountersignError:
            raise
        except KeyboardInterrupt:
            return STOPPED
        except Exception:  # noqa: BLE001 - 1, which Python exits with, is an answer here
            traceback.print_exc()
            return BUG

    return run


def _gate(asked: argparse.Namespace) -> int:
    from app.ci.gate import gate  # noqa: PLC0415 - each command imports what it needs, no more

    return gate(asked)


def _evidence_add(asked: argparse.Namespace) -> int:
    from app.ci.evidence import add  # noqa: PLC0415

    return add(asked)


def _request(asked: argparse.Namespace) -> int:
    from app.ci.request import request  # noqa: PLC0415

    return request(asked)


def _evidence_pack(asked: argparse.Namespace) -> int:
    from app.ci.pack import download  # noqa: PLC0415

    return download(asked)
