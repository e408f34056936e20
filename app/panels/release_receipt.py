"""What somebody keeps of a decision: its receipt as text to copy, and the evidence pack."""

from __future__ import annotations

from functools import partial
from typing import Final

import streamlit as st

from app.panels import ways
from app.panels.release_dossier import Dossier
from app.panels.release_routes import did
from app.session import later, portal
from app.ui import words
from app.ui.markup import note, show
from auth.actors import Actor
from catalog.dossiers.receipt import Receipt
from catalog.releases.requests.request import ReleaseRequest

PROVES: Final = (
    "The digest of the record is SHA-256 over its bytes, which auditors read on Audit and take "
    "along in an export; an evidence pack has them too, signed. Kept elsewhere, it shows whether "
    "the record is still the same. Records do not rest on each other and there are no checkpoints "
    "yet: it does not show that nothing else was changed."
)


def proof(dossier: Dossier, receipt: Receipt) -> None:
    """The receipt as text that can be copied and sent, and what it can be checked against."""
    st.code(written(dossier, receipt), language=None, wrap_lines=True)
    show(note(PROVES))


def written(dossier: Dossier, receipt: Receipt) -> str:
    """The receipt, one fact a line, each digest in full."""
    request, decision = dossier.request, receipt.decision
    how = did(request.route, decision.verb).lower()
    address = ways.address("release", {"id": request.number})
    lines = (
        f"{request.number}: {request.model_name} v{request.version_number} @{request.alias}, {how}",
        f"by {dossier.name(decision.person_id)}, {words.moment(decision.at)}",
        f"audit record {receipt.sequence} {receipt.digest}",
        *(f"{name} {digest}" for name, digest in sorted(receipt.digests.items())),
        f"{portal().settings.public_url}/{address}",
    )
    return "\n".join(lines)


def pack_button(request: ReleaseRequest) -> None:
    """The evidence pack: put together when the button is pressed, outside of any page."""
    st.download_button(
        "Evidence pack",
        later(partial(_pack, request.id)),
        f"evidence-pack-{request.number}.zip",
        "application/zip",
        icon=":material/folder_zip:",
        on_click="ignore",
        key="evidence-pack",
    )


def _pack(request_id: str, by: Actor) -> bytes:
    return portal().dossiers.pack(request_id, by=by).data
