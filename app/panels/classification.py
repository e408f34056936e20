"""What an administrator says of a model: whose it is, what for, its tier; whose runs are whose."""

from __future__ import annotations

import streamlit as st

from app.panels.links import link
from app.panels.shown import Shown
from app.session import did, portal
from app.ui import chips
from app.ui.markup import Markup, note, show
from auth.actors import Actor, Kind
from catalog.registry.inventory.standing import Stage, Standing, suggested
from catalog.registry.models import TASKS, Model
from catalog.use_cases.risk import TIERS, RegulatoryClass

_NOT_SAID = "Not said yet"


def facts_of(model: Model) -> list[Markup]:
    """Task, tier, class and stage as outlined chips: facts, not judgements."""
    said = (
        model.task,
        f"Tier {model.tier}" if model.tier else "",
        f"{model.regulatory_class} risk" if model.regulatory_class else "",
        model.stage,
    )
    return [chips.fact(one) for one in said if one]


def used_for(model: Model) -> None:
    """What the model is wanted for, as a link, and where what is said of it does not agree."""
    fits = suggested(model.stage, is_live=model.alias("champion") is not None)
    if model.stage and fits is not None:
        live = "a champion is live" if fits is Stage.PRODUCTION else "nothing is live"
        show(chips.flagged("Warning", f"Its stage is {model.stage}, and {live}: {fits} fits."))
    names = portal().use_cases.names({model.use_case_id}) if model.use_case_id else {}
    if not names:
        show(chips.flagged("Missing", "No AI use case: nobody has said what it is wanted for."))
        return
    said = f"Used for: {names[model.use_case_id]}"
    link(said, "use_case", icon=":material/flag:", id=model.use_case_id)


@st.dialog("Classify this model", width="medium")
def dialog(shown: Shown, *, by: Actor) -> None:
    """Name owner, domain and task; and say whose work the runs of an MLflow user are."""
    here, model = portal(), shown.model
    people = {
        one.id: one
        for one in here.people.everybody(by=by)
        if one.kind is Kind.PERSON and one.is_enabled
    }
    ids = list(people)
    show(note("MLflow's tags are shown and never trusted; what is said here counts."))
    with st.form("classify", border=False):
        owner = st.selectbox(
            "Owner",
            ids,
            index=ids.index(model.owner_id) if model.owner_id in people else None,
            format_func=lambda one: people[one].name,
            placeholder="Who answers for it",
        )
        domain = st.text_input("Domain", model.domain or model.tags.get("domain", ""), max_chars=80)
        task = st.selectbox(
            "What it predicts",
            TASKS,
            index=TASKS.index(model.task) if model.task in TASKS else None,
            placeholder="The policy measures each kind by its own number",
        )
        standing = _standing(model, by=by)
        sent = st.form_submit_button("Classify", type="primary")
    if sent and did(
        lambda who: here.models.classify(
            model.id,
            by=who,
            owner_id=owner or "",
            domain=domain or "",
            task=task or "",
            standing=standing,
        )
    ):
        st.rerun()
    if here.authorship.may_map(by=by):
        _mapping(shown, ids, {one: person.name for one, person in people.items()})


def _standing(model: Model, *, by: Actor) -> Standing:
    """Tier, class and use case, as the form says them."""
    uses = portal().use_cases.open_ones(by=by)
    choices = list({"": _NOT_SAID, model.use_case_id: "", **uses})
    tiers, classes = ["", *TIERS], ["", *RegulatoryClass]
    tier = st.selectbox(
        "Tier, by materiality",
        tiers,
        index=tiers.index(model.tier),
        format_func=lambda one: f"Tier {one}" if one else _NOT_SAID,
        help="Tier 1 is the most material: exposure and purpose decide.",
    )
    regulatory_class = st.selectbox(
        "Regulatory class, by the EU AI Act",
        classes,
        index=classes.index(model.regulatory_class),
        format_func=lambda one: f"{one} risk" if one else _NOT_SAID,
    )
    known = {**portal().use_cases.names({model.use_case_id}), **uses}
    use_case = st.selectbox(
        "AI use case",
        choices,
        index=choices.index(model.use_case_id),
        format_func=lambda one: known.get(one, _NOT_SAID),
    )
    return Standing(tier, regulatory_class, None, use_case)


@st.dialog("Move this model to another stage", width="medium")
def stage_dialog(model: Model, *, by: Actor) -> None:
    """Choose the stage that follows, and say why; what is closed says why it is."""
    here = portal().inventory
    verdicts = {one: here.may_move(model, one, by=by) for one in Stage if one != model.stage}
    may = [one for one, verdict in verdicts.items() if verdict]
    show(note(f"It stands at {model.stage or 'no stage yet'}."))
    with st.form("stage", border=False):
        stage = st.selectbox("To", may, index=None, placeholder="The stage it goes to")
        reason = st.text_input("Reason", max_chars=1000)
        sent = st.form_submit_button("Move", type="primary", disabled=not may)
    closed = verdicts.get(Stage.PRODUCTION)
    if not may:
        closed = next(iter(verdicts.values()))
    if closed is not None and not closed and closed.code in {"nothing-live", "still-live"}:
        show(note(f"{closed.reason} {closed.hint}"))
    if sent and did(lambda who: here.move(model.id, stage or "", reason or "", by=who)):
        st.rerun()


def _mapping(shown: Shown, ids: list[str], names: dict[str, str]) -> None:
    users = sorted({run.user for run in shown.runs.values() if run.user})
    if not users:
        return
    show(note("Runs name these MLflow users. You vouch for the versions that name one now."))
    with st.form("map-user", border=False):
        user = st.selectbox("MLflow user", users)
        person = st.selectbox("is the work of", ids, index=None, format_func=lambda one: names[one])
        sent = st.form_submit_button("Say so")
    if sent and did(
        lambda by: portal().authorship.map_user(shown.model.server, user or "", person or "", by=by)
    ):
        st.rerun()
