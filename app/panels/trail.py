"""The audit trail as people read it: who did what, when, with what outcome and why."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.panels.acts import act_words, reason_words
from app.panels.links import link
from app.session import act, portal
from app.ui import chips, page, paging, tables, words
from app.ui.feedback import done, empty
from app.ui.markup import Markup, join, mono, note, quote, show, strong, tag
from app.ui.tables import Column, Row
from auth.access import ANYTHING, decide
from auth.actors import Actor
from catalog.registry.inventory.spreadsheet import neutral
from ledger.clock import iso
from ledger.errors import CountersignError
from ledger.trail import REFUSED, Filter, Record

PAGE: Final = 25
_ANY: Final = "Any"
_OUTCOMES: Final = ("done", "refused")
_PEOPLE: Final = frozenset({"person", "application"})


@dataclass(frozen=True)
class Names:
    """The names behind the opaque ids of some records."""

    people: Mapping[str, str]
    models: Mapping[str, str]
    requests: Mapping[str, str]
    use_cases: Mapping[str, str] = field(default_factory=dict)

    def resource(self, named: str) -> str:
        """What an act was done to, in words."""
        kind, _, one = named.partition(":")
        if one == "*":
            return {"trail": "the audit trail"}.get(kind, f"a {kind}")
        if kind in _PEOPLE:
            return self.people.get(one, f"{kind} {one}")
        known = {
            "model": self.models,
            "request": self.requests,
            "use-case": self.use_cases,
        }.get(kind, {})
        return known.get(one, f"{kind} {one}")


def names_of(records: Sequence[Record], *, by: Actor) -> Names:
    """Ask once for all names that these records need."""
    people = {record.actor for record in records}
    models: set[str] = set()
    requests: set[str] = set()
    uses: set[str] = set()
    for record in records:
        kind, _, one = record.resource.partition(":")
        if kind in _PEOPLE:
            people.add(one)
        elif kind == "model":
            models.add(one)
        elif kind == "request":
            requests.add(one)
        elif kind == "use-case":
            uses.add(one)
        models |= {record.facts[key] for key in ("model",) if key in record.facts}
        requests |= {record.facts[key] for key in ("request",) if key in record.facts}
    desk = portal()
    return Names(
        desk.people.names(people),
        desk.models.names(models) if models else {},
        desk.docket.numbers(requests, by=by) if requests else {},
        desk.use_cases.names(uses) if uses else {},
    )


# -- the list --------------------------------------------------------------------------------------


def asked(*, by: Actor) -> tuple[Filter, int | None]:
    """The filter and the number of the record to open, both kept in the address."""
    known = portal().audits.acts(by=by)
    people = {one.id: one.name for one in portal().people.everybody(by=by)}
    first, second, third, fourth, fifth = st.columns([0.26, 0.2, 0.13, 0.23, 0.18])
    # The address carries the act's own name and the opaque id of the person: words may change.
    act_name = _chosen(first, "Act", "act", {name: act_words(name) for name in known})
    person = _chosen(second, "Who", "actor", people)
    outcome = third.selectbox("Outcome", [_ANY, *_OUTCOMES], key="outcome", bind="query-params")
    about = fourth.text_input(
        "About",
        key="about",
        bind="query-params",
        placeholder="A request number, a model, or kind:id",
        max_chars=200,
    )
    wanted = Filter(
        actor=person,
        act=act_name,
        outcome="" if outcome in {None, _ANY} else str(outcome),
        resource=_resource(about or "", by),
    )
    return wanted, _record_asked(fifth)


def _chosen(place: DeltaGenerator, title: str, name: str, offered: Mapping[str, str]) -> str:
    """What is chosen of those offered, as the address keeps it; empty for any."""
    options = ["", *offered]
    given = st.query_params.get(name, "")
    chosen = place.selectbox(
        title,
        options,
        index=options.index(given) if given in options else 0,
        format_func=lambda one: offered.get(one, _ANY),
        key=f"chosen-{name}",
    )
    _keep(name, chosen or "")
    return chosen or ""


def _keep(name: str, value: str) -> None:
    if not value:
        if name in st.query_params:
            del st.query_params[name]
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def _resource(about: str, by: Actor) -> str:
    """What a person typed as the trail names it: an id, a request's number or a model's name."""
    about = about.strip()
    if not about or ":" in about:
        return about
    try:
        if about.upper().startswith("RR-"):
            return f"request:{portal().requests.get(about.upper(), by=by).id}"
        return f"model:{portal().models.find(about, by=by).id}"
    except CountersignError:
        return about


def listing(wanted: Filter, *, by: Actor) -> None:
    """One page of records, newest first, with the way to take a copy."""
    desk = portal().audits
    total = desk.count(wanted, by=by)
    number = min(paging.asked(), max(1, -(-total // PAGE)))
    records = desk.listing(wanted, by=by, limit=PAGE, offset=(number - 1) * PAGE)
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="found",
    ):
        show(join((strong(words.plural(total, "record")), ", newest first")), width="content")
        _export(wanted, total, by)
    if not records:
        empty("No record is like that", "Choose another act, person or outcome.")
        return
    with page.card("trail"):
        show(table(records, names_of(records, by=by)))
    paging.foot(number, PAGE, total)


def table(records: Sequence[Record], names: Names) -> Markup:
    """Records as rows; refusals stand out, digests and commitments open in place."""
    return tables.table(
        (
            Column("No.", "right"),
            Column("When"),
            Column("Who"),
            Column("Act", lead=True),
            Column("What"),
            Column("Outcome"),
            Column("Record"),
        ),
        [_row(record, names) for record in records],
        "Records of the audit trail",
    )


def _row(record: Record, names: Names) -> Row:
    refused = record.outcome == REFUSED
    outcome = chips.mark("Refused") if refused else chips.mark("Done")
    return Row(
        (
            words.thousands(record.sequence),
            words.moment(record.at),
            names.people.get(record.actor, record.actor),
            act_words(record.act),
            tables.two(_what(record, names), _about(record, names)),
            tables.two(outcome, reason_words(record.reason)),
            tag("details", tag("summary", record.act), tables.facts(_proof(record))),
        ),
        "fail" if refused else "",
    )


def _what(record: Record, names: Names) -> str:
    kind = record.resource.partition(":")[0]
    request = names.requests.get(record.facts.get("request", ""))
    return f"{kind} of {request}" if request else names.resource(record.resource)


def _about(record: Record, names: Names) -> str:
    facts = record.facts
    told = []
    if "role" in facts:
        scope = record.texts.get("domain") or facts.get("scope", "").removesuffix(":*")
        told.append(f"{facts['role']} on {scope}")
    if "model" in facts and not record.resource.startswith("request:"):
        told.append(names.models.get(facts["model"], ""))
    if "alias" in facts:
        told.append(f"@{facts['alias']}")
    if "value_eur" in facts:
        told.append(f"{facts['value_eur']} EUR an outcome")
    if "accepted" in facts:
        told.append(f"{int(facts['accepted']):,} calls taken")
    if "records" in facts:
        told.append(f"{int(facts['records']):,} records")
    return ", ".join(one for one in told if one)


def _proof(record: Record) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [("Reason code", mono(record.reason))]
    rows += [(f"{name} digest", mono(words.digest(one))) for name, one in record.digests.items()]
    rows += [
        (f"{name} commitment", mono(words.digest(one))) for name, one in record.commitments.items()
    ]
    return rows


# -- one record ------------------------------------------------------------------------------------


def _record_asked(place: DeltaGenerator) -> int | None:
    typed = place.text_input(
        "Record number",
        key="record",
        bind="query-params",
        placeholder="For example 128",
        max_chars=12,
    )
    plain = (typed or "").replace(",", "").strip().removeprefix("#")
    if plain and not plain.isdecimal():
        place.caption("A record's number is a whole number.")
    return int(plain) if plain.isdecimal() else None


def detail(sequence: int, *, by: Actor) -> None:
    """One record: in words, its bytes, and the texts it commits to."""
    record = act(lambda here: portal().audits.read(sequence, by=here))
    if record is None:
        return
    names = names_of([record], by=by)
    outcome = chips.status("Refused" if record.outcome == REFUSED else "Done")
    facts: list[tuple[str, object]] = [
        ("When", words.moment(record.at)),
        ("Who", tables.two(names.people.get(record.actor, record.actor), record.actor)),
        ("Act", tables.two(act_words(record.act), record.act)),
        ("What", tables.two(names.resource(record.resource), record.resource)),
        ("Reason", reason_words(record.reason) or "None needed: it was done"),
        *((_fact_name(name), _fact(name, value, names)) for name, value in record.facts.items()),
        *((f"{name.capitalize()} digest", mono(value)) for name, value in record.digests.items()),
    ]
    with page.card("record"):
        show(
            page.section(f"Record {words.thousands(record.sequence)}", outcome),
            tables.facts(facts),
            _texts(record),
            tag("h3", "The record as it is kept"),
            note(
                "Canonical JSON (RFC 8785), UTF-8. These bytes are what nobody can change; names "
                "and texts are beside them and are only committed to."
            ),
        )
        st.code(record.body, language=None, wrap_lines=True)
        kind, _, one = record.resource.partition(":")
        if kind == "request":
            link("Open the release request", "release", id=one)


def _fact(name: str, value: str, names: Names) -> Markup:
    known = {"model": names.models, "request": names.requests}.get(name, {}).get(value)
    return tables.two(known, value) if known else mono(value)


def _fact_name(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _texts(record: Record) -> Markup:
    told = [
        join((quote(record.texts.get(name, "(forgotten)"), f"{name}, committed to as {short}"),))
        for name, commitment in record.commitments.items()
        for short in (words.digest(commitment),)
    ]
    return join(told)


# -- taking a copy away ----------------------------------------------------------------------------


def _export(wanted: Filter, total: int, by: Actor) -> None:
    verdict = decide(by, "audit:export", ANYTHING)
    if not verdict:
        show(note("Only an auditor takes a copy away."), width="content")
        return
    if total and st.button("Export", icon=":material/download:", key="export"):
        st.dialog("Take a copy of these records", width="medium")(_take)(wanted, total)


def _take(wanted: Filter, total: int) -> None:
    show(
        tag(
            "p",
            f"{words.plural(total, 'record')} leave Countersign, names and texts included. "
            "That is recorded in the trail under your name.",
        )
    )
    form: Literal["CSV", "JSON"] | None = st.segmented_control(
        "Format", ("CSV", "JSON"), default="CSV", required=True, key="export-format"
    )
    if st.button("Make the copy", type="primary", key="make-copy"):
        made = act(lambda by: portal().audits.export(wanted, by=by))
        if made is not None:
            written = as_json(made) if form == "JSON" else as_csv(made)
            done(
                f"{words.plural(len(made), 'record')} copied; the copy is on the record.",
                "Newest first, at most 10,000.",
            )
            st.download_button(
                "Save the file",
                written,
                f"countersign-audit.{'json' if form == 'JSON' else 'csv'}",
                "application/json" if form == "JSON" else "text/csv",
                on_click="ignore",
                key="save-copy",
            )


def as_csv(records: Sequence[Record]) -> str:
    """Records for a spreadsheet; no cell can act as a formula."""
    written = io.StringIO()
    sheet = csv.writer(written)
    sheet.writerow(
        ("sequence", "at", "actor", "act", "resource", "outcome", "reason", "record", "texts")
    )
    for one in records:
        cells = (one.actor, one.act, one.resource, one.outcome, one.reason, one.body)
        sheet.writerow(
            [one.sequence, iso(one.at), *map(neutral, cells), json.dumps(dict(one.texts))]
        )
    return written.getvalue()


def as_json(records: Sequence[Record]) -> str:
    """Records with their exact bytes, and the texts beside them."""
    return json.dumps(
        [{"record": one.body, "texts": dict(one.texts)} for one in records],
        ensure_ascii=False,
        indent=1,
    )
