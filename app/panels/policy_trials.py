"""Trials on the screen: a draft tried on the past, and past approvals asked again."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.session import act, did, portal, require
from app.ui import chips, page, tables, words
from app.ui.feedback import empty, notice, problem, progress
from app.ui.markup import Markup, join, mono, note, paragraph, show
from app.ui.tables import Column, Row
from auth.actors import Actor
from catalog.releases.trials.found import Again, Flip, Found, Live
from catalog.releases.trials.past import MOST
from catalog.releases.trials.trials import Trial, TrialState
from ledger.errors import CountersignError, NotFound

# In the address, so that what was found can be shared.
TRIAL: Final = "trial"
REPLAY: Final = "replay"
_EVERY: Final = "2s"
_MOST_SHOWN: Final = 50


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


def draw(told: Trial, *, is_of_draft: bool) -> None:
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
        _ended(told)


def draw_again(by: Actor) -> None:
    """Past approvals: have them asked again, and what they say."""
    told = asked_for(REPLAY, by)
    is_under_way = told is not None and told.is_under_way
    with page.card("again"):
        show(
            page.section("Past approvals, asked again"),
            paragraph(
                "Each approval is asked again with the policy and the evidence it was bound to. "
                "The digest of what the gates said is the same, or something is wrong."
            ),
        )
        if not is_under_way and st.button("Ask again", key="replay-ask", type="primary"):
            asked = act(lambda here: portal().trials.request_replay(by=here))
            if asked is not None:
                st.query_params[REPLAY] = asked
                st.rerun()
        if told is not None and not is_under_way:
            _ended(told)
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


def _ended(told: Trial) -> None:
    when = words.moment(told.finished_at or told.requested_at)
    who = portal().people.names({told.requested_by}).get(told.requested_by, "somebody")
    if told.found is not None:
        (_approvals if told.is_replay else _tried)(told.found)
        show(note(f"Asked for by {who}, as of {when}. The address of this page shares it."))
    elif told.state is TrialState.FAILED:
        show(page.section("It could not be done", when))
        problem(CountersignError(told.problem or "It failed.", hint=told.hint))
    else:
        show(page.section("It was cancelled", when), note("Nothing of it was kept."))


# -- a draft ---------------------------------------------------------------------------------------


def _tried(found: Found) -> None:
    flipped = [one for one in found.requests if one.has_flipped]
    failing = [one for one in found.live if not one.verdict.passes]
    show(
        page.section(
            "On the past and on what is live",
            f"{words.plural(len(found.requests), 'request')}, {len(found.live)} live",
        ),
        tables.facts(
            [
                (
                    "Past requests",
                    f"{len(flipped)} of {len(found.requests)} would have had another answer",
                ),
                ("Live now", f"{len(failing)} of {len(found.live)} do not pass"),
                (
                    "Not governed",
                    f"{words.plural(found.not_governed, 'past request')} it does not cover",
                ),
            ]
        ),
    )
    if found.is_cut:
        notice(
            "Not everything was asked.",
            f"The newest {MOST:,} requests and {MOST:,} live models are asked.",
        )
    if flipped:
        show(_flips(flipped))
    if failing:
        show(_failing(failing))
    if not flipped and not failing:
        show(note("Nothing would have been decided otherwise, and all that is live passes."))


def _flips(flipped: list[Flip]) -> Markup:
    return tables.table(
        (Column("Request", lead=True), Column("Then"), Column("With this"), Column("Because of")),
        [
            Row(
                (
                    tables.two(one.number, f"{one.model} v{one.version} to @{one.alias}"),
                    chips.mark("Pass" if one.before.passes else "Fail", _answer(one.before.passes)),
                    chips.mark("Pass" if one.after.passes else "Fail", _answer(one.after.passes)),
                    words.listing(one.after.standing_in_the_way or one.before.standing_in_the_way),
                )
            )
            for one in flipped[:_MOST_SHOWN]
        ],
        "Requests with another answer",
    )


def _failing(failing: list[Live]) -> Markup:
    return tables.table(
        (Column("Live version", lead=True), Column("What stands in the way today")),
        [
            Row(
                (
                    join((one.model, f" v{one.version} ", chips.alias(one.alias))),
                    words.listing(one.verdict.standing_in_the_way),
                )
            )
            for one in failing[:_MOST_SHOWN]
        ],
        "Live versions that would not pass",
    )


def _answer(passes: bool) -> str:  # noqa: FBT001 - a verdict
    return "Passes" if passes else "Blocked"


# -- past approvals --------------------------------------------------------------------------------


def _approvals(found: Found) -> None:
    # What differs is what one looks for.
    again = sorted(found.again, key=lambda one: one.is_same)
    if not again:
        empty("Nothing was approved yet", "Approvals appear here with their first one.")
        return
    other = sum(not one.is_same for one in again)
    show(
        tables.facts(
            [("Asked again", words.plural(len(again), "approval")), ("Differ", str(other))]
        ),
        tables.table(
            (Column("Request", lead=True), Column("Approved"), Column("Verdict"), Column("")),
            [
                Row(
                    (
                        one.number,
                        words.moment(one.at),
                        mono(words.digest(one.now.digest)) if one.now else one.problem,
                        _compared(one),
                    )
                )
                for one in again[:_MOST_SHOWN]
            ],
            "Approvals asked again",
        ),
    )
    if found.is_cut:
        notice("Not everything was asked.", f"The newest {MOST:,} approvals are asked.")


def _compared(one: Again) -> Markup:
    if one.now is None:
        return chips.mark("Fail", "Cannot be asked again")
    if not one.is_same:
        return chips.mark("Fail", "Another")
    if not one.kept:
        return chips.gap("Digest not kept then")
    return chips.mark("Pass", "The same")
