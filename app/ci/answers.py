"""What the gates answered, as the portal told it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ledger.errors import Unavailable


class Standing(StrEnum):
    """Where a gate stands. One that is LATER opens by itself once a request is sent."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    MISSING = "missing"
    LATER = "later"


@dataclass(frozen=True)
class Gate:
    """One gate's answer."""

    id: str
    title: str
    asks: str
    standing: Standing
    required: str
    observed: str
    reason: str
    produced_by: str
    is_verified: bool

    @property
    def is_in_the_way(self) -> bool:
        """Whether the release cannot be approved because of it."""
        return self.standing in {Standing.FAIL, Standing.MISSING}


@dataclass(frozen=True)
class Answers:
    """The answers of every gate of the policy that governs a release.

    `refusal` is empty where whoever asks could send the request now, `undecidable` where enough
    people hold the roles that have to agree, `unknown_author` where an approver can be told from
    who built the version. `plain` is what the portal told, as it told it.
    """

    model: str
    version: int
    alias: str
    replaces: int | None
    asked_at: str
    policy: str
    policy_digest: str
    gates: tuple[Gate, ...]
    refusal: str
    portal: str
    is_passed_there: bool
    plain: Mapping[str, Any]
    undecidable: str = ""
    unknown_author: str = ""

    @property
    def uri(self) -> str:
        """The version, as MLflow writes it."""
        return f"models:/{self.model}/{self.version}"

    @property
    def in_the_way(self) -> tuple[Gate, ...]:
        """The gates that fail or are missing."""
        return tuple(one for one in self.gates if one.is_in_the_way)

    @property
    def passes(self) -> bool:
        """Whether nothing stands in the way, by the gates and by the portal; no gates is no."""
        return bool(self.gates) and not self.in_the_way and self.is_passed_there


def understood(told: Mapping[str, Any], portal: str) -> Answers | None:
    """The answers in what the portal told; None where no policy covers the release.

    Raises Unavailable when it is not understood: an answer that is read by halves passes nothing.
    """
    try:
        policy, may = told["policy"], told["may_request"]
        if policy is None:
            return None
        return Answers(
            model=str(told["model"]),
            version=int(told["version"]),
            alias=str(told["alias"]),
            replaces=told["replaces"],
            asked_at=str(told["asked_at"]),
            policy=f"{policy['name']} v{policy['version']}",
            policy_digest=str(policy["digest"]),
            gates=tuple(_gate(one) for one in told["gates"]),
            refusal=refusal_in(may),
            portal=portal,
            is_passed_there=told["passes"] is True,
            plain=told,
            undecidable=too_few(told.get("approvals")),
            unknown_author=refusal_in(told.get("author")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unavailable(
            f"What {portal} answered is not understood.",
            hint="The portal and this command are of different versions; update the older one.",
            code="not-understood",
        ) from error


def too_few(told: Any) -> str:  # noqa: ANN401 - an older portal does not say
    """Why too few people hold the roles, as the portal told it; empty where enough do."""
    if told is None or told["possible"]:
        return ""
    return f"{told['reason']} {told['hint']}".strip()


def refusal_in(told: Any) -> str:  # noqa: ANN401 - an older portal does not say all of them
    """Why not, as the portal told it; empty where it is allowed."""
    if told is None or told["allowed"]:
        return ""
    return f"{told['reason']} {told['hint']}".strip()


def _gate(told: Mapping[str, Any]) -> Gate:
    verdict = Standing(told["verdict"])
    if verdict is Standing.MISSING and told["after_request"] is True:
        verdict = Standing.LATER
    return Gate(
        id=str(told["id"]),
        title=str(told["title"]),
        asks=str(told["asks"]),
        standing=verdict,
        required=str(told["required"]),
        observed=str(told["observed"]),
        reason=str(told["reason"]),
        produced_by=str(told["produced_by"]),
        is_verified=told["verified"] is True,
    )
