"""Evidence on the reviewer's screen: documents, answers of people, and what is attached by hand."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import streamlit as st

from app.panels import evidence_form
from app.panels.evidence_form import TEMPLATES
from app.panels.release_dossier import Dossier
from app.session import act, did, later, portal
from app.ui import chips, tables, words
from app.ui.markup import mono, paragraph, show
from app.ui.tables import Column, Row
from auth.access import decide
from auth.actors import Actor, Kind
from catalog.releases.evidence.attaching import Attached
from catalog.releases.evidence.documents import ENDINGS
from catalog.releases.policies.questions import AttestationGate, flat

_DOCUMENT: Final = "document"


def documents(dossier: Dossier) -> None:
    """The documents that were uploaded for the version, to be taken home and read."""
    if not dossier.documents:
        return
    bound = {one.digest for one in dossier.sheet.snapshot.pieces}
    show(
        tables.table(
            (
                Column("Document", lead=True),
                Column("From"),
                Column("Size", "right"),
                Column("Age", "right"),
            ),
            [_document(one, dossier, is_bound=one.digest in bound) for one in dossier.documents],
            "Documents",
        )
    )
    with st.container(horizontal=True, key="documents"):
        for one in dossier.documents:
            st.download_button(
                one.file_name,
                later(partial(_read_document, one.id)),
                one.file_name,
                str(one.says["media_type"]),
                icon=":material/download:",
                on_click="ignore",
                key=f"document-{one.id}",
            )


def _document(one: Attached, dossier: Dossier, *, is_bound: bool) -> Row:
    since = "" if is_bound else "attached since the request was read"
    gone = "taken back since" if one.withdrawn_at else since
    return Row(
        (
            tables.two(one.name, gone or mono(words.digest(str(one.says["sha256"])))),
            chips.assured(is_verified=one.is_verified, by=one.producer),
            words.size(int(one.says["size_bytes"])),
            words.age(one.produced_at, dossier.now),
        )
    )


def _read_document(evidence_id: str, by: Actor) -> bytes:
    """Read a document for who presses its button: that goes on record."""
    return portal().evidence.document(evidence_id, by=by)[1]


def acts(dossier: Dossier, *, by: Actor) -> None:
    """What this reader may add to what the request rests on, while it is open or asked again."""
    is_asked = dossier.request.is_open or bool(dossier.sheet.rechecks)
    if not is_asked or by.kind is not Kind.PERSON:
        return
    where = dossier.model.resource
    asked = questions(dossier) if decide(by, "evidence:attest", where) else []
    may_attach = decide(by, "evidence:attach", where)
    if not (asked or may_attach):
        return
    with st.container(horizontal=True, key="evidence-acts"):
        if asked and st.button("Answer a question", key="attest", icon=":material/how_to_reg:"):
            st.dialog("Answer a question of the policy", width="medium")(_answer)(dossier, asked)
        if may_attach and st.button("Attach evidence", key="attach", icon=":material/attach_file:"):
            st.dialog("Attach evidence", width="medium")(_attach)(dossier)


def questions(dossier: Dossier) -> list[str]:
    """The questions of the policy that only a person answers."""
    gates = flat(list(dossier.sheet.policy.gates))
    return [one.question for one in gates if isinstance(one, AttestationGate)]


def _answer(dossier: Dossier, asked: list[str]) -> None:
    question = st.selectbox("Question", asked, key="question")
    said = st.radio("Your answer", ("Yes", "No"), index=None, horizontal=True, key="answer")
    why = st.text_area(
        "Why (required)", key="statement", placeholder="What you looked at, and where it is"
    )
    show(paragraph("It counts under your name, and the request is read again at once."))
    if not st.button("Sign", key="sign", type="primary", disabled=said is None):
        return
    says = {"question": question, "answer": said == "Yes", "statement": why}
    _attached(dossier, "attestation", says)


def _attach(dossier: Dossier) -> None:
    kind = st.selectbox(
        "Kind",
        [_DOCUMENT, *TEMPLATES],
        key="evidence-kind",
        format_func=lambda one: "document (a file)" if one == _DOCUMENT else one,
    )
    given, title, says = None, "", {}
    if kind == _DOCUMENT:
        given = st.file_uploader(
            "PDF, Markdown, text, CSV, JSON, PNG or JPEG",
            type=list(ENDINGS),
            key="evidence-file",
            max_upload_size=portal().settings.document_megabytes,
        )
        title = st.text_input(
            "Title", key="title", placeholder="The file's name, where empty", max_chars=200
        )
    else:
        says = evidence_form.says(kind)
    left, right = st.columns(2)
    producer = left.text_input(
        "Made by", key="producer", placeholder="The tool or team; you, where empty", max_chars=120
    )
    days = right.number_input(
        "Counts for so many days",
        min_value=1,
        max_value=3650,
        value=None,
        key="days",
        placeholder="Empty: it does not expire",
    )
    show(paragraph("It is marked self-reported: Countersign did not compute it."))
    is_ready = kind != _DOCUMENT or given is not None
    if not st.button("Attach", key="sign", type="primary", disabled=not is_ready):
        return
    lasts = int(days) if days else None
    if given is not None:
        name, data, version = given.name, given.getvalue(), dossier.request.version_id
        if did(
            lambda by: portal().evidence.attach_document(
                version, name, data, title=title, producer=producer, days=lasts, by=by
            )
        ):
            st.rerun()
        return
    _attached(dossier, kind, says, producer=producer, days=lasts)


def _attached(
    dossier: Dossier,
    kind: str,
    says: Mapping[str, Any],
    *,
    producer: str = "",
    days: int | None = None,
) -> None:
    version = dossier.request.version_id
    made = act(
        lambda by: portal().evidence.attach(
            version, kind, says, producer=producer, days=days, by=by
        )
    )
    if made is not None:
        st.rerun()
