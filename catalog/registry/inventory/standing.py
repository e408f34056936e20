"""Where a model stands in its life, who may move it on, and what it is to the organisation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from auth.access import ANYTHING, Resource, Verdict, decide
from auth.actors import Actor
from catalog.use_cases.risk import checked_class, checked_tier
from ledger.errors import Invalid


class Stage(StrEnum):
    """The stages of a model's life. A model nobody has spoken of yet is at none of them."""

    PROPOSAL = "Proposal"
    DEVELOPMENT = "Development"
    VALIDATION = "Validation"
    PRODUCTION = "Production"
    DEPRECATED = "Deprecated"
    RETIRED = "Retired"


# From each stage to those that may follow; the empty one is a model that is brought in.
STEPS: Final[dict[str, frozenset[Stage]]] = {
    "": frozenset(Stage),
    Stage.PROPOSAL: frozenset({Stage.DEVELOPMENT, Stage.RETIRED}),
    Stage.DEVELOPMENT: frozenset({Stage.PROPOSAL, Stage.VALIDATION, Stage.RETIRED}),
    Stage.VALIDATION: frozenset({Stage.DEVELOPMENT, Stage.PRODUCTION, Stage.RETIRED}),
    Stage.PRODUCTION: frozenset({Stage.VALIDATION, Stage.DEPRECATED}),
    Stage.DEPRECATED: frozenset({Stage.PRODUCTION, Stage.RETIRED}),
    # What was retired starts again where it is built and validated anew, or is live again: set
    # back to what was approved before.
    Stage.RETIRED: frozenset({Stage.DEVELOPMENT, Stage.PRODUCTION}),
}

# Among these a model's owner moves it alone; every other step is an administrator's.
OWN_STAGES: Final = frozenset({"", Stage.PROPOSAL, Stage.DEVELOPMENT, Stage.VALIDATION})


@dataclass(frozen=True)
class Standing:
    """What is said of a model beside owner, domain and task. None leaves it as it is."""

    tier: str | None = None
    regulatory_class: str | None = None
    stage: str | None = None
    use_case_id: str | None = None

    def checked(self) -> Standing:
        """The same, once every word is one of the vocabulary. Raises Invalid."""
        checked_tier(self.tier or "")
        checked_class(self.regulatory_class or "")
        if self.stage:
            checked_stage(self.stage)
        return self


UNCHANGED: Final = Standing()


def checked_stage(given: str) -> Stage:
    """A stage. Raises Invalid."""
    try:
        return Stage(given)
    except ValueError as error:
        raise Invalid(
            f"{given[:40]!r} is no lifecycle stage.",
            hint=f"Use one of: {', '.join(Stage)}.",
            code="bad-stage",
        ) from error


def may_move(by: Actor, model: Resource, before: str, after: Stage, *, is_live: bool) -> Verdict:
    """Whether this person may move a model from one stage to another now."""
    may = decide(by, "model:classify", ANYTHING)
    if not may and {before, after} <= OWN_STAGES:
        may = decide(by, "model:stage:prepare", model)
    return may and leads(before, after, is_live=is_live)


def leads(before: str, after: Stage, *, is_live: bool) -> Verdict:
    """Whether a step is one of the table, and fits what is live."""
    if after not in STEPS.get(before, frozenset()):
        following = [one for one in Stage if one in STEPS.get(before, frozenset())]
        return Verdict(
            False,
            f"A model does not go from {before or 'no stage'} to {after}.",
            "no-such-step",
            f"From {before or 'no stage'} it goes to {' or '.join(following)}.",
        )
    if after is Stage.PRODUCTION and not is_live:
        return Verdict(
            False,
            "A model is in production only while a version of it is champion.",
            "nothing-live",
            "Ask for a release to @champion first; the stage follows.",
        )
    if after is Stage.RETIRED and is_live:
        return Verdict(
            False,
            "A model whose champion is live is not retired.",
            "still-live",
            "Ask for its retirement on the Model page; the stage follows.",
        )
    return Verdict(True, "The step is one of the table.")


def suggested(stage: str, *, is_live: bool) -> Stage | None:
    """The stage that fits what is live, when the one on record does not."""
    if is_live and stage not in {Stage.PRODUCTION, Stage.DEPRECATED}:
        return Stage.PRODUCTION
    if not is_live and stage == Stage.PRODUCTION:
        return Stage.DEPRECATED
    return None
