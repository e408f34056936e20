"""AI use cases on the screen: all of them, and one with its models and what does not agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from app.panels import ways
from app.panels.links import link
from app.session import did, portal
from app.ui import cards, chips, page, paging, tables, words
from app.ui.cards import Waiting
from app.ui.feedback import empty
from app.ui.markup import Markup, join, note, paragraph, show
from auth.access import ANYTHING, decide
from auth.actors import Actor, Kind
from catalog.registry.inventory.gaps import Placed
from catalog.use_cases.risk import TIERS, RegulatoryClass
from catalog.use_cases.use_cases import Described, Status, UseCase, Verb, may

PAGE: Final = 12
_NOT_SAID: Final = "Not said yet"
_LOOKS: Final = {
    Status.PROPOSED: "Waits",
    Status.ACCEPTED: "Approved",
    Status.CLOSED: "Retired",
}


def listing(*, by: Actor) -> None:
    """Every use case one may see, a page at a time."""
    desk = portal().use_cases
    total = desk.count(by=by)
    page.head(
        "Find",
        "What are our models used for?",
        f"{words.plural(total, 'AI use case')}. Each is the parent of the models that serve it.",
        actions=lambda: _propose_button(by),
    )
    if not total:
        empty(
            "No AI use case yet",
            "Propose one: what is decided, for whom, and what is at stake. Then put models under "
            "it on the Model page.",
        )
        return
    start = paging.start(total, PAGE)
    found = desk.listing(by=by, limit=PAGE, offset=start)
    names = portal().people.names({one.business_owner_id for one in found})
    columns = st.columns(2)
    for place, one in enumerate(found):
        with columns[place % 2]:
            cards.inbox_card(
                Waiting(
                    one.name,
                    _short(one.purpose),
                    f"{_facts(one)} · {names.get(one.business_owner_id, 'somebody')}",
                    _status(one),
                    ":material/flag:",
                ),
                f"use-{one.id}",
                ways.to("use_case"),
                {"id": one.id},
            )


def one(use_case: UseCase, *, by: Actor) -> None:
    """One use case: what it is for, whose it is, its models, and what does not agree."""
    facts = [chips.fact(said) for said in _said(use_case)]
    page.head(
        (use_case.domain, "AI use case"),
        use_case.name,
        use_case.purpose,
        chips=[_status(use_case), *facts],
        actions=lambda: _actions(use_case, by),
    )
    names = portal().people.names({use_case.business_owner_id, use_case.proposed_by})
    with page.card("use-case"):
        show(
            page.section("Whose it is"),
            tables.facts(
                [
                    ("Business owner", names.get(use_case.business_owner_id)),
                    ("Domain", use_case.domain),
                    ("Proposed by", names.get(use_case.proposed_by, "Countersign itself")),
                    ("Proposed", words.moment(use_case.created_at)),
                    ("Last changed", words.moment(use_case.changed_at)),
                ]
            ),
        )
    total, placed = portal().inventory_gaps.under(use_case, by=by, limit=0)
    show(page.group("Models", total))
    if not total:
        empty(
            "No model is under this use case yet",
            "An administrator puts one here by classifying it on the Model page, or by a file "
            "under Settings.",
            page=ways.to("discover"),
            link="Find a model",
        )
    else:
        start = paging.start(total, PAGE)
        total, placed = portal().inventory_gaps.under(use_case, by=by, limit=PAGE, offset=start)
        columns = st.columns(2)
        for place, each in enumerate(placed):
            with columns[place % 2]:
                _model(each)
    link("All AI use cases", "use_case", icon=":material/flag:")


def _model(placed: Placed) -> None:
    model = placed.model
    said = " · ".join(
        one
        for one in (
            model.stage or "No stage yet",
            f"tier {model.tier}" if model.tier else "",
            f"{model.regulatory_class} risk" if model.regulatory_class else "",
        )
        if one
    )
    agrees: Markup = (
        join([chips.flagged("Missing", gap) for gap in placed.gaps], " ")
        if placed.gaps
        else chips.mark("Pass", "Agrees with its use case")
    )
    alias = model.alias("champion")
    cards.inbox_card(
        Waiting(
            model.name,
            agrees,
            said,
            chips.alias("champion", alias.number) if alias else None,
            ":material/deployed_code:",
        ),
        f"placed-{model.id}",
        ways.to("model"),
        ways.of(model),
    )


def _status(use_case: UseCase) -> Markup:
    return chips.status(_LOOKS[use_case.status], use_case.status)


def _said(use_case: UseCase) -> list[str]:
    tier = f"Tier {use_case.tier}" if use_case.tier else ""
    risk = f"{use_case.regulatory_class} risk" if use_case.regulatory_class else ""
    return [one for one in (tier, risk) if one]


def _facts(use_case: UseCase) -> str:
    return " · ".join([use_case.domain, *_said(use_case)])


def _short(purpose: str, longest: int = 140) -> str:
    return purpose if len(purpose) <= longest else f"{purpose[:longest].rsplit(' ', 1)[0]} …"


# -- acts ------------------------------------------------------------------------------------------


def _propose_button(by: Actor) -> None:
    domains = [held.scope.id for held in by.roles if held.scope.kind == "domain"]
    may_propose = any(
        portal().use_cases.may_propose(by=by, domain=domain) for domain in ("", *domains)
    )
    if may_propose and st.button("Propose a use case", type="primary", key="propose"):
        st.dialog("Propose an AI use case", width="medium")(_propose)(by)


def _actions(use_case: UseCase, by: Actor) -> None:
    dialogs: dict[Verb, Callable[[], None]] = {
        Verb.CHANGE: lambda: _change(use_case, by),
        Verb.ACCEPT: lambda: _accept(use_case),
        Verb.CLOSE: lambda: _close(use_case),
    }
    for verb, dialog in dialogs.items():
        said = verb.capitalize()
        if may(use_case, verb, by=by) and st.button(said, key=f"use-{verb}"):
            st.dialog(f"{said} this use case", width="medium")(dialog)()


def _propose(by: Actor) -> None:
    said = _form("Propose", None, by)
    if said is not None and did(lambda here: portal().use_cases.propose(said, by=here)):
        st.rerun()


def _change(use_case: UseCase, by: Actor) -> None:
    said = _form("Change", use_case, by)
    if said is not None and did(lambda here: portal().use_cases.change(use_case.id, said, by=here)):
        st.rerun()


def _form(go: str, use_case: UseCase | None, by: Actor) -> Described | None:
    before = use_case.described if use_case else Described("", "", "", by.id)
    owners = _owners(before.business_owner_id, by)
    tiers, classes = ["", *TIERS], ["", *RegulatoryClass]
    with st.form("use-case", border=False):
        name = st.text_input("Name", before.name, max_chars=120)
        purpose = st.text_area(
            "Purpose",
            before.purpose,
            max_chars=2000,
            placeholder="What is decided, for whom, and what happens then",
        )
        domain = st.text_input("Domain", before.domain, max_chars=80)
        owner = st.selectbox(
            "Business owner",
            list(owners),
            index=list(owners).index(before.business_owner_id),
            format_func=lambda one: owners[one],
        )
        regulatory_class = st.selectbox(
            "Regulatory class, by the EU AI Act",
            classes,
            index=classes.index(before.regulatory_class),
            format_func=lambda one: f"{one} risk" if one else _NOT_SAID,
        )
        tier = st.selectbox(
            "Tier, by materiality",
            tiers,
            index=tiers.index(before.tier),
            format_func=lambda one: f"Tier {one}" if one else _NOT_SAID,
        )
        sent = st.form_submit_button(go, type="primary")
    if not sent:
        return None
    return Described(
        name or "", purpose or "", domain or "", owner or "", regulatory_class or "", tier or ""
    )


def _owners(now: str, by: Actor) -> dict[str, str]:
    """Who can be named: everybody for those who may see everybody, else who it is and oneself."""
    if decide(by, "person:read", ANYTHING):
        everybody = portal().people.everybody(by=by)
        people = {o.id: o.name for o in everybody if o.kind is Kind.PERSON and o.is_enabled}
    else:
        people = {by.id: by.name}
    return {now: portal().people.names({now}).get(now, "Nobody known"), **people}


def _accept(use_case: UseCase) -> None:
    show(
        paragraph(
            f"{use_case.name} becomes an accepted use of AI. From then on only an administrator "
            "changes what is said of it."
        )
    )
    if st.button("Accept", type="primary", key="use-accept-sign") and did(
        lambda here: portal().use_cases.accept(use_case.id, by=here)
    ):
        st.rerun()


def _close(use_case: UseCase) -> None:
    show(
        paragraph(
            "It takes no more models, and cannot be opened again. Its models stay where they are "
            "and are shown as a gap of the inventory."
        )
    )
    reason = st.text_input("Reason", max_chars=1000, key="use-close-reason")
    if st.button("Close", type="primary", key="use-close-sign") and did(
        lambda here: portal().use_cases.close(use_case.id, reason or "", by=here)
    ):
        st.rerun()
    show(note("The reason is kept in the audit trail."))
