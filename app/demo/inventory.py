"""What Norrland Bank uses its models for, and where each of them stands. Only data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.demo.organisation import CAROL, Person


@dataclass(frozen=True)
class Use:
    """An AI use case of the bank."""

    key: str
    name: str
    purpose: str
    domain: str
    tier: str
    regulatory_class: str
    is_accepted: bool = True
    business_owner: Person = CAROL


USES: Final = (
    Use(
        "lending",
        "Retail lending decisions",
        "Decides online applications for loans up to 40,000 EUR and gives a first indication at the"
        " counter. A declined applicant may always ask for an underwriter.",
        "Retail credit",
        "1",
        "High",
    ),
    Use(
        "arrears",
        "Early contact in arrears",
        "Calls customers before the second missed instalment. A wrong warning costs a friendly"
        " call; nothing is decided about the customer.",
        "Collections",
        "2",
        "Limited",
    ),
    Use(
        "provisions",
        "Provisions for defaulted loans",
        "Estimates what a defaulted loan will cost, for the balance sheet. It touches no customer.",
        "Collections",
        "2",
        "Minimal",
    ),
    Use(
        "claims",
        "Critical-illness claims in order of urgency",
        "Brings claims with a likely malignant tumour to a specialist first. No claim is refused.",
        "Insurance",
        "1",
        "High",
    ),
    Use(
        "underwriting",
        "Life insurance underwriting",
        "Shows the underwriter an expected course of diabetes beside the medical report. The"
        " underwriter decides.",
        "Insurance",
        "1",
        "High",
    ),
    Use(
        "slips",
        "Reading paying-in slips",
        "Reads account numbers on paper slips. What cannot be read goes to a person.",
        "Payments",
        "3",
        "Minimal",
    ),
    Use(
        "collateral",
        "Second opinion on pledged wine",
        "Supports appraisers of wine that is pledged as collateral.",
        "Private banking",
        "3",
        "Minimal",
        is_accepted=False,
    ),
)


@dataclass(frozen=True)
class Place:
    """Where a model stands: what it is used for, its tier and its class."""

    model: str
    use: str
    tier: str
    regulatory_class: str


# The scorecard is said to be less than its use case: a gap of the inventory, left to be found.
PLACES: Final = (
    Place("credit-pd", "lending", "1", "High"),
    Place("credit-scorecard", "lending", "2", "Limited"),
    Place("loan-lgd", "provisions", "2", "Minimal"),
    Place("arrears-early-warning", "arrears", "2", "Limited"),
    Place("slip-digits", "slips", "3", "Minimal"),
    Place("claim-triage", "claims", "1", "High"),
    Place("health-progression", "underwriting", "1", "High"),
    Place("wine-origin", "collateral", "3", "Minimal"),
)
