"""A restricted model as everybody in its scope may know it: it is there, and what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from auth.access import Resource
from catalog.registry.tables import ModelRow
from ledger.errors import Refused


@dataclass(frozen=True)
class Summary:
    """What may be known of a model by whoever may find it."""

    id: str
    server: str
    workspace: str
    name: str
    description: str
    domain: str
    task: str
    owner_id: str
    restricted_at: datetime | None = None
    restricted_why: str = ""

    @property
    def resource(self) -> Resource:
        """The model as the access law sees it."""
        return Resource(
            "model", self.id, self.domain, self.owner_id, self.restricted_at is not None
        )


class Locked(Refused):
    """The model is restricted and this person is not let in; the summary is what they may know."""

    default_code = "restricted"

    def __init__(self, summary: Summary) -> None:
        super().__init__(
            f"{summary.name} is restricted, and you are not let in.",
            hint="Ask for access on its page: its owner or a governance admin decides.",
        )
        self.summary = summary


def summary_of(row: ModelRow | Row[Any]) -> Summary:
    """A model's row as a summary."""
    return Summary(
        row.id,
        row.server,
        row.workspace,
        row.name,
        row.description,
        row.domain,
        row.task,
        row.owner_id,
        row.restricted_at,
        row.restricted_why or "",
    )
