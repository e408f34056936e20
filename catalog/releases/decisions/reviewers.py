"""Reviewers: each request is given to one person to read first, with load and absence considered.

It gives no right and takes none: whoever may decide still may.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Final

from sqlalchemy import bindparam, func
from sqlalchemy import select as columns
from sqlmodel import Session, col

from auth.absences import away
from auth.actors import Actor
from auth.holders import holders
from catalog.registry.authorship import authors
from catalog.registry.models import resource
from catalog.registry.tables import ModelRow
from catalog.releases.decisions.agreement import panels_of
from catalog.releases.policies.law import PANELS, Policy
from catalog.releases.requests.rights import may_decide
from catalog.releases.states import OPEN
from catalog.releases.tables import RequestRow


def give(session: Session, row: RequestRow, model: ModelRow, policy: Policy, today: date) -> str:
    """Whom a request is given to: of those who may decide and are here, who has least to read.

    Somebody it was given to before keeps it while that is still so. Empty when nobody may decide.
    """
    built_by = authors(session, row.version_id)
    roles = [panel.role for panel in panels_of(policy, row)]
    people: dict[str, Actor] = {}
    for role in roles:
        for one in holders(session, PANELS[role], resource(model)):
            people.setdefault(one.id, one)
    able = [one for one in people.values() if may_decide(one, row, model, built_by, roles)]
    gone = away(session, [one.id for one in able], today)
    here = [one.id for one in able if one.id not in gone] or [one.id for one in able]
    if row.reviewer_id in here:
        return row.reviewer_id
    read = loads(session, here, besides=row.id)
    return min(here, key=lambda one: (read.get(one, 0), people[one].name, one), default="")


def loads(session: Session, people: Collection[str], *, besides: str = "") -> Mapping[str, int]:
    """How many open requests each of these people was given; who has none is absent."""
    asked = {"people": list(people), "besides": besides}
    return dict(session.connection().execute(_LOADS, asked).all())


_LOADS: Final = (
    columns(col(RequestRow.reviewer_id), func.count())
    .where(
        col(RequestRow.reviewer_id).in_(bindparam("people", expanding=True)),
        col(RequestRow.state).in_(sorted(OPEN)),
        col(RequestRow.id) != bindparam("besides"),
    )
    .group_by(col(RequestRow.reviewer_id))
)
