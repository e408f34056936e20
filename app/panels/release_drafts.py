"""Drafts of release requests: kept on the form, found again in lists, sent or thrown away."""

from __future__ import annotations

from typing import Final, NamedTuple

import streamlit as st

from app.panels import ways
from app.panels.links import link
from app.session import act, did, portal
from app.ui import cards, chips, dialogs, page, words
from app.ui.feedback import empty, problem
from app.ui.markup import label, note, paragraph, quote, show
from auth.actors import Actor
from catalog.registry.models import Model
from catalog.releases.requests.drafts import ReleaseDraft
from ledger.errors import NotFound

_DRAFT: Final = "draft"
_MOST_LISTED: Final = 3
TITLE: Final = "Drafts"


class Typed(NamedTuple):
    """What stands in the form."""

    version_id: str
    alias: str
    reason: str
    is_emergency: bool


def in_address() -> str:
    """The id of the draft the form is about, empty for none."""
    return st.query_params.get(_DRAFT, "")


def field(name: str) -> str:
    """The key of a field of the form: each draft has fields of its own."""
    return f"{name}-{in_address()}" if in_address() else name


# -- on the form -----------------------------------------------------------------------------------


def asked(model: Model, *, by: Actor) -> ReleaseDraft | None:
    """The draft named in the address; without one, those of this model are offered."""
    if not in_address():
        for one in portal().release_drafts.of(by=by, model_id=model.id):
            st.page_link(
                ways.to("request"),
                label=label(f"Go on with your draft: {_move(one)}, kept {_when(one)}"),
                icon=":material/edit_note:",
                query_params=_place(one),
            )
        return None
    try:
        draft = portal().release_drafts.get(in_address(), by=by, model_id=model.id)
    except NotFound as error:
        problem(error)
        return None
    with st.container(horizontal=True, vertical_alignment="center", key="draft"):
        show(chips.status("Draft"), width="content")
        show(note(f"Kept {_when(draft)}. Only you see it. {_gone(draft)}"), width="content")
        if st.button("Throw it away", key="discard", type="tertiary"):
            st.dialog("Throw this draft away?", width="small")(_discard)(draft)
    return draft


def keep(typed: Typed) -> None:
    """The button that keeps what was typed; from then on the address names the draft."""
    if not st.button("Keep as a draft", key="keep-draft"):
        return
    kept = act(
        lambda by: portal().release_drafts.keep(
            typed.version_id,
            typed.alias,
            typed.reason,
            is_emergency=typed.is_emergency,
            draft_id=in_address(),
            by=by,
        )
    )
    if kept is not None:
        st.query_params[_DRAFT] = kept
        st.rerun()


def told(typed: Typed, draft: ReleaseDraft | None) -> None:
    """Whether what stands in the form is kept."""
    if draft is None:
        return
    kept = Typed(draft.version_id, draft.alias, draft.reason, draft.is_emergency)
    if typed._replace(reason=typed.reason.strip()) == kept:
        show(note("The draft is kept as it stands here. It is in your inbox, under Drafts."))
    else:
        show(note("What you changed since the draft was kept is not in it yet."))


def _discard(draft: ReleaseDraft) -> None:
    show(paragraph(f"{_move(draft)}: what you wrote would be gone for good. Nobody was asked yet."))
    if draft.reason:
        show(quote(draft.reason))
    if dialogs.signed("Keep it", "Throw it away") and did(
        lambda by: portal().release_drafts.throw_away(draft.id, by=by)
    ):
        st.switch_page(ways.to("releases"))


# -- in lists --------------------------------------------------------------------------------------


def newest(*, by: Actor) -> None:
    """The drafts one left last, above a list of requests; nothing where there is none."""
    found = portal().release_drafts.of(by=by)
    if not found:
        return
    show(page.group("Your drafts", len(found)))
    _cards(found[:_MOST_LISTED])
    if len(found) > _MOST_LISTED:
        link(f"All {len(found)} in your inbox", "inbox", icon=":material/inbox:", show=TITLE)


def every(*, by: Actor) -> None:
    """All drafts of this person."""
    found = portal().release_drafts.of(by=by)
    _cards(found)
    if not found:
        empty(
            "You have no draft",
            "Keep as a draft, on the form that asks for a release, leaves here what you typed.",
        )


def _cards(drafts: list[ReleaseDraft]) -> None:
    for one in drafts:
        cards.inbox_card(
            cards.Waiting(
                f"Go on with: {_move(one)}",
                one.reason or "No reason is given yet.",
                f"{_gone(one)} Kept {_when(one)}; only you see it".strip(),
                chips.status("Draft"),
                icon=":material/edit_note:",
            ),
            one.id,
            ways.to("request"),
            _place(one),
        )


def _place(draft: ReleaseDraft) -> dict[str, str]:
    model = draft.model
    return {
        **ways.named(model.server, model.workspace, model.name),
        "version": str(draft.version_number),
        "alias": draft.alias,
        _DRAFT: draft.id,
    }


def _move(draft: ReleaseDraft) -> str:
    return f"{draft.model.name} v{draft.version_number} to @{draft.alias}"


def _when(draft: ReleaseDraft) -> str:
    return words.moment(draft.changed_at)


def _gone(draft: ReleaseDraft) -> str:
    said = f"v{draft.version_number} was deleted in MLflow: choose another."
    return said if draft.is_gone else ""
