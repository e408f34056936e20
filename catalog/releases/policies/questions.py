"""The questions a policy can ask: each kind of gate, with the settings it takes.

The vocabulary only. What a gate answers is decided in `catalog.releases.gates`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Days = Annotated[int, Field(ge=1, le=3650)]
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Words = Annotated[str, Field(min_length=1, max_length=300)]


def _is_a_day(value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError as error:
        msg = "there is no such day; write year-month-day"
        raise ValueError(msg) from error
    return value


# A day as it is written: 2026-12-31.
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_is_a_day)]
Better = Literal["higher", "lower"]
Answering = Literal["", "approver", "business owner", "independent validator", "model owner"]

DEEPEST: Final = 4
# The kinds of evidence that say who gave them, and in which roles.
SIGNED: Final = frozenset({"attestation", "document"})


class Strict(BaseModel):
    """Part of a policy: nothing unknown in it, nothing converted, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Gate(Strict):
    id: Id
    title: Words
    asks: Words
    # Whether an approval with conditions may be given before it passes; it is a condition then.
    may_wait: bool = False


class PerformanceGate(_Gate):
    """The deciding metric is not worse than the live version's by more than `margin`.

    With `confidence`, in percent, that has to be so for the whole two-sided interval of the
    difference: 95 is what is computed. Where there is no interval the numbers alone are compared,
    or the answer is missing, as `without_interval` says.
    """

    kind: Literal["metric_not_worse_than_champion"]
    margin: float = Field(ge=0)
    confidence: Literal[95] | None = None
    without_interval: Literal["compare", "missing"] = "compare"


class ThresholdGate(_Gate):
    """A metric, by any of the names runs give it, lies within bounds on the policy's data."""

    kind: Literal["metric_threshold"]
    names: list[Words] = Field(min_length=1)
    label: Words
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _is_bounded(self) -> ThresholdGate:
        if self.at_least is None and self.at_most is None:
            msg = "no bound is given; say at_least, at_most or both"
            raise ValueError(msg)
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            msg = "at_least is larger than at_most, so nothing could pass; make it the smaller one"
            raise ValueError(msg)
        return self


class SliceGate(_Gate):
    """No group of the rows that is large enough falls below a value (evidence `slices`)."""

    kind: Literal["metric_per_slice"]
    metric: Words
    by: Words
    at_least: float
    smallest_group: int = Field(ge=1, default=30)


class FairnessGate(_Gate):
    """Groups are treated alike by a measure, such as the impact ratio (evidence `fairness`).

    Of a measure called a ratio, the least favoured group is compared with the most favoured one.
    """

    kind: Literal["fairness"]
    measure: Words = "impact ratio"
    by: Words
    at_least: Share
    smallest_group: int = Field(ge=1, default=30)


class OwnerGate(_Gate):
    """An administrator named an owner."""

    kind: Literal["owner_present"]


class DescriptionGate(_Gate):
    """The version has a description in MLflow."""

    kind: Literal["description_present"]


class AuthorGate(_Gate):
    """Somebody is linked to the version as its author."""

    kind: Literal["author_known"]
    may_wait: Literal[False] = False  # who built it decides who may approve it


class ArtifactsGate(_Gate):
    """The worker recorded the SHA-256 of every artifact file."""

    kind: Literal["artifacts_recorded"]
    may_wait: Literal[False] = False  # without them nobody knows what is approved


class UnchangedGate(_Gate):
    """The files of the version are still those that Countersign read first."""

    kind: Literal["digest_unchanged"]
    may_wait: Literal[False] = False  # without them nobody knows what is approved


class CardGate(_Gate):
    """The model card is filled in to a percentage."""

    kind: Literal["card_complete"]
    at_least: int = Field(ge=1, le=100)


class ClassifiedGate(_Gate):
    """Tier and regulatory class of the model were named."""

    kind: Literal["classified"]


class NamingGate(_Gate):
    """The model is called as the naming rule in force asks."""

    kind: Literal["naming_follows"]


class SignatureGate(_Gate):
    """Who calls the live version can call this one: no column gone, none added, none changed."""

    kind: Literal["signature_compatible"]


class EvidenceGate(_Gate):
    """A piece of evidence of a kind is on record, and not too old.

    With a role, whoever attached it held that role then. Independent: they neither asked for the
    release nor built the version.
    """

    kind: Literal["evidence_present"]
    evidence: Id
    name: str = ""
    within_days: Days | None = None
    verified: bool = False
    role: Answering = ""
    independent: bool = False

    @model_validator(mode="after")
    def _is_signed(self) -> EvidenceGate:
        if (self.role or self.independent) and self.evidence not in SIGNED:
            msg = (
                f"of a {self.evidence} nobody knows in which role it was attached; ask for a role, "
                f"or for independence, of {' or '.join(sorted(SIGNED))}"
            )
            raise ValueError(msg)
        return self


class ScanGate(_Gate):
    """No tool found anything in the version's files (evidence `scan`).

    The newest scan of each tool counts, of those in `tools` where any are named.
    """

    kind: Literal["scan_clean"]
    tools: list[Words] = Field(default_factory=list, max_length=20)
    within_days: Days | None = None


class CheckGate(_Gate):
    """A check that CI reported under a name passed (evidence `check`)."""

    kind: Literal["check_passed"]
    check: Words
    within_days: Days | None = None


class AttestationGate(_Gate):
    """A person answered a question with yes (evidence `attestation`).

    With a role, the person held it when they answered, and did not build the version. Independent:
    they neither asked for the release nor built the version.
    """

    kind: Literal["attested"]
    question: Words
    role: Answering = ""
    independent: bool = False
    within_days: Days | None = None


class DataGate(_Gate):
    """The data the version was trained on was checked and found sound (evidence `data-check`).

    Every data set that its run named for training, by name and digest.
    """

    kind: Literal["data_sound"]
    within_days: Days | None = None


class MonitoringGate(_Gate):
    """It is written down how the version is watched once live (evidence `monitoring-plan`)."""

    kind: Literal["monitoring_plan"]


class FindingsGate(_Gate):
    """No finding of a severity or worse stands on the version or on its model.

    That tags were changed after an approval is not counted: whoever may write tags could stop any
    release with it.
    """

    kind: Literal["findings_closed"]
    at_least: Literal["low", "medium", "high", "critical"] = "high"


class ApprovedBeforeGate(_Gate):
    """The version, with these very files, was approved and live under this alias before."""

    kind: Literal["approved_before"]


class StillThereGate(_Gate):
    """The alias that is to be taken away still points at the version."""

    kind: Literal["still_there"]


class ConsumersToldGate(_Gate):
    """Whoever relies on an alias that is to be taken away was told, and their time is over.

    They are told by the version's deprecation, which names the day. Nobody relies on it: passed.
    """

    kind: Literal["consumers_told"]


class AllGate(_Gate):
    """Every one of several gates passes."""

    kind: Literal["all_of"]
    gates: list[AnyGate] = Field(min_length=1, max_length=20)


class SomeGate(_Gate):
    """One of several gates passes."""

    kind: Literal["any_of"]
    gates: list[AnyGate] = Field(min_length=1, max_length=20)


AnyGate = Annotated[
    PerformanceGate
    | ThresholdGate
    | SliceGate
    | FairnessGate
    | OwnerGate
    | DescriptionGate
    | AuthorGate
    | ArtifactsGate
    | UnchangedGate
    | CardGate
    | ClassifiedGate
    | NamingGate
    | SignatureGate
    | EvidenceGate
    | ScanGate
    | CheckGate
    | AttestationGate
    | DataGate
    | MonitoringGate
    | FindingsGate
    | ApprovedBeforeGate
    | StillThereGate
    | ConsumersToldGate
    | AllGate
    | SomeGate,
    Field(discriminator="kind"),
]
AllGate.model_rebuild()
SomeGate.model_rebuild()

GATES: Final[tuple[type[_Gate], ...]] = get_args(get_args(AnyGate)[0])
KINDS: Final = frozenset(get_args(gate.model_fields["kind"].annotation)[0] for gate in GATES)


def depth(gate: AnyGate) -> int:
    """How deep gates lie in gates: 1 for a plain one."""
    inner = gate.gates if isinstance(gate, AllGate | SomeGate) else ()
    return 1 + max((depth(one) for one in inner), default=0)


def flat(gates: list[AnyGate]) -> list[AnyGate]:
    """The gates and all that lie in them, in order."""
    found: list[AnyGate] = []
    for gate in gates:
        found.append(gate)
        if isinstance(gate, AllGate | SomeGate):
            found += flat(gate.gates)
    return found
