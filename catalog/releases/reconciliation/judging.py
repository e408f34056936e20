"""The law of explanation: which changes in MLflow an approval explains, and what the others are.

    alias     explained by a promotion whose approval stands and whose time is the move's; or it is
              back where an approval put it, or away again where one took it away; or it went away
              from what nobody had approved
    artifact  explained when the files are again the ones that were approved
    deleted   asks for no explanation where the version was neither approved nor live
    renamed   likewise of a model
    tag       likewise, and live is not enough
    stage     is never explained: Countersign moves no stages

An approval that was taken back explains nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from catalog.releases.findings.finding import Kind, Severity
from catalog.releases.reconciliation.journal import Moved
from catalog.releases.reconciliation.known import Asked, Known

Covered = Callable[[str], bool]


@dataclass(frozen=True)
class Found:
    """What no approval explains."""

    kind: Kind
    severity: Severity
    title: str
    detail: str
    moved: Moved
    cause: str
    version_id: str = ""
    version_number: int | None = None
    alias: str = ""


def judge(moved: Moved, known: Known, is_covered: Covered) -> Found | None:
    """What a change is found to be, or nothing where it is explained or asks for no explanation.

    `is_covered` says whether a policy governs releases to an alias of the model.
    """
    judged = _LAW[moved.kind](moved, known, is_covered)
    if judged is None:
        return None
    version = known.versions.get(moved.version_id)
    return judged if version is None else replace(judged, version_number=version.number)


def fold(found: list[Found]) -> list[Found]:
    """Tags of one version that changed at the same time are one finding."""
    folded: list[Found] = []
    for one in found:
        last = folded[-1] if folded else None
        if (
            last is not None
            and "tag" == one.moved.kind == last.moved.kind
            and ((last.version_id, last.moved.until) == (one.version_id, one.moved.until))
        ):
            folded[-1] = replace(last, detail=f"{last.detail}\n{one.detail}")
        else:
            folded.append(one)
    return folded


# -- aliases ---------------------------------------------------------------------------------------


def _alias(moved: Moved, known: Known, is_covered: Covered) -> Found | None:
    alias = moved.name
    place = known.place(alias, until=moved.until)
    original = known.original(alias, until=moved.until)
    movers = [one for one in known.asked if _is_by(one, moved)]
    if any(one.stands for one in movers):
        return None
    if moved.after:
        if place is not None and place.leaves_on == moved.version_id:
            return None
        if place is None and original == moved.after:
            return None
        if movers:
            return _taken_back(moved, movers[-1])
    else:
        # That a live version was deleted is found of the version.
        version = known.versions.get(moved.version_id)
        is_deleted = version is not None and version.gone_at is not None
        is_its_place = place.is_retirement if place is not None else not original
        if is_deleted or is_its_place:
            return None
    consumers = known.consumers.get(alias, ())
    was_approved = place is not None and place.leaves_at == moved.before
    if was_approved or consumers:
        severity = Severity.CRITICAL
    else:
        severity = Severity.HIGH if is_covered(alias) else Severity.MEDIUM
    return Found(
        Kind.OUTSIDE,
        severity,
        _alias_title(moved),
        _sentences(
            _approved(alias, place, original),
            f"Relied on by {', '.join(consumers)}." if consumers else "",
        ),
        moved,
        _cause(moved),
        moved.version_id,
        alias=alias,
    )


def _is_by(one: Asked, moved: Moved) -> bool:
    """Whether a promotion is known to have made the move, or can have."""
    if moved.by_promotion:
        return one.promotion_id == moved.by_promotion
    return one.may_have_moved(moved)


def _taken_back(moved: Moved, asked: Asked) -> Found:
    """The same finding as the one that taking the approval back opens, if that saw it live."""
    return Found(
        Kind.UNAPPROVED,
        Severity.CRITICAL,
        f"v{moved.after} is live as {moved.name} and its approval was revoked",
        f"{asked.number} was revoked.",
        moved,
        f"revoked:{asked.request_id}",
        moved.version_id,
        alias=moved.name,
    )


def _alias_title(moved: Moved) -> str:
    if not moved.after:
        return f"{moved.name} was removed from v{moved.before} outside the process"
    was = f"from v{moved.before} to" if moved.before else "to"
    verb = "moved" if moved.before else "set"
    return f"{moved.name} was {verb} {was} v{moved.after} outside the process"


def _approved(alias: str, place: Asked | None, original: str) -> str:
    if place is not None and place.is_retirement:
        return f"{alias} was taken away from v{place.version_number} in {place.number}."
    if place is not None:
        return f"Approved for {alias} is v{place.version_number}, in {place.number}."
    if original:
        return (
            f"Nothing was approved for {alias}; when Countersign first looked, it was v{original}."
        )
    return f"Nothing was approved for {alias}."


# -- everything else -------------------------------------------------------------------------------


def _artifact(moved: Moved, known: Known, _is_covered: Covered) -> Found | None:
    approval = known.approval_of(moved.version_id)
    if any(
        one.version_id == moved.version_id
        and one.stands
        and not one.is_retirement
        and one.manifest_digest == moved.after
        for one in known.asked
    ):
        return None
    number = _number(moved, known)
    if approval is not None:
        severity, said = Severity.CRITICAL, f"{approval.number} approved other files."
    elif known.is_live(moved.version_id):
        severity, said = Severity.HIGH, "The version is live and was never approved."
    else:
        severity, said = Severity.MEDIUM, "The version is neither approved nor live."
    return _about_version(moved, known, severity, f"The files of v{number} were changed", said)


def _deleted(moved: Moved, known: Known, _is_covered: Covered) -> Found | None:
    return _deleted_version(moved, known) if moved.version_id else _deleted_model(moved, known)


def _deleted_version(moved: Moved, known: Known) -> Found | None:
    version = known.versions.get(moved.version_id)
    if version is not None and version.gone_at is not None and _went_with(version.gone_at, known):
        return None
    approval = known.approval_of(moved.version_id)
    was_live = _was_live(moved, known.removed.get(moved.version_id))
    if approval is None and not was_live:
        return None
    return _about_version(
        moved,
        known,
        Severity.HIGH,
        f"v{_number(moved, known)} was deleted",
        _sentences(
            "An alias pointed at it." if was_live else "",
            f"It was approved in {approval.number}." if approval else "",
        ),
    )


def _was_live(moved: Moved, removed: datetime | None) -> bool:
    """Whether an alias went in the same window, and not at some time before."""
    return removed is not None and (moved.since is None or removed >= moved.since)


def _went_with(gone_at: object, known: Known) -> bool:
    """Whether a version went because its model did."""
    return known.model.gone_at is not None and known.model.gone_at == gone_at


def _deleted_model(moved: Moved, known: Known) -> Found | None:
    approved = [one for one in known.asked if one.stands and not one.is_retirement]
    was_live = any(_was_live(moved, one) for one in known.removed.values())
    if not approved and not was_live:
        return None
    named = ", ".join(dict.fromkeys(f"v{one.version_number}" for one in approved))
    return _about_version(
        moved,
        known,
        Severity.HIGH,
        "The model was deleted with all its versions",
        _sentences(
            "An alias pointed at one of them." if was_live else "",
            f"Approved were {named}." if approved else "",
            _relied_on(known),
        ),
    )


def _renamed(moved: Moved, known: Known, _is_covered: Covered) -> Found | None:
    if not known.aliases and not any(one.stands for one in known.asked):
        return None
    return _about_version(
        moved,
        known,
        Severity.HIGH,
        f"{moved.before} was renamed to {moved.after}",
        _sentences("Who loads it by its old name finds nothing.", _relied_on(known)),
    )


def _stage(moved: Moved, known: Known, _is_covered: Covered) -> Found | None:
    before, after = moved.before or "None", moved.after or "None"
    return _about_version(
        moved,
        known,
        Severity.MEDIUM,
        f"v{_number(moved, known)} was moved from the MLflow stage {before} to {after}",
        "Releases go by aliases; who loads a model by its stage gets what nobody approved.",
    )


def _tag(moved: Moved, known: Known, _is_covered: Covered) -> Found | None:
    approval = known.approval_of(moved.version_id) if moved.version_id else None
    if approval is None:
        return None
    number = _number(moved, known)
    return _about_version(
        moved,
        known,
        Severity.LOW,
        f"Tags of v{number} were changed after its approval",
        f"{moved.name}: {_cut(moved.before) or 'none'} before, {_cut(moved.after) or 'none'} now.",
    )


def _about_version(
    moved: Moved, known: Known, severity: Severity, title: str, detail: str
) -> Found:
    aliases = [name for name, version in known.aliases.items() if version == moved.version_id]
    relied = [one for alias in aliases for one in known.consumers.get(alias, ())]
    told = f"Relied on by {', '.join(dict.fromkeys(relied))}." if relied else ""
    return Found(
        Kind.OUTSIDE,
        severity,
        f"{title} outside the process",
        _sentences(detail, told),
        moved,
        _cause(moved),
        moved.version_id,
    )


def _relied_on(known: Known) -> str:
    names = dict.fromkeys(name for names in known.consumers.values() for name in names)
    return f"Relied on by {', '.join(names)}." if names else ""


def _number(moved: Moved, known: Known) -> str:
    version = known.versions.get(moved.version_id)
    return str(version.number) if version else moved.name


def _cause(moved: Moved) -> str:
    return f"change:{moved.sequence}"


def _sentences(*said: str) -> str:
    return " ".join(one for one in said if one)


def _cut(value: str) -> str:
    return value if len(value) <= _LONGEST_VALUE else value[: _LONGEST_VALUE - 1] + "…"


_LONGEST_VALUE: Final = 60
_LAW: Final[Mapping[str, Callable[[Moved, Known, Covered], Found | None]]] = {
    "alias": _alias,
    "artifact": _artifact,
    "deleted": _deleted,
    "renamed": _renamed,
    "stage": _stage,
    "tag": _tag,
}
