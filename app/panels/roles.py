"""What each role is for, and what whoever holds it may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.panels.acts import permission_words
from app.ui import chips, page, tables
from app.ui.markup import Markup, note, show
from app.ui.tables import Column, Row
from auth.permissions import GIVABLE_ROLES, ROLE_PERMISSIONS, Role

ABOUT: Final[Mapping[Role, str]] = {
    Role.VIEWER: "Reads models, releases and impact",
    Role.BUSINESS_OWNER: "Says what outcomes are worth",
    Role.MODEL_DEVELOPER: "Builds versions and asks for their release",
    Role.MODEL_OWNER: "Answers for a model and asks for releases",
    Role.INDEPENDENT_VALIDATOR: "Checks versions without having built them",
    Role.APPROVER: "Decides release requests",
    Role.GOVERNANCE_ADMIN: "Gives and takes access, and classifies models",
    Role.AUDITOR: "Reads everything, changes nothing",
}


def roles() -> None:
    """The tab: what each role may do."""
    with page.card("roles"):
        show(
            page.section("What each role may do", "the same for everybody who holds it"),
            roles_table(),
            note(
                "Whoever asked for a release or built its version never decides it, whatever "
                "their roles."
            ),
        )


def roles_table() -> Markup:
    """Permissions by role: one row for each thing that can be done."""
    given = GIVABLE_ROLES
    offered = sorted(
        {one for role in given for one in ROLE_PERMISSIONS[role]}, key=permission_words
    )
    rows = [
        Row(
            (
                permission_words(one),
                *(
                    chips.mark("Allowed", "Yes") if one in ROLE_PERMISSIONS[role] else None
                    for role in given
                ),
            )
        )
        for one in offered
    ]
    columns = (Column("May", lead=True), *(Column(role.value.capitalize()) for role in given))
    return tables.table(columns, rows, "Permissions by role")
