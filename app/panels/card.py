"""The Card tab: what the people of a model say of it, what MLflow adds, and what is missing."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final

import streamlit as st

from app.panels import assurance, card_editor, card_import, card_revisions, input_example
from app.panels.links import model_link
from app.panels.shown import Shown
from app.session import portal
from app.ui import chips, page, tables, words
from app.ui.markup import Markup, join, mono, note, paragraph, show, strong, tag
from app.ui.tables import Column
from auth.actors import Actor
from catalog.registry.cards.body import CardBody, entries
from catalog.registry.cards.cards import Card
from catalog.registry.cards.exports import FILES, Edition, Format, export
from catalog.registry.cards.facts import Facts
from catalog.registry.cards.rules import FIELDS, Field, completeness
from catalog.registry.models import Version
from ledger.errors import NotFound

_MOST_COLUMNS: Final = 20
_MOST_FIGURES: Final = 30
_NEVER: Final = CardBody()


def panel(shown: Shown, *, by: Actor) -> None:
    """The card as it stands, or the editor while somebody writes."""
    here = portal()
    newest = here.cards.of(shown.model)
    may = here.cards.may_write(shown.model, by=by)
    if may and card_editor.is_open():
        card_editor.panel(shown, newest)
        return
    if may and card_import.is_open():
        card_import.panel(shown, newest)
        return
    card = _asked(shown, newest) or newest
    names = here.people.names({card.published_by}) if card else {}
    author = names.get(card.published_by, "somebody") if card else ""
    left, right = st.columns([0.62, 0.38])
    with left:
        with page.card("card"):
            _words(shown, card, newest, author)
        if shown.subject is not None:
            with page.card("signature"):
                _signature(shown.subject)
            with page.card("example"):
                input_example.panel(shown.subject)
        with page.card("tags"):
            _tags(shown)
    with right:
        with page.card("complete"):
            _completeness(card)
            if may:
                _ways_to_write(shown, newest)
        with page.card("machine"):
            _from_mlflow(shown)
        with page.card("take-away"):
            _downloads(shown, card, author)
        with page.card("similar"):
            _similar(shown, by=by)
    if newest is not None:
        card_revisions.panel(shown, newest, may_write=bool(may))


def _asked(shown: Shown, newest: Card | None) -> Card | None:
    """The revision named in the address, while it is not the newest."""
    number = card_revisions.asked(newest)
    if number is None or newest is None or number == newest.revision:
        return None
    try:
        return portal().cards.revision(shown.model, number)
    except NotFound:
        return None


def _words(shown: Shown, card: Card | None, newest: Card | None, author: str) -> None:
    if card is None:
        aside: object = "nobody has written a card yet"
    else:
        older = card != newest and newest is not None
        said = f"revision {card.revision}, {author}, {words.day(card.published_at)}"
        aside = chips.status("Superseded", f"{said}, not the newest") if older else said
    title = page.section("What its people say", aside)
    if card is None:
        said = shown.model.description
        show(title, paragraph(said) if said else "", _gaps(FIELDS))
        return
    show(
        title,
        tag("div", *(_field(card.body, field) for field in FIELDS), cls="cs-card"),
        _gaps(card.told.missing),
        note("Self-reported: people wrote it, and Countersign checked its form, not its truth."),
    )


def _gaps(fields: tuple[Field, ...]) -> Markup:
    """Which fields nobody has filled: in one line, for what to write stands beside it."""
    titles = [one.title.lower() for one in fields if one.weight]
    if not titles:
        return Markup("")
    said = chips.gap(f"Not written yet: {words.listing(titles)}.")
    return tag("p", said, cls="cs-gaps")


def _field(body: CardBody, field: Field) -> Markup:
    said = entries(body, field.key)
    if not said:
        return Markup("")
    heading = tag("h3", field.title, " ", tag("span", field.asks, cls="cs-note"))
    if len(said) == 1:
        return tag("section", heading, tag("p", said[0], cls="cs-text"))
    return tag("section", heading, tag("ul", *(tag("li", one) for one in said)))


def _completeness(card: Card | None) -> None:
    told = completeness(card.body if card else _NEVER)
    show(
        page.section("How complete is it?", join((strong(str(told.score)), " of 100"))),
        bar(told.score),
        missing(told.missing),
    )


def bar(score: int) -> Markup:
    """A share of 100 as a bar that says its number too."""
    return tag(
        "div",
        tag("i", style=f"width:{score}%"),
        cls="cs-share-bar cs-complete",
        role="img",
        aria_label=f"{score} of 100",
    )


def missing(fields: tuple[Field, ...]) -> Markup:
    """What is missing, each with what it counts and the sentence of what to write."""
    if not fields:
        return note("Nothing is missing.")
    return tables.facts(
        [(f"{one.title}, {one.weight}", one.missing) for one in fields],
    )


def _ways_to_write(shown: Shown, newest: Card | None) -> None:
    said = "Edit the card" if newest else "Write the card"
    draft = card_editor.has_draft(shown.model)
    if st.button(
        "Go on with your draft" if draft else said, icon=":material/edit:", key="card-edit"
    ):
        card_editor.open_it()
        st.rerun()
    if st.button("Bring a file", icon=":material/upload_file:", key="card-bring"):
        card_import.open_it()
        st.rerun()


def _from_mlflow(shown: Shown) -> None:
    subject = shown.subject
    if subject is None:
        show(page.section("What MLflow knows"), note("No version is registered yet."))
        return
    facts = Facts(shown.model, subject, shown.run(subject))
    labels = words.metrics(one.name for one in facts.metrics)
    numbers = [
        (
            labels[one.name],
            join((words.figure(one.value), f" on {one.dataset}" if one.dataset else "")),
        )
        for one in facts.metrics[:_MOST_FIGURES]
    ]
    more = len(facts.metrics) - len(numbers)
    show(
        page.section("What MLflow knows", f"v{subject.number}, filled in by machine"),
        tables.facts(
            [
                ("Task", facts.task or chips.gap("not classified yet")),
                ("Data", words.listing([one.name for one in facts.datasets]) or None),
                ("Files saved as", words.listing(subject.flavors) or None),
            ]
        ),
        tables.facts(numbers) if numbers else "",
        note(f"{words.plural(more, 'more number')} under Versions.") if more > 0 else "",
        note(join((assurance.RUN.chip, ", except the task"))) if numbers else "",
    )


def _signature(version: Version) -> None:
    title = page.section("Signature", f"v{version.number}, as saved with the model")
    show(title, signature(version))


def signature(version: Version) -> Markup:
    """The columns that go in and come out."""
    sides = [(side, version.signature.get(side, ())) for side in ("inputs", "outputs")]
    rows = [
        (name or "unnamed", side.removesuffix("s"), kind)
        for side, columns in sides
        for name, kind in columns
    ]
    if not rows and version.is_external:
        return note("Its files lie outside of MLflow, so its columns are not known here.")
    if not rows:
        return note("This version was saved without a signature, so its columns are not known.")
    listed = [Column("Column", lead=True), Column("Side"), Column("Type")]
    shown = tables.table(listed, rows, "Signature")
    if len(rows) <= _MOST_COLUMNS:
        return shown
    return tag("details", tag("summary", f"Show all {words.plural(len(rows), 'column')}"), shown)


def _downloads(shown: Shown, card: Card | None, author: str) -> None:
    subject = shown.subject
    edition = card.edition(author) if card else Edition.none()
    facts = Facts(shown.model, subject, shown.run(subject) if subject else None)
    digest = mono(words.digest(card.digest)) if card else ""
    show(
        page.section("Take it with you", digest),
        note("With what MLflow knows filled in, and said to be so."),
    )
    with st.container(horizontal=True, key="card-files"):
        for wanted, file in FILES.items():
            st.download_button(
                file.title,
                partial(_written, wanted, edition, facts, shown.now),
                file_name=f"{shown.model.name}{file.ending}",
                mime=file.media_type,
                key=f"card-as-{wanted}",
                on_click="ignore",
            )


def _written(wanted: Format, edition: Edition, facts: Facts, at: datetime) -> bytes:
    return export(wanted, edition, facts, at=at).encode()


def _similar(shown: Shown, *, by: Actor) -> None:
    """Models like this one, each with why, and the way to it."""
    run = shown.run(shown.subject) if shown.subject else None
    found = portal().similarity.of(shown.model, run.datasets if run else (), by=by)
    show(page.section("Similar models", "by data, task and words"))
    if not found:
        show(note("None that you may see shares its data, or its domain, task and words."))
    for one in found:
        model_link(one.model.name, one.model)
        show(note("; ".join(one.reasons)))


def _tags(shown: Shown) -> None:
    tags = sorted(shown.model.tags.items())
    subject = shown.subject
    logged = sorted(subject.told_tags.items()) if subject else []
    show(
        page.section("Tags", "self-reported: anybody who reaches MLflow can set them"),
        tables.facts(tags) if tags else "",
        note(f"On the logged model of v{subject.number}:") if subject and logged else "",
        tables.facts(logged) if logged else "",
        note("No tags.") if not tags and not logged else "",
    )
