"""The versions of a model: their numbers and aliases, who built them, their runs and data."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.panels import (
    alias_history,
    assurance,
    change_journal,
    deprecation,
    finding_form,
    metric_history,
)
from app.panels.chosen import asked_number
from app.panels.links import link
from app.panels.shown import Shown
from app.session import did, portal
from app.ui import chips, feedback, page, tables, words
from app.ui.markup import Markup, join, mono, note, show, tag
from app.ui.tables import Column
from auth.actors import Actor
from catalog.registry.models import Dataset, Run, Version

_PAGE: Final = 25
_MOST_METRICS: Final = 3


def panel(shown: Shown, *, by: Actor) -> None:
    """The table of versions, and what can be done with one of them."""
    if not shown.versions:
        feedback.empty("No version yet", "Register one in MLflow: it appears within a minute.")
        return
    alias_history.panel(shown)
    change_journal.panel(shown)
    metric_history.panel(shown)
    start = (_page() - 1) * _PAGE
    some = shown.versions[start : start + _PAGE]
    names = measured(shown, some)
    columns = [
        Column("Version", lead=True),
        *(Column(one, "right", assured=assurance.RUN) for one in words.metrics(names).values()),
        Column("Measured on"),
        Column("Built by"),
        Column("Registered", "right"),
    ]
    with page.card("versions"):
        show(
            page.section("Versions", join(("metrics are ", assurance.RUNS.chip))),
            tables.table(columns, [_row(shown, one, names) for one in some], "Versions"),
        )
        if len(shown.versions) > _PAGE:
            st.pagination(-(-len(shown.versions) // _PAGE), key="versions-page")
    with page.card("one-version"):
        _one(shown, by=by)


def _page() -> int:
    return int(st.session_state.get("versions-page") or 1)


def measured(shown: Shown, versions: tuple[Version, ...]) -> list[str]:
    """The metrics worth a column: the deciding one first, then those most versions have."""
    deciding = set(shown.measure.names) if shown.measure else set()
    counts: dict[str, int] = {}
    for version in versions:
        for name in {metric.name for metric in version.metrics if metric.dataset_digest}:
            counts[name] = counts.get(name, 0) + 1
    ranked = sorted(counts, key=lambda name: (name not in deciding, -counts[name], name))
    return ranked[:_MOST_METRICS]


def _row(shown: Shown, version: Version, names: list[str]) -> list[object]:
    key = shown.key(version)
    digest = key.dataset_digest if key else ""
    values = {
        metric.name: metric.value
        for metric in version.metrics
        if metric.dataset_digest and (not digest or metric.dataset_digest == digest)
    }
    marks = [chips.alias(one) for one in version.aliases]
    if version.status not in {"READY", ""}:
        marks.append(chips.status("Warning", version.status.replace("_", " ").capitalize()))
    marks += deprecation.mark(shown.deprecations.get(version.id), shown.now.date())
    if asked := shown.open_request(version):
        marks.append(chips.status(asked.state.value))
    built = words.listing(shown.builders(version))
    return [
        tables.two(
            tag("span", f"v{version.number} ", join(marks, " ")),
            version.description or "No description",
        ),
        *(words.figure(values.get(name)) for name in names),
        tables.two(key.dataset, mono(digest)) if key else None,
        tables.two(built, "verified link") if built else chips.gap("not known"),
        words.day(version.created_at),
    ]


def choose(shown: Shown, key: str) -> Version:
    """The version named in the address, the live one at first; what is said of its end too."""
    numbers = shown.versions.numbers
    subject = shown.subject or shown.versions[0]
    wanted = asked_number(st.query_params.get("version", ""), subject.number)
    # The address leads: a link to another version must not be overruled by the last choice here.
    st.session_state[key] = wanted if wanted in numbers else subject.number
    chosen = st.selectbox(
        "Version", numbers, format_func=shown.called, key=key, on_change=_keep, args=(key,)
    )
    version = shown.number(chosen) or subject
    deprecation.of_version(shown, version)
    return version


def _keep(key: str) -> None:
    st.query_params["version"] = str(st.session_state[key])


def _one(shown: Shown, *, by: Actor) -> None:
    show(page.section("Work with one version"))
    version = choose(shown, "version-chosen")
    champion, before = shown.champion, shown.before(version)
    with st.container(horizontal=True, key="version-links"):
        for other, what in ((champion, "the champion"), (before, "the previous version")):
            if other is not None and other != version:
                link(
                    f"Compare with {what}, v{other.number}",
                    "compare",
                    model=shown.model,
                    icon=":material/compare_arrows:",
                    left=other.number,
                    right=version.number,
                )
        link(
            "What drives it",
            "explain",
            model=shown.model,
            icon=":material/bar_chart:",
            version=version.number,
        )
    deprecation.acts(shown, version, by=by)
    finding_form.opener(shown.model, version, by=by)
    _authorship(shown, version, by=by)


def _authorship(shown: Shown, version: Version, *, by: Actor) -> None:
    if by.id in shown.authors.get(version.id, []):
        show(note("You are known to have built this version, so you cannot approve it."))
        return
    may = portal().authorship.may_claim(shown.model, by=by)
    if not may:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="claim-row"):
        if st.button("I built this version", key="claim", icon=":material/signature:"):
            _claim(shown, version)
        show(note("It cannot be unsaid, and it takes away your right to approve the version."))


@st.dialog("Say that you built it")
def _claim(shown: Shown, version: Version) -> None:
    show(
        tag(
            "p",
            f"You say that you built {shown.model.name} v{version.number}. It is recorded under "
            "your name, cannot be unsaid, and somebody else will have to approve the version.",
        )
    )
    if st.button("Say so", type="primary", key="claim-sure") and did(
        lambda by: portal().authorship.claim(version.id, by=by)
    ):
        st.rerun()


def data(shown: Shown) -> None:
    """The run behind a version: its data sets with digest and rows, its parameters, its tags."""
    if not shown.versions:
        feedback.empty("No version yet", "Register one in MLflow: it appears within a minute.")
        return
    version = choose(shown, "run-version")
    run = shown.run(version)
    if run is None:
        feedback.empty(
            f"The run of v{version.number} is not known",
            "Its files lie outside of MLflow, and it was registered without a run."
            if version.is_external
            else "The version was registered without a run, or its run was deleted in MLflow.",
        )
        return
    with page.card("data"):
        show(page.section("Data", assurance.RUN.chip), datasets(run))
    left, right = st.columns(2)
    with left, page.card("parameters", stretch=True):
        show(page.section("Parameters", assurance.RUN.chip))
        show(tables.facts(sorted(run.params.items())) if run.params else note("None were logged."))
    with right, page.card("run", stretch=True):
        show(page.section("Run", f"made v{version.number}"), tables.facts(run_facts(run)))


def datasets(run: Run) -> Markup:
    """The data sets a run used, one row each."""
    if not run.datasets:
        return note("The run named no data set, so nobody can say on what this version rests.")
    rows = [
        (
            tables.two(one.name, one.context or "use not said"),
            mono(one.digest),
            words.thousands(one.rows) if one.rows is not None else None,
            _schema(one),
            one.source_type or None,
        )
        for one in sorted(run.datasets, key=lambda one: one.context != "training")
    ]
    return tables.table(
        [
            Column("Data set", lead=True),
            Column("Digest"),
            Column("Rows", "right", assured=assurance.RUN),
            Column("Schema"),
            Column("Source"),
        ],
        rows,
        "Data sets",
    )


def _schema(data: Dataset) -> Markup | None:
    """How many columns a data set has; opened, which."""
    if not data.columns:
        return None
    listed = tables.facts([(name or "unnamed", kind) for name, kind in data.columns])
    return tag("details", tag("summary", words.plural(len(data.columns), "column")), listed)


def run_facts(run: Run) -> list[tuple[str, object]]:
    """What is known of a run."""
    return [
        ("Name", run.name or None),
        ("Run", mono(run.run_id)),
        ("Experiment", run.experiment or None),
        ("User, as MLflow was told", run.user or None),
        ("Status", run.status.lower() or None),
        ("Started", words.moment(run.started_at) if run.started_at else None),
        ("Ended", words.moment(run.ended_at) if run.ended_at else None),
    ]
