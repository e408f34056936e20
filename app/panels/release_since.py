"""What a reader of a request has not seen yet: why it went back, and what is other than it was."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from app.panels.acts import act_words
from app.panels.release_dossier import Dossier
from app.panels.release_routes import DID, did
from app.ui import page, tables, words
from app.ui.markup import Markup, note, show
from app.ui.tables import Change, Column, Row
from catalog.releases.decisions.docket import Step
from catalog.releases.requests.request import Decision
from catalog.releases.states import Verb

_DIGEST: Final = re.compile(r"(sha256:)?[0-9a-f]{64}")
# What the trail calls otherwise than whoever follows a request.
_STEPS: Final[Mapping[tuple[str, str], str]] = {
    ("release:request", "ok"): "Asked for, and bound to the policy in force",
    ("evidence:collect", "ok"): "Read: the files are on record, policy and evidence are bound",
    ("evidence:fail", ""): "Could not be read",
    ("release:send-back", "changed-since-review"): "Sent back to be read again",
    ("release:approve", "agreed"): "Agreed to it; others have to agree too",
    ("release:approve-with-conditions", "agreed"): "Agreed on conditions; others have to agree too",
    ("release:approve", "changed-since-review"): "Pressed Approve, and it was sent back instead",
}


def since(dossier: Dossier) -> None:
    """What this reader has not seen yet: why it went back, and what is other than it was then."""
    sheet, request = dossier.sheet, dossier.request
    back = [one for one in request.rounds if one.verb is Verb.SEND_BACK]
    begins = sheet.since
    if begins is not None and begins.verb is not Verb.SEND_BACK:
        back = [one for one in back if one.at >= begins.at]
    asked = begins is not None and begins.verb is Verb.REQUEST_CHANGES
    if not request.is_open or not (back or sheet.changes or asked):
        return
    rows = [
        Change(one.name, _short(one.before, dossier), _short(one.after, dossier))
        for one in sheet.changes
    ]
    with page.card("since"):
        show(
            page.section("What changed since", since_words(dossier)),
            *(note(sent_back_words(one)) for one in back),
            tables.difference(rows, "then", "now", "What changed since")
            if rows
            else note("Nothing is different: policy, files, evidence and facts are as they were."),
        )


def since_words(dossier: Dossier) -> str:
    """Since when things are told to have changed, for this reader."""
    since = dossier.sheet.since
    if since is None or since.verb is Verb.SEND_BACK:
        return "since the request was read"
    who = "you" if since.person_id == dossier.reader.id else dossier.name(since.person_id)
    did = "asked for changes" if since.verb is Verb.REQUEST_CHANGES else "agreed"
    return f"since {who} {did}, {words.moment(since.at)}"


def sent_back_words(back: Decision) -> str:
    """When and why a request went back to be read again."""
    return f"Sent back to be read again on {words.moment(back.at)}: {back.reason}"


def _short(value: str, dossier: Dossier) -> str:
    """A digest by its ends, and people by their names."""
    if _DIGEST.fullmatch(value):
        return words.digest(value)
    return ", ".join(dossier.names.get(one, one) for one in value.split(", "))


def happened(dossier: Dossier) -> Markup:
    """What happened to the request so far, oldest first, from the audit trail."""
    rows = [
        Row(
            (
                words.moment(one.at),
                tables.two(_did(dossier, one), one.said),
                dossier.name(one.person_id),
                f"No. {words.thousands(one.sequence)}",
            )
        )
        for one in dossier.history
    ]
    columns = (Column("When"), Column("What happened", lead=True), Column("Who"), Column("Record"))
    return tables.table(columns, rows, "What happened so far")


def _did(dossier: Dossier, step: Step) -> str:
    verb = step.act.partition(":")[2]
    if step.reason_code == "ok" and verb in DID:
        return did(dossier.request.route, Verb(verb))
    known = _STEPS.get((step.act, step.reason_code)) or _STEPS.get((step.act, ""))
    return known or act_words(step.act)
