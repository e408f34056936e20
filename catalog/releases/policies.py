"""Policies: the organisation's release law, read from YAML, checked, kept by digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import rfc8785
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlmodel import Session

from catalog.registry.measures import Measure
from catalog.releases.tables import PolicyRow
from ledger.clock import Clock
from ledger.errors import Misconfigured, NotFound
from ledger.store import Store

SHIPPED: Final = Path(__file__).parent / "policies_shipped"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class MetricRule(_Strict):
    """A metric by the names runs give it, what people call it, and which way is better."""

    names: list[str] = Field(min_length=1)
    label: str = Field(min_length=1)
    better: Literal["higher", "lower"]


class _Gate(_Strict):
    id: str = Field(min_length=1)
    title: str = Field(min_length=1)
    asks: str = Field(min_length=1)


class PerformanceGate(_Gate):
    """Not worse than the version the alias points at now, by more than `margin`."""

    kind: Literal["metric_not_worse_than_champion"]
    margin: float = Field(ge=0)


class OwnerGate(_Gate):
    """An administrator named an owner."""

    kind: Literal["owner_present"]


class DescriptionGate(_Gate):
    """The version has a description in MLflow."""

    kind: Literal["description_present"]


class AuthorGate(_Gate):
    """Somebody is linked to the version as its author."""

    kind: Literal["author_known"]


class ArtifactsGate(_Gate):
    """The worker recorded the SHA-256 of every artifact file."""

    kind: Literal["artifacts_recorded"]


AnyGate = Annotated[
    PerformanceGate | OwnerGate | DescriptionGate | AuthorGate | ArtifactsGate,
    Field(discriminator="kind"),
]


class Approvals(_Strict):
    """How many people must agree."""

    needed: Literal[1]


class Policy(_Strict):
    """One version of the release law."""

    name: str = Field(min_length=1)
    version: int = Field(ge=1)
    title: str = Field(min_length=1)
    approvals: Approvals
    metrics: Mapping[str, list[MetricRule]] = Field(min_length=1)
    context: str = Field(min_length=1)
    gates: list[AnyGate] = Field(min_length=1)

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
    """A policy with the digest it is bound by."""

    policy: Policy
    digest: str


class Policies:
    """The policies that were ever in force, and the one that is."""

    def __init__(
        self, store: Store, clock: Clock, source: Path = SHIPPED / "baseline.yaml"
    ) -> None:
        self._store = store
        self._clock = clock
        self._current = read_policy(source)

    @property
    def in_force(self) -> Published:
        """The policy that new requests are judged by."""
        return self._current

    def keep(self, session: Session, published: Published) -> None:
        """Keep the body of a policy that something is bound to, once."""
        if session.get(PolicyRow, published.digest) is None:
            session.add(
                PolicyRow(
                    digest=published.digest,
                    name=published.policy.name,
                    version=published.policy.version,
                    body=canonical(published.policy.model_dump(mode="json")),
                    published_at=self._clock.now(),
                )
            )
            session.flush()

    def by_digest(self, digest: str) -> Policy:
        """A policy as it was when something was bound to it. Raises NotFound."""
        if digest == self._current.digest:
            return self._current.policy
        with self._store.read() as session:
            row = session.get(PolicyRow, digest)
        if row is None:
            raise NotFound("This policy version is not known.", hint="Send the request again.")
        return Policy.model_validate(json.loads(row.body))


@cache
def read_policy(path: Path) -> Published:
    """Read a policy file. Raises Misconfigured with the place and the remedy."""
    try:
        policy = Policy.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise Misconfigured(
            f"The policy {path.name} cannot be read: {error}", hint="Correct the YAML."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise Misconfigured(
            f"The policy {path.name} is wrong at {where}: {first['msg']}.",
            hint="Compare it with the policies that are shipped.",
        ) from error
    return Published(policy, digest_of(policy.model_dump(mode="json")))


def canonical(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """The canonical JSON (RFC 8785) of a value: the same text for everybody."""
    return rfc8785.dumps(value).decode("utf-8")


def digest_of(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """SHA-256 over the canonical JSON of a value."""
    return "sha256:" + hashlib.sha256(canonical(value).encode()).hexdigest()
