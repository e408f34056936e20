"""Trials on the screen: a draft tried on the past, and past decisions asked again."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels import policy_tried
from app.panels.policy_tried import MOST_SHOWN, answer, model_links, request_link
from app.session import act, did, portal, require
from app.ui import chips, page, tables, words
from app.ui.feedback import empty, notice, problem, progress
from app.ui.markup import Markup, mono, note, paragraph, show
from app.ui.tables import Column, Row
from auth.actors import Actor
from catalog.releases.states import Verb
from catalog.releases.trials.found import Again, Found
from catalog.releases.trials.past import MOST
from catalog.releases.trials.trials import Trial, TrialState
from ledger.errors import CountersignError, NotFound

# In the address, so that what was found can be shared.
TRIAL: Final = "trial"
REPLAY: Final = "replay"
_EVERY: Final = "2s"


def asked_for(name: str, by: Actor) -> Trial | None:
    """The trial or the replay that the address names; nothing where there is none."""
    asked = st.query_params.get(name, "")
    if not asked:
        return None
    try:
        told = portal().trials.get(asked, by=by)
    except NotFound as gone:
        notice(gone.message, gone.hint)
        return None
    return told if told.is_replay == (name == REPLAY) else None


def draw(told: Trial, by: Actor, *, is_of_draft: bool) -> None:
    """A draft that is tried, or what was found of it."""
    if told.is_under_way:
        _wait(told.id)
        return
    with page.card("tried"):
        if not is_of_draft:
            notice(
                "This was found of another text than the draft above.",
                "Try the draft to see what is found of it.",
            )
        _ended(told, by)


def draw_again(by: Actor) -> None:
    """Past decisions: have them asked again, and what they say."""
    told = asked_for(REPLAY, by)
    is_under_way = told is not None and told.is_under_way
    with page.card("again"):
        show(
            page.section("Past decisions, asked again"),
            paragraph(
                "Each approval, rejection and request for changes is asked again with the policy "
                "and the evidence it was bound to. The digest of what the gates said is the same, "
                "or something is wrong."
            ),
        )
        if not is_under_way and st.button("Ask again", key="replay-ask", type="primary"):
            asked = act(lambda here: portal().trials.request_replay(by=here))
            if asked is not None:
                st.query_params[REPLAY] = asked
                st.rerun()
        if told is not None and not is_under_way:
            _ended(told, by)
    if told is not None and is_under_way:
        _wait(told.id)


@st.fragment(run_every=_EVERY)
def _wait(trial_id: str) -> None:
    # Only this part runs again while it waits, so it asks for itself who is here.
    told = portal().trials.get(trial_id, by=require("release:read"))
    if not told.is_under_way:
        st.rerun()
    is_known = told.state is TrialState.RUNNING and told.percent is not None
    step = f"{told.percent} % is asked" if is_known else "Waiting for the worker"
    share = told.percent / 100 if told.percent is not None else None
    asked = words.ago(told.requested_at, portal().clock.now())
    with page.card("tried"):
        show(
            page.section("Being asked again" if told.is_replay else "Being tried"),
            progress(step, share, f"Asked for {asked}. You may leave and come back."),
        )
        if told.may_cancel and st.button("Cancel", key="cancel-trial"):
            did(lambda by: portal().trials.cancel(trial_id, by=by))
            st.rerun()


def _ended(told: Trial, by: Actor) -> None:
    when = words.moment(told.finished_at or told.requested_at)
    who = portal().people.names({told.requested_by}).get(told.requested_by, "somebody")
    if told.found is not None:
        (_decisions if told.is_replay else policy_tried.draw)(told.found, by)
        show(note(f"Asked for by {who}, as of {when}. The address of this page shares it."))
    elif told.state is TrialState.FAILED:
        show(page.section("It could not be done", when))
        problem(CountersignError(told.problem or "It failed.", hint=told.hint))
    else:
        show(page.section("It was cancelled", when), note("Nothing of it was kept."))


# -- past decisions --------------------------------------------------------------------------------


def _decisions(found: Found, by: Actor) -> None:
    # What differs is what one looks for.
    again = sorted(found.again, key=lambda one: one.is_same)
    if not again:
        empty("Nothing was decided yet", "Decisions appear here with their first one.")
        return
    other = sum(not one.is_same for one in again)
    linked = model_links({one.model_id for one in again[:MOST_SHOWN]}, by)
    names = portal().models.names({one.model_id for one in again[:MOST_SHOWN]})
    show(
        tables.facts(
            [("Asked again", words.plural(len(again), "decision")), ("Differ", str(other))]
        ),
        tables.table(
            (
                Column("Request", lead=True),
                Column("Decided"),
                Column("Gates say"),
                Column("Digest"),
                Column("Compared with then"),
            ),
            [
                Row(
                    (
                        tables.two(
                            request_link(one.number, one.request_id),
                            linked(one.model_id, names.get(one.model_id, "")),
                        ),
                        tables.two(_DECIDED.get(one.verb, one.verb.value), words.moment(one.at)),
                        answer(one.now) if one.now else one.problem,
                        mono(words.digest(one.now.digest)) if one.now else "",
                        _compared(one),
                    )
                )
                for one in again[:MOST_SHOWN]
            ],
            "Decisions asked again",
        ),
    )
    if found.is_cut:
        notice("Not everything was asked.", f"The newest {MOST:,} decisions are asked.")


def _compared(one: Again) -> Markup:
    if one.now is None:
        return chips.mark("Fail", "Cannot be asked again")
    if not one.is_same:
        return chips.mark("Fail", "Another")
    if not one.kept:
        return chips.gap("Digest not kept then")
    return chips.mark("Pass", "The same")


_DECIDED: Final = {
    Verb.APPROVE: "Approved",
    Verb.APPROVE_WITH_CONDITIONS: "Approved with conditions",
    Verb.REJECT: "Rejected",
    Verb.REQUEST_CHANGES: "Changes requested",
}
