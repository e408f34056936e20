"""`countersign evidence add`: put on record what a pipeline found or wrote about a version."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from app.ci import addresses
from app.ci.calls import Api, open_api
from app.ci.words import minute, shown
from ledger.errors import Invalid, Unavailable

_LARGEST_FILE: Final = 1024 * 1024
_LONGEST_PRODUCER: Final = 120
# Which pipeline this is, by the variables that each of them sets: its name, and which run.
_PIPELINES: Final = (
    ("GITHUB_ACTIONS", "GitHub Actions", ("GITHUB_REPOSITORY", "GITHUB_RUN_ID")),
    ("GITLAB_CI", "GitLab CI", ("CI_PROJECT_PATH", "CI_JOB_ID")),
    ("JENKINS_URL", "Jenkins", ("JOB_NAME", "BUILD_NUMBER")),
    ("TF_BUILD", "Azure Pipelines", ("BUILD_REPOSITORY_NAME", "BUILD_BUILDID")),
)


def add(asked: argparse.Namespace) -> int:
    """Attach a piece of evidence. Returns 0, or raises what the portal refuses with."""
    which = addresses.parsed(asked.version)
    insist_one_thing(asked)
    says = {} if asked.document else said(asked.file, asked.set)
    files = files_digest(asked.files) if asked.files else ""
    api = open_api(asked.server_url, asked.token_file)
    where = {"server": asked.server, "workspace": asked.workspace}
    number = addresses.version_of(which, api, **where)
    way: tuple[str, ...] = ("models", which.name, "versions", str(number), "evidence")
    made_by = asked.producer or producer(os.environ)
    days = asked.expires_in_days
    if asked.document:
        way = (*way, "documents")
        made = api.send(
            *way,
            data=document(asked.document, most=_largest_document(api, way, where)),
            file_name=Path(asked.document).name,
            title=asked.name,
            producer=made_by,
            days="" if days is None else str(days),
            files=files,
            **where,
        )
    else:
        body = {"kind": asked.kind, "name": asked.name, "says": says}
        made = api.post(
            *way, body=body | {"producer": made_by, "days": days, "files": files}, **where
        )
    until = made.get("expires_at")
    counts = f"until {minute(str(until))}" if until else "until it is taken back"
    print(
        shown(
            f"On record for models:/{which.name}/{number}: {made.get('kind')} {made.get('name')}, "
            f"self-reported by {made.get('producer')}, {made.get('digest')}. It counts {counts}."
        )
    )
    return 0


def files_digest(folder: str) -> str:
    """The digest of a version's files in a folder, as the portal works it out from MLflow's.

    Raises Invalid where there is no such folder, or it is empty or holds a link.
    """
    place = Path(folder)
    found: dict[str, str] = {}
    for path in place.rglob("*"):
        if path.is_symlink():
            raise Invalid(
                f"{shown(str(path))} is a link.", hint="Give --files plain files.", code="a-link"
            )
        if path.is_file():
            with path.open("rb") as stream:
                sha = hashlib.file_digest(stream, "sha256").hexdigest()
            found[path.relative_to(place).as_posix()] = f"{path.stat().st_size} {sha}"
    if not found:
        raise Invalid(
            f"There are no files in {shown(folder)}.",
            hint="Give --files the folder into which MLflow downloaded the version.",
            code="no-files",
        )
    # Canonical JSON (RFC 8785): names in the order of their UTF-16 units.
    ordered = {name: found[name] for name in sorted(found, key=lambda one: one.encode("utf-16-be"))}
    text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def insist_one_thing(asked: argparse.Namespace) -> None:
    """Raises Invalid where a document and something else are attached at once, or nothing is."""
    if asked.document and (asked.file or asked.set or asked.kind not in {"", "document"}):
        raise Invalid(
            "A document is attached by itself.",
            hint="Give --document FILE with --name for its title; what --file and --set say is a "
            "piece of its own.",
            code="two-pieces",
        )
    if not asked.document and not asked.kind:
        raise Invalid(
            "It is not said what is attached.",
            hint="Give --kind, such as check, or --document FILE to upload a document.",
            code="no-kind",
        )


def document(file: str, *, most: int) -> bytes:
    """The bytes of a file, of which the portal takes `most`. Raises Invalid."""
    data = _bytes_in(file, most, "Give --document a file that is there.")
    if len(data) > most:
        raise Invalid(
            f"{shown(file)} is larger than the {most:,} bytes that the portal takes.",
            hint="Leave out pictures, or attach the parts that matter. The operator sets the "
            "limit.",
            code="file-too-large",
        )
    return data


def _largest_document(api: Api, way: tuple[str, ...], where: Mapping[str, str]) -> int:
    """How many bytes a document may have. A portal that is sent more need not listen to the end."""
    most = api.get(*way, **where).get("largest_bytes")
    if not isinstance(most, int):
        raise Unavailable(
            f"{api.address} did not say how large a document may be.",
            hint="The portal and this command are of different versions; update the older one.",
        )
    return most


def said(file: str, pairs: list[str]) -> dict[str, Any]:
    """What the evidence says: the object in a JSON file (`-` is standard input), then the pairs.

    A value is what it is in JSON, so `passed=true` is a truth and `findings=0` a number; what is no
    JSON is text. Raises Invalid.
    """
    found = _object_in(file) if file else {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise Invalid(
                f"--set {shown(pair[:80])} says nothing.",
                hint="Write --set key=value, such as --set passed=true.",
                code="bad-pair",
            )
        found[key.strip()] = _value(value)
    if not found:
        raise Invalid(
            "It is not said what the evidence says.",
            hint="Give --file FILE.json, or --set key=value as often as needed.",
            code="no-evidence",
        )
    return found


def _object_in(file: str) -> dict[str, Any]:
    name = "Standard input" if file == "-" else shown(file)
    if file == "-":
        body = sys.stdin.buffer.read(_LARGEST_FILE + 1)
    else:
        body = _bytes_in(file, _LARGEST_FILE, "Give --file a JSON file that is there.")
    if len(body) > _LARGEST_FILE:
        raise Invalid(
            f"{name} is larger than 1 MB.",
            hint="Say what was found in a few lines; upload the long report with --document.",
            code="too-large",
        )
    try:
        found = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Invalid(
            f"{name} is no JSON{where}.", hint="Write one object, as {...}.", code="no-json"
        ) from None
    if not isinstance(found, dict):
        raise Invalid(
            f"{name} holds no object.", hint="Write one object, as {...}.", code="no-json"
        )
    return found


def _bytes_in(file: str, most: int, hint: str) -> bytes:
    """What a file holds, and no more than a byte beyond `most`. Raises Invalid."""
    try:
        with Path(file).open("rb") as opened:
            return opened.read(most + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its name is none"
        raise Invalid(
            f"{shown(file)} cannot be read: {why}.", hint=hint, code="unreadable"
        ) from None


def _value(text: str) -> Any:  # noqa: ANN401 - whatever JSON can say
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return text


def _no_number(word: str) -> None:
    raise ValueError(word)  # JSON knows no NaN and no Infinity


def producer(environment: Mapping[str, str]) -> str:
    """Which pipeline this is, as far as it says; empty for none that is known."""
    for mark, name, parts in _PIPELINES:
        if environment.get(mark):
            run = [environment[part] for part in parts if environment.get(part)]
            return shown(" ".join([name, *run]))[:_LONGEST_PRODUCER]
    return ""
