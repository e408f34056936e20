"""The kinds of evidence that can be attached from outside, and what each has to say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ledger.errors import Invalid

Short = Annotated[str, Field(min_length=1, max_length=200)]
Long = Annotated[str, Field(max_length=4000)]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @property
    def name(self) -> str:
        """What this piece is about, among those of its kind."""
        return ""


class Check(_Said):
    """A check that CI ran."""

    check: Short
    passed: bool
    detail: Long = ""

    @property
    def name(self) -> str:
        """The check's own name."""
        return self.check


class Scan(_Said):
    """A scan of the version's files."""

    tool: Short
    findings: int = Field(ge=0)
    detail: Long = ""

    @property
    def name(self) -> str:
        """The tool that scanned."""
        return self.tool


class Group(_Said):
    """A group of rows and its value."""

    group: Short
    rows: int = Field(ge=0)
    value: float

    @field_validator("value")
    @classmethod
    def _is_finite(cls, value: float) -> float:
        if not math.isfinite(value):
            msg = "a value is a finite number"
            raise ValueError(msg)
        return value


class Slices(_Said):
    """A metric by groups of the evaluation rows."""

    metric: Short
    by: Short
    groups: list[Group] = Field(min_length=1, max_length=200)

    @property
    def name(self) -> str:
        """Which metric by which column."""
        return f"{self.metric} by {self.by}"


class Fairness(_Said):
    """How alike groups are treated: each group's rate, or its ratio to the best treated one's."""

    measure: Short = "impact ratio"
    by: Short
    groups: list[Group] = Field(min_length=2, max_length=200)

    @field_validator("groups")
    @classmethod
    def _are_shares(cls, value: list[Group]) -> list[Group]:
        for one in value:
            if not 0 <= one.value <= 1:
                msg = (
                    f"a rate, or a ratio to the best treated group, lies between 0 and 1, and "
                    f"{one.group} has {one.value:g}; 95 % is written 0.95"
                )
                raise ValueError(msg)
        if len({one.group for one in value}) < len(value):
            msg = "a group stands here twice; say once what it has"
            raise ValueError(msg)
        return value

    @property
    def name(self) -> str:
        """Which measure by which column."""
        return f"{self.measure} by {self.by}"


class MonitoringPlan(_Said):
    """How the version is watched once it is live, and what happens when it goes wrong."""

    signals: list[Short] = Field(min_length=1, max_length=50)
    rollback: Annotated[str, Field(min_length=1, max_length=4000)]


class Attestation(_Said):
    """A person's answer to a question of the policy."""

    question: Short
    answer: bool
    statement: Annotated[str, Field(min_length=1, max_length=4000)]

    @property
    def name(self) -> str:
        """The question."""
        return self.question


class DataCheck(_Said):
    """Whether the training data was found sound."""

    dataset: Short
    digest: Annotated[str, Field(max_length=200)] = ""  # as the run that trained on it names it
    sound: bool
    detail: Long = ""

    @property
    def name(self) -> str:
        """The data set."""
        return self.dataset


class Document(_Said):
    """A paper about the version, known by its digest."""

    title: Short
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    media_type: Short
    size_bytes: int = Field(ge=0)

    @property
    def name(self) -> str:
        """The paper's title."""
        return self.title


# Only a person attests; a program reports the rest.
KINDS: Final[Mapping[str, type[_Said]]] = {
    "attestation": Attestation,
    "check": Check,
    "data-check": DataCheck,
    "document": Document,
    "fairness": Fairness,
    "monitoring-plan": MonitoringPlan,
    "scan": Scan,
    "slices": Slices,
}

# What tells pieces of one kind apart, where it is a thing the piece says.
NAMED_BY: Final[Mapping[str, str]] = {
    "attestation": "question",
    "check": "check",
    "data-check": "dataset",
    "document": "title",
    "scan": "tool",
}


def named(kind: str, says: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What a piece says, with its name in the place where its kind has one. Raises Invalid."""
    if not name or kind not in KINDS:
        return says
    field = NAMED_BY.get(kind)
    if field is None:
        raise Invalid(
            f"A {kind} has no name of its own.",
            hint="Leave the name out; it follows from what is said.",
            code="no-name",
        )
    if says.get(field, name) != name:
        raise Invalid(
            f"The {kind} is named {name[:80]!r} and says that its {field} is another.",
            hint=f"Leave the name out, or {field}.",
            code="two-names",
        )
    return {field: name, **says}


def checked(kind: str, says: Mapping[str, Any]) -> _Said:
    """What a piece of evidence says, once it is what its kind asks for. Raises Invalid."""
    model = KINDS.get(kind)
    if model is None:
        raise Invalid(
            f"There is no evidence of the kind {kind[:40]!r}.",
            hint=f"There are: {', '.join(KINDS)}.",
            code="no-such-evidence",
        )
    try:
        return model.model_validate(dict(says))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or kind
        told = str(first["msg"]).removeprefix("Value error, ")
        raise Invalid(
            f"The {kind} is wrong at {where}: {told[:1].lower()}{told[1:]}.",
            hint=f"It takes {', '.join(model.model_fields)}.",
            code="bad-evidence",
        ) from error
