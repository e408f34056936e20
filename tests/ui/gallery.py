"""Every piece of the screen kit with sample values: `streamlit run tests/ui/gallery.py`.

Start it in the root of the project with `PYTHONPATH=.`, so that its theme and packages are found.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import streamlit as st

from app.ui import (
    cards,
    charts,
    chips,
    facets,
    feedback,
    lineage_graph,
    page,
    tables,
    theme,
    tiles,
    timeline,
)
from app.ui.cards import Result, Waiting
from app.ui.charts import Contribution, Series
from app.ui.lineage_graph import Edge, Node
from app.ui.markup import join, mono, note, paragraph, quote, sentence, show, strong, text
from app.ui.page import Stop
from app.ui.tables import Change, Column, Evidence, Gate, Row
from app.ui.tiles import Share, Tile
from app.ui.timeline import Point
from ledger.errors import Refused

NOW = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)
TODAY = date(2026, 11, 20)
YEAR = (3.1, 3.2, 3.2, 3.3, 3.2, 3.4, 3.4, 3.5, 3.6, 3.7, 3.8, 3.9)


def home() -> None:
    """What stands first: tiles, an inbox, nothing to do."""
    page.head(
        "Home", "What waits for you, Ada Sample", "3 things wait. The oldest has waited 6 days."
    )
    show(page.group("Overdue", 1))
    cards.inbox_card(
        Waiting(
            "Explain an alias change nobody approved",
            "sample-fraud: @champion moved from v22 to v23 in MLflow on 16 Nov, 22:41 UTC.",
            "Finding F-318 · Tier 1",
            chips.due(TODAY - timedelta(days=2), TODAY),
            icon=":material/policy_alert:",
        ),
        "a",
        release_page,
        {"id": "1"},
    )
    show(page.group("This week", 2))
    for key, act, left in (
        ("b", "Second approval: sample-match v3 to champion", 1),
        ("c", "Decide: sample-loan v8 to champion", 4),
    ):
        cards.inbox_card(
            Waiting(
                act,
                "1 gate fails (fairness 0.74, limit 0.80) and 1 is missing (validation report).",
                "Release request · Tier 1",
                chips.due(TODAY + timedelta(days=left), TODAY),
            ),
            key,
            release_page,
            {"id": key},
        )
    feedback.empty(
        "That is all that waits for you",
        "New requests for Sample credit arrive here. You can change which domains you review in "
        "Access.",
    )
    feedback.empty(
        "No model matches",
        "Clear the filters, or search for a word from its description.",
        page=discover_page,
        link="Show all models",
        key="search",
    )


def discover() -> None:
    """Search, facets and result cards."""
    page.head(
        "Find",
        "Discover models",
        "214 registered models on 3 MLflow servers, mirrored 2 minutes ago.",
    )
    st.text_input(
        "Search models",
        type="search",
        live="250ms",
        key="q",
        bind="query-params",
        icon=":material/search:",
        placeholder="Name, purpose, feature, data set or owner",
        label_visibility="collapsed",
    )
    left, right = st.columns([0.22, 0.78], gap="medium")
    with left, st.container(key="facets"):
        facets.facet(
            "Domain", [("Sample credit", 38), ("Payments", 27), ("Collections", 12)], "domain"
        )
        facets.facet("Tier", [("1", 41), ("2", 88), ("3", 85)], "tier")
        facets.facet("Live as", [("champion", 97), ("challenger", 31), ("shadow", 12)], "alias")
    with right:
        with st.container(
            horizontal=True,
            horizontal_alignment="distribute",
            vertical_alignment="center",
            key="found",
        ):
            show(strong("97 models"), " live as champion")
            st.segmented_control(
                "Order",
                ["Best match", "Most used", "Newest"],
                default="Best match",
                key="order",
                label_visibility="collapsed",
            )
        for name, word, said in (
            ("sample-loan", "Healthy", "Healthy"),
            ("sample-fraud", "Drift", "Drift on 2 features"),
            ("sample-collections", "No monitor", "No monitor"),
            ("<b>sample</b> & [x](y)", "Overdue", "Review overdue"),
        ):
            cards.result_card(
                Result(
                    ((name, False),),
                    "Probability that a sample loan defaults within 12 months of signing.",
                    "Sample credit · Tier 1 · EU AI Act: High · owned by Ada Sample",
                    (chips.alias("champion", 7), chips.status(word, said)),
                    (("AUC 0.812", "Sample, 3 Nov 2026"), ("41,200", "decisions a day")),
                ),
                name.strip("<b>")[:14].replace("<", "-"),
                model_page,
                {"name": name},
            )
        with st.container(
            horizontal=True,
            horizontal_alignment="distribute",
            vertical_alignment="center",
            key="paging",
        ):
            show(note("1 to 4 of 97"), width="content")
            st.pagination(20, key="page", bind="query-params")


def model() -> None:
    """A model's page: head with actions, tabs, history, chart, facts."""

    def actions() -> None:
        st.button("Request release", type="primary", icon=":material/approval:")
        st.menu_button("More", ["Compare versions", "Export card"], icon=":material/more_horiz:")

    page.head(
        ("Sample credit", "Loan decisioning"),
        "sample-loan",
        "Probability that a sample loan defaults within 12 months of signing. Used to decide and "
        "price unsecured loans up to 40,000 EUR.",
        chips=(
            chips.alias("champion", 7),
            chips.alias("challenger", 8),
            chips.status("Healthy"),
            chips.fact("Tier 1"),
            chips.fact("EU AI Act: High"),
            chips.fact("Production"),
        ),
        actions=actions,
    )
    overview, data, _ = st.tabs(["Overview", "Versions", "Releases"], key="tab", on_change="rerun")
    with overview:
        with page.card("history"):
            show(
                page.section("Version history", "5 versions since March 2025"),
                timeline.timeline(
                    [
                        Point("v4", "past", "Retired", "AUC 0.781 · 11 Mar 2025"),
                        Point(
                            "v5",
                            "rejected",
                            "Rejected",
                            "AUC 0.779 · 2 Jul 2025",
                            "no fairness test",
                        ),
                        Point(
                            "v6",
                            "past",
                            "Rollback target",
                            "AUC 0.803 · 14 Nov 2025",
                            "approved by B. Sample",
                            ("rollback",),
                        ),
                        Point(
                            "v7",
                            "live",
                            "Live since 3 Feb 2026",
                            "AUC 0.812 · 3 Feb 2026",
                            "approved by B. Sample",
                            ("champion",),
                        ),
                        Point(
                            "v8",
                            "waits",
                            "Waits for a decision",
                            "AUC 0.826 · 17 Nov 2026",
                            "requested by A. Sample",
                            ("challenger",),
                        ),
                    ]
                ),
            )
        left, right = st.columns([0.64, 0.36])
        with left, page.card("auc", stretch=True):
            show(page.section("AUC on live decisions", "monthly, 2026"))
            charts.plot(
                charts.lines(
                    ["Jun", "Jul", "Aug", "Sep", "Oct", "Nov"],
                    [
                        Series("v7", (0.815, 0.821, 0.809, 0.817, None, None)),
                        Series(
                            "estimate", (None, None, None, 0.817, 0.813, 0.803), is_estimate=True
                        ),
                    ],
                    unit="AUC",
                    limit=0.78,
                ),
                "AUC by month from 0.815 in June to an estimated 0.803 in November; limit 0.780",
                "auc",
            )
            show(note("Threshold 0.780 (policy sample v12). Labels arrive 90 days late."))
        with right, page.card("glance", stretch=True):
            show(
                page.section("At a glance"),
                tables.facts(
                    [
                        ("Owner", "Ada Sample"),
                        ("Approver", "Bo Sample"),
                        ("Calls", "41,200 a day, from 3 applications"),
                        ("Value", "2.4 m EUR realised of 3.0 m EUR declared, 2026"),
                        (
                            "Findings",
                            join((chips.mark("Warning", "1 open, medium"), ", due 15 Dec")),
                        ),
                        ("Digest", mono("sha256:9f2c 41ab … 07de")),
                        ("Note", None),
                    ]
                ),
            )
    with data:
        st.dataframe(
            {
                "Version": ["v8", "v7"],
                "AUC": [0.826, 0.812],
                "State": ["✓ Healthy", "- Retired"],
            },
            hide_index=True,
            alt="Versions with their AUC and state",
        )


def release() -> None:
    """The reviewer's screen: numbered cards, a rail, the bar with four buttons of equal weight."""
    main, side = st.columns([0.83, 0.17], gap="medium")
    with side:
        show(
            page.rail(
                [
                    Stop("asked", "Decision asked"),
                    Stop("gates", "Gates", "1 fail", "Fail"),
                    Stop("changed", "What changed"),
                    Stop("findings", "Findings", "1"),
                ]
            )
        )
    with main:
        page.head(("Releases", "RR-2026-0147 · sample-loan"), "Make sample-loan v8 the champion?")
        with page.card("asked"):
            show(
                page.section(
                    "The decision asked",
                    join((chips.status("In review"), "due 24 Nov, in 4 days")),
                    number=1,
                    anchor="asked",
                ),
                page.columns(
                    join(
                        (
                            sentence(
                                strong("v8"),
                                chips.alias("challenger"),
                                "becomes",
                                chips.alias("champion"),
                                "in place of",
                                strong("v7"),
                            ),
                            tables.facts(
                                [
                                    ("Accuracy (AUC)", join(("0.812 → ", strong("0.826")))),
                                    (
                                        "Fairness ratio",
                                        join(("0.83 → ", chips.mark("Fail", "0.74"))),
                                    ),
                                    ("Who is affected", "3 applications, 41,200 decisions a day"),
                                ]
                            ),
                        )
                    ),
                    quote(
                        "Retrained with two more quarters. Fairness dropped for one group; n is "
                        "small (412). I ask for a three-month approval.",
                        "Ada Sample, model owner, 17 Nov 2026, 09:12 UTC",
                    ),
                ),
            )
        with page.card("gates"):
            show(
                page.section(
                    "Gates",
                    join(
                        (
                            chips.count(4, "Pass"),
                            chips.count(1, "Fail"),
                            chips.count(1, "Missing"),
                            "policy sample v12",
                        )
                    ),
                    number=2,
                    anchor="gates",
                ),
                tables.gate_table(sample_gates()),
            )
        with page.card("changed"):
            show(
                page.section("What changed", "v7 to v8", number=4, anchor="changed"),
                tables.difference(
                    [
                        Change(
                            "Data set", "9f2c…07de", "a81b…55c0", "2 more quarters, 41,200 rows"
                        ),
                        Change("Signature", "14 columns", "14 columns"),
                        Change("max_depth", "4", "6"),
                        Change("Git commit", None, "77d01b2f"),
                    ],
                    "v7",
                    "v8",
                    "What differs between v7 and v8",
                ),
            )
        with page.card("findings"):
            show(
                page.section("Findings", number=8, anchor="findings"),
                tables.table(
                    [
                        Column("Finding", lead=True),
                        Column("Severity"),
                        Column("Owner"),
                        Column("Due", "right"),
                    ],
                    [
                        Row(
                            (
                                "F-311 Reject inference is not documented",
                                chips.status("Warning", "Medium"),
                                "Ada Sample",
                                "15 Dec 2026",
                            )
                        ),
                    ],
                    "Open findings",
                ),
            )
    with page.decision_bar(
        "Your decision on v8",
        join(
            (
                chips.mark("Fail", "1 fail"),
                chips.mark("Missing", "1 missing"),
                text("Approve opens when no gate fails."),
            )
        ),
        number=10,
    ):
        st.button("Reject", key="reject")
        st.button("Request changes", key="changes")
        if st.button("Approve with conditions", key="conditions"):
            decide()
        st.button("Approve", key="approve", disabled=True)


@st.dialog("Approve with conditions: sample-loan v8", width="medium")
def decide() -> None:
    """The signing dialog."""
    show(
        paragraph(
            join(
                (
                    "You approve although ",
                    strong("1 gate fails"),
                    " and ",
                    strong("1 is missing"),
                    ". Your reason is kept in the audit trail and cannot be changed.",
                )
            )
        )
    )
    st.text_area(
        "Reason (required)", placeholder="What you looked at, and why it is or is not enough"
    )
    left, right = st.columns([0.66, 0.34])
    left.text_input("Condition", "Fairness ratio, weekly, n of 1,000 or more")
    right.date_input("Ends", date(2027, 2, 24))
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Keep reading", type="tertiary")
        st.button("Sign and approve with conditions", type="primary", icon=":material/signature:")


def sample_gates() -> list[Gate]:
    """Gates of each verdict."""
    run = Evidence(
        "Run 4c1e", "9f2c…07de", [("Valid until", "17 Feb 2027"), ("Rule", mono("auc >= 0.780"))]
    )
    return [
        Gate(
            "Discrimination",
            "AUC, out-of-time sample",
            "pass",
            "≥ 0.780",
            "0.826",
            run,
            produced_by="Training pipeline",
            verified=True,
            age="3 d",
        ),
        Gate(
            "Fairness",
            "Adverse impact ratio, sex \N{MULTIPLICATION SIGN} age",
            "fail",
            "≥ 0.80",
            "0.74",
            Evidence("Fairness report", "a81b…55c0", [("n", "412, small sample")]),
            produced_by="Countersign",
            verified=True,
            age="3 d",
        ),
        Gate(
            "Stability",
            "PSI against last quarter",
            "pass",
            "≤ 0.20",
            "0.07",
            Evidence("Drift report", "77d0…1b2f"),
            produced_by="Countersign",
            verified=True,
            age="3 d",
        ),
        Gate(
            "Independent validation",
            "Report signed by a validator",
            "missing",
            "1 report",
            "",
            instead="Asked of Di Sample",
        ),
        Gate(
            "Artifact scan",
            "Unsafe opcodes, CVE of 7 or more",
            "pass",
            "0",
            "0",
            Evidence("Scan report", "c3e9…80aa"),
            produced_by="Countersign",
            verified=True,
            age="1 d",
        ),
        Gate(
            "Business sign-off",
            "Intended use confirmed",
            "pass",
            "1 signature",
            "1",
            Evidence("Attestation", "20fe…9d31"),
            produced_by="Ca Sample",
            verified=False,
            age="8 d",
        ),
    ]


def lineage() -> None:
    """The picture to click."""
    page.head(
        "Find", "What sample-loan rests on", "Data set, run, version and alias, left to right."
    )
    with page.card("lineage"):
        chosen = lineage_graph.lineage_graph(*sample_lineage(), key="lineage")
        show(note(f"Chosen: {chosen or 'nothing yet'}"))


def sample_lineage() -> tuple[list[Node], list[Edge]]:
    """Two data sets, four runs, four versions, three aliases."""
    nodes = [
        Node("d1", "dataset", "sample-loans-2025", "9f2c…07de", "Sound"),
        Node("d2", "dataset", "sample-loans-2026", "a81b…55c0", "Suspect"),
    ]
    edges = []
    for at in range(5, 9):
        nodes += [
            Node(f"r{at}", "run", f"train-{at}", f"{at} Nov 2026"),
            Node(f"v{at}", "version", f"v{at}", "AUC 0.8" + str(at)),
        ]
        edges += [Edge("d1" if at < 7 else "d2", f"r{at}"), Edge(f"r{at}", f"v{at}")]
    edges.append(Edge("d1", "r8"))
    for alias, version in (("@rollback", "v6"), ("@champion", "v7"), ("@challenger", "v8")):
        nodes.append(Node(alias, "alias", alias))
        edges.append(Edge(version, alias))
    return nodes, edges


def explain() -> None:
    """What drives a model."""
    page.head(
        "Find", "What drives sample-loan v7?", "SHAP over 500 rows of the data it was tested on."
    )
    names = ["income", "utilisation_90d", "age_of_account", "<b>purpose</b>", "region"]
    left, right = st.columns(2)
    with left, page.card("importance", stretch=True):
        show(page.section("Overall", "mean absolute contribution"))
        charts.plot(
            charts.bar_importance(names, [0.41, 0.33, 0.12, 0.08, 0.02], unit="log-odds"),
            "income moves the model most, 0.41 log-odds on average",
            "importance",
        )
    with right, page.card("row", stretch=True):
        show(page.section("One row", "row 17"))
        charts.plot(
            charts.contributions(
                -1.2,
                [
                    Contribution("income", "21,000", 0.61),
                    Contribution("utilisation_90d", "0.92", 0.44),
                    Contribution("region", "north", -0.08),
                ],
                -0.23,
                unit="log-odds",
            ),
            "From an average of -1.2 to -0.23 log-odds, mostly by income",
            "row",
        )
    with page.card("dependence"):
        show(page.section("How income acts", "each dot is one row"))
        charts.plot(
            charts.dependence_scatter(
                [n * 311 % 60_000 for n in range(200)],
                [0.8 - (n * 311 % 60_000) / 40_000 + (n * 7 % 13) / 40 for n in range(200)],
                feature="income, EUR a year",
                unit="log-odds",
            ),
            "Higher income lowers the prediction",
            "dependence",
        )
    show(
        feedback.progress(
            "Explaining row 310 of 500", 0.62, "Started 2 minutes ago. You may leave."
        )
    )
    show(feedback.progress("Waiting for the worker", None))


def impact() -> None:
    """The business screen."""

    def choose() -> None:
        st.selectbox(
            "Part of the business", ["Retail bank", "Everything"], label_visibility="collapsed"
        )

    page.head(
        "Watch",
        "What our models do for the business",
        "Retail bank, 1 January to 20 November 2026. Money is in euro.",
        actions=choose,
    )
    show(
        tiles.tiles(
            [
                Tile("Models in use", "38", "", "2 more than in October", YEAR, "36 to 38"),
                Tile(
                    "Decisions a day", "2.46", "million", "9 % more than a year ago", YEAR, "rising"
                ),
                Tile(
                    "Value declared this year",
                    "8.1",
                    "m EUR",
                    "by Ca Sample, 3 Nov 2026",
                    YEAR,
                    "up",
                ),
                Tile(
                    "Incidents this year",
                    "3",
                    "",
                    "1 still open, since 14 Nov",
                    (0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1),
                    "three",
                ),
            ]
        )
    )
    left, right = st.columns([0.64, 0.36])
    with left, page.card("needed", stretch=True):
        show(
            page.section("Five decisions needed", "soonest first"),
            tables.table(
                [Column("What", lead=True), Column("Next step"), Column("By", "right")],
                [
                    (
                        chips.flagged("Overdue", "A fraud model was changed without approval"),
                        "Jo Sample explains or moves it back",
                        "22 Nov",
                    ),
                    (
                        chips.flagged("Drift", "Loan model is less fair to one group"),
                        "Bo Sample decides on version 8",
                        "24 Nov",
                    ),
                    (
                        chips.flagged("No monitor", "Collections model runs without a monitor"),
                        "Mei Sample turns one on or retires it",
                        "29 Nov",
                    ),
                ],
                "Decisions needed",
            ),
        )
    with right, page.card("health", stretch=True):
        show(
            page.section("Health of the 38 models in use"),
            tiles.shares(
                [
                    Share("Work as expected", 29),
                    Share("Need attention soon", 5),
                    Share("Outside their limits", 2),
                    Share("Not watched", 2),
                ]
            ),
            note("“Not watched” means nobody would notice if the model went wrong."),
        )
    with page.card("days"):
        show(page.section("Decisions by day", "thousand, last 14 days"))
        charts.days(
            {f"{n} Nov": 300 + n * 7 % 90 for n in range(7, 21)},
            "thousand decisions",
            "Between 300 and 390 thousand decisions each day",
            "days",
        )


def pieces() -> None:
    """Streamlit's own widgets in our dress."""
    page.head(
        "Run", "Fields, buttons and messages", "Each of Streamlit's widgets a screen may use."
    )
    feedback.problem(
        Refused(
            "Ada Sample may not approve her own request.",
            hint="Ask one of: Bo Sample, Di Sample. <b>*not bold*</b>",
        )
    )
    feedback.notice("MLflow does not answer.", "What you see was mirrored 12 minutes ago.")
    feedback.done("You approved sample-loan v8.", "The worker moves the alias now.")
    show(feedback.age_note("Mirrored", NOW - timedelta(minutes=2), NOW))
    with page.card("fields"):
        show(page.section("Fields"))
        left, right = st.columns(2)
        left.text_input("Name", placeholder="As it is written in MLflow")
        right.selectbox("Alias", ["champion", "challenger"])
        left.multiselect("Roles", ["viewer", "approver", "auditor"], ["viewer"])
        right.date_input("Due", TODAY)
        left.number_input("Row", 0, 500, 17)
        right.radio("Direction", ["Higher is better", "Lower is better"], horizontal=True)
        left.checkbox("Only live models", value=True)
        right.toggle("Show what agrees")
        st.text_area("Reason (required)", placeholder="Why this version")
        st.slider("Rows", 0, 500, 100)
        with st.container(horizontal=True):
            st.button("Request release", type="primary")
            st.button("Cancel")
            st.button("Clear filters", type="tertiary")
            with st.popover("Filter"):
                st.write("Inside")
            st.download_button("Export", b"x", "x.txt")
    with st.expander("What is recorded"):
        st.write("Who, what, when and on which evidence. See [the guide](https://example.com).")
    st.pills("Choose", ["one", "two", "three"], default="one")
    with page.card("chips"):
        show(
            page.section("Chips"),
            chips.row(*(chips.status(word) for word in chips.VOCABULARY)),
            chips.row(chips.fact("Tier 1"), chips.alias("shadow", 3)),
        )
    st.dataframe(
        {
            "Act": ["release:approve", "model:mirror"],
            "At": ["20 Nov 2026, 09:12 UTC"] * 2,
            "n": [1, 2],
        },
        hide_index=True,
        row_height=40,
        alt="Two audit records",
    )
    st.code("countersign verify bundle.zip")


def cover() -> None:
    """The sign-in page."""
    with st.container(key="cover"):
        show(
            page.cover(
                "Find models, decide which go live, and prove how it was decided.",
                asked="Ada Sample",
            )
        )
        with page.card("sign-in"):
            st.button(
                "Continue with Sample Bank",
                type="primary",
                width="stretch",
                icon=":material/login:",
            )
            st.button("Use a local account", width="stretch")
            show(
                note(
                    "You stay signed in for 8 hours on this device. Every decision you take is "
                    "recorded under your name."
                )
            )


theme.configure("Gallery")
theme.apply()
home_page = st.Page(home, title="Home", icon=":material/home:", default=True)
discover_page = st.Page(discover, title="Discover", icon=":material/search:")
model_page = st.Page(model, title="Model", icon=":material/deployed_code:")
release_page = st.Page(release, title="Releases", icon=":material/approval:", url_path="release")
chosen_page = st.navigation(
    {
        "Find": [
            home_page,
            discover_page,
            model_page,
            st.Page(lineage, title="Lineage", icon=":material/graph_2:"),
            st.Page(explain, title="Explain", icon=":material/bar_chart:"),
        ],
        "Decide": [release_page],
        "Watch": [st.Page(impact, title="Impact", icon=":material/monitoring:")],
        "Run": [
            st.Page(pieces, title="Pieces", icon=":material/widgets:"),
            st.Page(cover, title="Cover", icon=":material/login:"),
        ],
    },
    expanded=True,
)
page.person("Bo Sample", "Approver, Sample credit")
chosen_page.run()
