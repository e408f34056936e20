"""What the people of Norrland Bank say of their models: cards, comments, who relies on what.

Only data, and only what is true of the models as they are trained; `saying` says it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.demo.organisation import (
    ALICE,
    BOB,
    BRANCH_PORTAL,
    CAROL,
    COLLECTIONS_BATCH,
    DAN,
    ERIK,
    GRACE,
    LOAN_DESK,
    Application,
    Person,
)
from catalog.applications.consumers import Criticality
from catalog.notifications.watches import On
from catalog.registry.cards.body import Assessment, CardBody, Risk

_ENVIRONMENT: Final = (
    "Training takes seconds: all versions of all models of this demo are trained and logged within"
    " three minutes on two processor cores, without an accelerator."
)


@dataclass(frozen=True)
class SaidCard:
    """A card and who publishes it."""

    model: str
    by: Person
    body: CardBody


# The scorecard has none, and the early warning one with gaps: both are left to be written.
CARDS: Final = (
    SaidCard(
        "credit-pd",
        ALICE,
        CardBody(
            use_cases=(
                (
                    "Decide on online applications for retail loans up to 40,000 EUR, when the"
                    " application is sent."
                ),
            ),
            out_of_scope=(
                "Loans to companies, and loans above 40,000 EUR: none was among the training rows.",
                "Loans that are running already: arrears-early-warning was made for those.",
            ),
            users=("The Loan desk application; underwriters, when an applicant asks for one",),
            limitations=(
                "Trained on synthetic loans: nothing is known of its quality on real applicants.",
                "Knows no outcome later than 12 months after signing.",
                "Applicants were between 19 and 75 years old; it was never tried on others.",
            ),
            tradeoffs=(
                (
                    "Version 5 ranks the same held-out loans better because sex and employment are"
                    " inputs; version 4 leaves both out and gives that up."
                ),
            ),
            risks=(
                Risk(
                    "Applicants who would repay are declined.",
                    "A declined applicant may always ask for an underwriter.",
                ),
            ),
            assessments=(
                Assessment(
                    "Women",
                    "",
                    "Recorded defaults are biased against women: 12 in 100 women who repaid stand"
                    " as defaulted in the training rows.",
                    "Sex and employment type are no inputs of version 4. Outcomes by sex have not"
                    " been measured yet.",
                ),
                Assessment(
                    "Applicants under 26 who rent",
                    "",
                    "Age and housing are inputs, and the synthetic loans of this group default more"
                    " often.",
                    "Nothing is done yet beyond the way to an underwriter.",
                ),
            ),
            environment=(_ENVIRONMENT,),
            approach="supervised",
            family="gradient boosted trees",
            architecture="Up to 70 trees of at most 8 leaves, learning rate 0.06 (version 4)",
        ),
    ),
    SaidCard(
        "claim-triage",
        ALICE,
        CardBody(
            use_cases=(
                (
                    "Put critical-illness claims in order, so that those with a likely malignant"
                    " tumour reach a specialist first."
                ),
            ),
            out_of_scope=(
                "Refusing a claim, or setting what is paid.",
                "Diagnosis: it reads measurements of one kind of biopsy and replaces no physician.",
            ),
            users=("Claims clerks, through the Branch portal",),
            limitations=(
                (
                    "Trained on the 398 training rows of a published set of 569 biopsies of one"
                    " hospital; it was never tried on claims of the bank."
                ),
            ),
            tradeoffs=(
                (
                    "Version 4 needs five measurements instead of thirty, and ranks the same"
                    " held-out biopsies less well."
                ),
            ),
            risks=(
                Risk(
                    "A claim with a malignant tumour waits in the standard order.",
                    "Every claim is read by a person; only the order changes.",
                ),
            ),
            assessments=(
                Assessment(
                    "Claimants of other age groups or origins than the patients of 1995",
                    "",
                    "The data names neither age nor origin, so differences cannot be measured.",
                    "Nothing can be done with this data.",
                ),
            ),
            environment=(_ENVIRONMENT,),
            approach="supervised",
            family="logistic regression",
            architecture="Thirty scaled measurements, C = 0.1 (version 3)",
        ),
    ),
    SaidCard(
        "arrears-early-warning",
        DAN,
        CardBody(
            use_cases=(
                "Choose whom Collections calls before the second missed instalment, each morning.",
            ),
            users=("The Collections batch application and the callers of Collections",),
            approach="supervised",
            family="logistic regression",
        ),
    ),
)


@dataclass(frozen=True)
class Reliance:
    """An application that is registered for an alias of a model by its owner."""

    application: Application
    model: str
    purpose: str
    criticality: Criticality
    alias: str = "champion"


# The Branch portal also calls health-progression, and nobody has registered that yet.
RELIANCES: Final = (
    Reliance(LOAN_DESK, "credit-pd", "Approves or declines online applications.", Criticality.HIGH),
    Reliance(
        BRANCH_PORTAL,
        "credit-scorecard",
        "Gives a first indication at the counter.",
        Criticality.MEDIUM,
    ),
    Reliance(
        BRANCH_PORTAL,
        "slip-digits",
        "Reads account numbers on paying-in slips.",
        Criticality.MEDIUM,
    ),
    Reliance(BRANCH_PORTAL, "claim-triage", "Puts claims in order.", Criticality.HIGH),
    Reliance(
        COLLECTIONS_BATCH,
        "loan-lgd",
        "Estimates losses for provisions, each night.",
        Criticality.LOW,
    ),
    Reliance(
        COLLECTIONS_BATCH,
        "arrears-early-warning",
        "Lists whom to call in the morning.",
        Criticality.MEDIUM,
    ),
)


@dataclass(frozen=True)
class GoingVersion:
    """A version that must not be used any more in so many days, and the one to use instead."""

    model: str
    version: str
    successor: str
    by: Person
    days: int
    message: str


GOING: Final = (
    GoingVersion(
        "credit-pd",
        "v2",
        "v4",
        ALICE,
        60,
        "Trained on the first extract of 2,500 loans. Version 4 ranks defaults better on the same"
        " held-out loans.",
    ),
)


@dataclass(frozen=True)
class ClosedModel:
    """A model that its owner restricts, and who asks to be let in."""

    model: str
    by: Person
    reason: str
    asked_by: Person
    purpose: str


CLOSED: Final = (
    ClosedModel(
        "wine-origin",
        DAN,
        "Whoever knows how it tells cultivars apart could pass off a cheap wine as pledged one.",
        CAROL,
        "I am to say whether the bank should go on lending against wine, and need its figures.",
    ),
)

WATCHES: Final[tuple[tuple[Person, On, str], ...]] = (
    (CAROL, On.DOMAIN, "Retail credit"),
    (BOB, On.ALIAS, "champion"),
    (ERIK, On.MODEL, "credit-pd"),
    (GRACE, On.DOMAIN, "Insurance"),
    (DAN, On.MODEL, "credit-pd"),
)


@dataclass(frozen=True)
class Talk:
    """A comment on a model, and what somebody answered."""

    model: str
    by: Person
    text: str
    answered_by: Person
    answer: str


TALKS: Final = (
    Talk(
        "credit-pd",
        ALICE,
        f"@{DAN.name} version 5 ranks better because it reads sex and employment. Most part-time"
        " contracts are held by women. Should we ask for its release at all?",
        DAN,
        f"I asked for it so that the question is decided on record, not between us."
        f" @{BOB.name} has the request.",
    ),
)
