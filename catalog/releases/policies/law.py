"""A policy: which releases it governs, what it asks, who agrees, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from auth.permissions import Role
from catalog.registry.measures import Measure
from catalog.releases.policies.calendar import Freeze, Window
from catalog.releases.policies.digests import digest_of
from catalog.releases.policies.questions import (
    DEEPEST,
    AnyGate,
    Better,
    Day,
    Days,
    Id,
    Strict,
    Words,
    depth,
    flat,
)

# Whose agreement a policy can ask for, and the permission that is asked of them.
PANELS: Final[Mapping[str, str]] = {
    Role.APPROVER: "release:decide",
    Role.INDEPENDENT_VALIDATOR: "release:validate",
    Role.BUSINESS_OWNER: "release:accept",
}
MOST_GATES: Final = 60


class MetricRule(Strict):
    """A metric by the names runs give it, what people call it, and which way is better."""

    names: list[str] = Field(min_length=1)
    label: str = Field(min_length=1)
    better: Better


class Source(Strict):
    """What a policy rests on: a law, a guideline, a decision of the organisation."""

    title: Words
    by: Words
    date: Day
    note: str = Field(default="", max_length=600)


class AppliesTo(Strict):
    """The releases a policy governs: each list that is given must hold the model's own value."""

    tiers: list[Literal[1, 2, 3]] = Field(default_factory=list)
    classes: list[Words] = Field(default_factory=list)
    domains: list[Words] = Field(default_factory=list)
    aliases: list[Words] = Field(default_factory=list)
    tasks: list[Words] = Field(default_factory=list)

    def covers(self, asked: Classified) -> bool:
        """Whether a release is governed: an empty list leaves everything in."""
        return all(
            not wanted or has in wanted
            for wanted, has in (
                (self.tiers, asked.tier),
                (self.classes, asked.regulatory_class),
                (self.domains, asked.domain),
                (self.aliases, asked.alias),
                (self.tasks, asked.task),
            )
        )


@dataclass(frozen=True)
class Classified:
    """What a release is classified by. Unknown is 0 or empty, and no list holds that."""

    tier: int
    regulatory_class: str
    domain: str
    alias: str
    task: str


class Panel(Strict):
    """So many people of a role must agree; nobody counts in two panels."""

    role: Literal["approver", "independent validator", "business owner"]
    needed: int | Literal["all"] = Field(default=1)

    @field_validator("needed")
    @classmethod
    def _is_somebody(cls, value: int | str) -> int | str:
        if isinstance(value, int) and not 1 <= value <= 9:  # noqa: PLR2004
            msg = "from 1 to 9 people, or all, agree; write such a number, or all"
            raise ValueError(msg)
        return value


class TimeLimits(Strict):
    """How many days an open request waits: untouched before it is closed, and for its decision.

    The days for the decision count from when it was put before its reviewers as it is, whatever
    some of them did meanwhile; `undecided` says what becomes of it after the last of them.
    """

    expire_after_days: Days = 30
    decide_within_days: Days | None = None
    undecided: Literal["wait", "close"] = "wait"

    @field_validator("decide_within_days")
    @classmethod
    def _comes_before_the_end(cls, value: int | None, info: ValidationInfo) -> int | None:
        most = info.data.get("expire_after_days")
        if value is not None and most is not None and value > most:
            msg = (
                f"after {most} days in which nothing was done a request is closed, so nobody has "
                f"longer; write {most} or less, or a larger expire_after_days"
            )
            raise ValueError(msg)
        return value

    @field_validator("undecided")
    @classmethod
    def _has_its_day(cls, value: str, info: ValidationInfo) -> str:
        if value == "close" and info.data.get("decide_within_days", 0) is None:
            msg = "nothing says when; write decide_within_days as well, or leave undecided out"
            raise ValueError(msg)
        return value


class Emergency(Strict):
    """The route for emergencies: one agreement lets through; it is reviewed within so many days."""

    review_within_days: int = Field(default=3, ge=1, le=30)


class Recheck(Strict):
    """Gates that what was released is asked again, every so many days while it is live."""

    gates: list[Id] = Field(min_length=1, max_length=MOST_GATES)
    every_days: int = Field(ge=1, le=365)


class Policy(Strict):
    """One version of a release law."""

    name: Id
    version: int = Field(ge=1)
    title: Words
    purpose: str = Field(default="", max_length=2000)
    sources: list[Source] = Field(default_factory=list)
    applies_to: AppliesTo = AppliesTo()
    priority: int = Field(default=1000, ge=1, le=9999)
    approvals: list[Panel] = Field(min_length=1, max_length=5)
    limits: TimeLimits = TimeLimits()
    metrics: Mapping[str, list[MetricRule]] = Field(min_length=1)
    context: Words
    gates: list[AnyGate] = Field(min_length=1, max_length=MOST_GATES)
    emergency: Emergency | None = None
    windows: list[Window] = Field(default_factory=list, max_length=20)
    freezes: list[Freeze] = Field(default_factory=list, max_length=50)
    rechecks: list[Recheck] = Field(default_factory=list, max_length=10)
    # Whether a version may be approved of which nobody knows who built it: then nobody can tell
    # whether who approves it did. In an emergency it never may.
    unknown_author: Literal["refuse", "accept"] = "refuse"
    # What becomes of a live version whose approval was revoked, or that nobody approved.
    unapproved: Literal["report", "roll back"] = "report"

    @field_validator("approvals", mode="before")
    @classmethod
    def _as_panels(cls, value: Any) -> Any:  # noqa: ANN401 - whatever was written
        """The short form `{needed: 1}` means approvers."""
        if isinstance(value, dict):
            return [{"role": "approver", **value}]
        return value

    @field_validator("approvals")
    @classmethod
    def _one_panel_a_role(cls, value: list[Panel]) -> list[Panel]:
        roles = [panel.role for panel in value]
        if len(set(roles)) < len(roles):
            msg = "a role stands here twice; say once how many of it agree"
            raise ValueError(msg)
        return value

    @field_validator("gates")
    @classmethod
    def _are_told_apart(cls, value: list[AnyGate]) -> list[AnyGate]:
        every = flat(value)
        seen: set[str] = set()
        for gate in every:
            if gate.id in seen:
                msg = f"two gates are called {gate.id!r}; give each an id of its own"
                raise ValueError(msg)
            seen.add(gate.id)
        if len(every) > MOST_GATES:
            msg = f"{len(every)} gates; {MOST_GATES} are enough"
            raise ValueError(msg)
        if any(depth(gate) > DEEPEST for gate in value):
            msg = f"gates lie more than {DEEPEST} deep in each other; flatten them"
            raise ValueError(msg)
        return value

    @field_validator("rechecks")
    @classmethod
    def _name_gates(cls, value: list[Recheck], info: ValidationInfo) -> list[Recheck]:
        kinds = {gate.id: gate.kind for gate in info.data.get("gates", ())}
        named = [gate for one in value for gate in one.gates]
        for gate in named if kinds else ():
            if gate not in kinds:
                msg = f"there is no gate {gate!r}; name gates of this policy by their ids"
                raise ValueError(msg)
            if kinds[gate] == "metric_not_worse_than_champion":
                msg = f"{gate!r} would compare what is live with itself; ask for a threshold"
                raise ValueError(msg)
            if named.count(gate) > 1:
                msg = f"{gate!r} stands here twice; say once how often it is asked"
                raise ValueError(msg)
        return value

    @property
    def plain(self) -> dict[str, Any]:
        """The policy as JSON holds it, without defaults: it stays when the vocabulary grows."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def digest(self) -> str:
        """What the policy is bound by."""
        return digest_of(self.plain)

    @property
    def waiting(self) -> frozenset[str]:
        """The gates that may pass after an approval with conditions, by id."""
        return frozenset(gate.id for gate in self.gates if gate.may_wait)

    def key_metric(self, task: str) -> MetricRule | None:
        """The metric that decides for a task, if the policy knows the task."""
        rules = self.metrics.get(task) or []
        return rules[0] if rules else None

    def measures(self) -> dict[str, Measure]:
        """What decides for each task, as the catalog reads it from a version."""
        return {
            task: Measure(tuple(rules[0].names), rules[0].label, rules[0].better, self.context)
            for task, rules in self.metrics.items()
            if rules
        }


@dataclass(frozen=True)
class Published:
    """A policy with the digest it is bound by.

    What is the last resort governs only what no other policy covers, whatever its priority.
    """

    policy: Policy
    digest: str
    is_last_resort: bool = False

    @property
    def rank(self) -> tuple[bool, int, str]:
        """Which goes first of those that cover a release: the smallest."""
        return (self.is_last_resort, self.policy.priority, self.policy.name)


def governing(policies: Iterable[Published], asked: Classified) -> Published | None:
    """The policy that governs a release: of those that cover it, the first by rank.

    None means that nothing may be released: no law is no permission.
    """
    covering = [one for one in policies if one.policy.applies_to.covers(asked)]
    return min(covering, key=lambda one: one.rank, default=None)
