"""Norrland Bank, the fictional organisation of the demo: its people, releases and calls.

Only data. The demo's loader performs it through the same verbs that everybody else uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

NAME: Final = "Norrland Bank"
DOMAINS: Final = ("Retail credit", "Collections", "Payments", "Insurance", "Private banking")


@dataclass(frozen=True)
class Person:
    """Somebody who signs in. `domain` is None where the roles hold everywhere."""

    key: str
    name: str
    email: str
    title: str
    roles: tuple[str, ...]
    domain: str | None = None


def _person(key: str, name: str, title: str, *roles: str) -> Person:
    email = f"{name.lower().replace(' ', '.')}@norrland.example"
    return Person(key, name, email, title, roles)


ALICE: Final = _person("alice", "Alice Moreau", "Data scientist", "model developer", "model owner")
DAN: Final = _person("dan", "Dan Weber", "Data scientist", "model developer", "model owner")
BOB: Final = _person(
    "bob", "Bob Okafor", "Compliance reviewer", "approver", "independent validator"
)
CAROL: Final = _person("carol", "Carol Lind", "Business stakeholder", "business owner")
ERIK: Final = _person("erik", "Erik Sund", "Auditor", "auditor")
GRACE: Final = _person("grace", "Grace Nair", "Administrator", "governance admin")

PEOPLE: Final = (ALICE, DAN, BOB, CAROL, ERIK, GRACE)


@dataclass(frozen=True)
class Release:
    """One request to move a version to an alias, and what became of it.

    The plan is carried out in order: an approved release is live before the next one is asked for.
    `version` is the key the version was trained under, not the number MLflow gave it.
    """

    model: str
    version: str
    requester: Person
    reason: str
    decision: Literal["approve", "reject", "open"]
    decision_reason: str = ""
    alias: str = "champion"
    decider: Person = BOB
    condition: str = ""  # what an approval asks for afterwards, within 30 days

    @property
    def is_open(self) -> bool:
        """Whether the request is left for somebody to decide."""
        return self.decision == "open"


RELEASES: Final = (
    Release(
        "credit-pd",
        "v3",
        ALICE,
        "First version that weighs combinations, such as long loans that repay debt.",
        "approve",
        "Ranks defaults better than the scorecard on the same loans. Sex is not an input.",
    ),
    Release(
        "credit-scorecard",
        "v2",
        DAN,
        "Branches need a score that an adviser can explain line by line.",
        "approve",
        "Weaker than credit-pd and easier to explain; used for a first indication only.",
    ),
    Release(
        "loan-lgd",
        "v2",
        ALICE,
        "Provisioning needs a loss estimate per defaulted loan instead of one flat rate.",
        "approve",
        "Mean error is well below that of the flat rate.",
    ),
    Release(
        "arrears-early-warning",
        "v2",
        DAN,
        "Collections wants to call customers before the second missed instalment.",
        "approve",
        "A wrong warning costs a friendly call. The list is reviewed by a person each morning.",
        condition="Fill in the gaps of the model card: limits, trade-offs and risks.",
    ),
    Release(
        "slip-digits",
        "v3",
        DAN,
        "Reads account numbers on paying-in slips; unreadable slips still go to a person.",
        "approve",
        "Accuracy on held-out digits is above 98 in 100, and a check digit catches the rest.",
    ),
    Release(
        "claim-triage",
        "v3",
        ALICE,
        "Critical-illness claims with a likely malignant tumour should reach a specialist first.",
        "approve",
        "Only the order of work changes. No claim is refused by the model.",
    ),
    Release(
        "health-progression",
        "v2",
        DAN,
        "Underwriters ask for an expected course of diabetes next to the medical report.",
        "approve",
        "Shown as an estimate beside the report; the underwriter decides.",
    ),
    Release(
        "credit-pd",
        "v4",
        ALICE,
        "Boosted trees rank defaults better than version 3 on the same held-out loans.",
        "approve",
        "Better on the same evaluation data, same inputs, no sex and no employment type.",
    ),
    Release(
        "slip-digits",
        "v4",
        DAN,
        "A tenth of the size, so that it fits the scanners in the branches.",
        "reject",
        "It misreads more digits than the live version. Size is no reason to accept that.",
    ),
    Release(
        "claim-triage",
        "v4",
        ALICE,
        "Needs only five measurements instead of thirty, so claims can be triaged a day earlier.",
        "open",
    ),
    Release(
        "health-progression",
        "v3",
        DAN,
        "Smaller error than version 2 on the same patients.",
        "open",
    ),
    Release(
        "wine-origin",
        "v3",
        DAN,
        "Appraisers of wine pledged as collateral want a second opinion on its origin.",
        "open",
    ),
    Release(
        "credit-pd",
        "v5",
        DAN,
        "Ranks defaults clearly better than version 4 now that sex and employment are inputs.",
        "open",
    ),
)


def live_versions() -> dict[tuple[str, str], str]:
    """What is live once the plan is carried out: (model, alias) -> version key."""
    return {
        (release.model, release.alias): release.version
        for release in RELEASES
        if release.decision == "approve"
    }


@dataclass(frozen=True)
class Application:
    """A program that calls live models and reports every call."""

    key: str
    name: str
    description: str
    owner: Person


LOAN_DESK: Final = Application(
    "loan-desk", "Loan desk", "Decides online applications for retail loans.", ALICE
)
BRANCH_PORTAL: Final = Application(
    "branch-portal", "Branch portal", "What advisers in the branches and clerks work with.", DAN
)
COLLECTIONS_BATCH: Final = Application(
    "collections-batch", "Collections batch", "Scores the loan book every night.", ALICE
)
APPLICATIONS: Final = (LOAN_DESK, BRANCH_PORTAL, COLLECTIONS_BATCH)


@dataclass(frozen=True)
class Outcome:
    """What one answer is called by the application.

    `answer` is a class of the model; at a probability of at least `threshold` the class is chosen
    before any other.
    """

    answer: str
    word: str
    threshold: float | None = None


@dataclass(frozen=True)
class Calls:
    """How one application calls one live model: calls a day, and at which hours (UTC).

    `error_share` of the calls (0 to 1) fail with `error`; the application made its last call
    `silent_days` before the end of the month.
    """

    application: Application
    model: str
    weekday: int
    saturday: int
    sunday: int
    hours: tuple[int, int]
    outcomes: tuple[Outcome, ...] = ()
    features: tuple[str, ...] = ()
    alias: str = "champion"
    error: str = ""
    error_share: float = 0.0
    silent_days: int = 0


CALLS: Final = (
    Calls(
        LOAN_DESK,
        "credit-pd",
        weekday=330,
        saturday=110,
        sunday=60,
        hours=(6, 22),
        outcomes=(Outcome("yes", "decline", threshold=0.18), Outcome("no", "approve")),
    ),
    Calls(
        BRANCH_PORTAL,
        "credit-scorecard",
        weekday=140,
        saturday=50,
        sunday=0,
        hours=(8, 17),
        outcomes=(Outcome("yes", "refer", threshold=0.18), Outcome("no", "pre-approve")),
    ),
    Calls(
        BRANCH_PORTAL,
        "slip-digits",
        weekday=220,
        saturday=60,
        sunday=0,
        hours=(8, 18),
        features=("pixel_2_3", "pixel_3_4", "pixel_4_4", "pixel_5_3"),
        error="unreadable image",
        error_share=0.03,
    ),
    Calls(
        BRANCH_PORTAL,
        "claim-triage",
        weekday=18,
        saturday=0,
        sunday=0,
        hours=(8, 17),
        outcomes=(
            Outcome("yes", "specialist first", threshold=0.5),
            Outcome("no", "standard order"),
        ),
        features=("mean_radius", "mean_texture", "mean_concave_points", "worst_area"),
    ),
    Calls(
        BRANCH_PORTAL,
        "health-progression",
        weekday=24,
        saturday=0,
        sunday=0,
        hours=(8, 17),
        silent_days=9,
    ),
    Calls(COLLECTIONS_BATCH, "loan-lgd", weekday=90, saturday=90, sunday=90, hours=(1, 2)),
    Calls(
        COLLECTIONS_BATCH,
        "arrears-early-warning",
        weekday=120,
        saturday=120,
        sunday=120,
        hours=(2, 3),
    ),
)


@dataclass(frozen=True)
class DeclaredValue:
    """What one outcome is worth, in EUR, as a named person declares it. `output` None: any."""

    model: str
    output: str | None
    eur: Decimal
    why: str
    by: Person = CAROL


DECLARED_VALUES: Final = (
    DeclaredValue(
        "credit-pd",
        "approve",
        Decimal("18.00"),
        "An application approved without a manual check saves 25 minutes of an underwriter at"
        " 44 EUR an hour.",
    ),
    DeclaredValue(
        "credit-pd",
        "decline",
        Decimal("96.00"),
        "Two declined loans in five would have defaulted, and recovery costs alone are 240 EUR a"
        " case. Lost principal is not counted.",
    ),
    DeclaredValue(
        "credit-scorecard",
        "pre-approve",
        Decimal("4.00"),
        "An indication at the counter saves the adviser a call to the credit office, six minutes"
        " at 40 EUR an hour.",
    ),
    DeclaredValue(
        "slip-digits",
        None,
        Decimal("0.03"),
        "A digit read by machine saves three seconds of keying at 36 EUR an hour.",
    ),
    DeclaredValue(
        "claim-triage",
        "specialist first",
        Decimal("45.00"),
        "A claim that reaches the specialist directly avoids one hour of general assessment.",
    ),
    DeclaredValue(
        "health-progression",
        None,
        Decimal("6.00"),
        "An estimate beside the report saves the underwriter ten minutes of reading at 36 EUR an"
        " hour.",
    ),
    DeclaredValue(
        "loan-lgd",
        None,
        Decimal("1.20"),
        "A loss estimated by the model replaces two minutes of a provisioning analyst.",
    ),
    DeclaredValue(
        "arrears-early-warning",
        "late",
        Decimal("22.00"),
        "One early call in four avoids a reminder procedure that costs 88 EUR.",
    ),
)
