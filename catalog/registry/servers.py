"""The MLflow servers that Countersign looks after, each by the slug it has in the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from catalog.registry.mirror.seen import USUAL_WORKSPACE, Mlflow
from ledger.errors import Unavailable

_NOT_CONFIGURED: Final = "mlflow-unconfigured"


class Servers:
    """Where to ask about a model: its own server, within its own workspace."""

    def __init__(self, by_slug: Mapping[str, Mlflow]) -> None:
        self._by_slug = by_slug

    @property
    def slugs(self) -> list[str]:
        """The servers there are."""
        return list(self._by_slug)

    def at(self, server: str, workspace: str = USUAL_WORKSPACE) -> Mlflow:
        """The server with this slug, asked about one of its workspaces.

        Raises:
            Unavailable: it is not configured any more, though the catalog still knows its models.
        """
        found = self._by_slug.get(server)
        if found is None:
            raise Unavailable(
                f"The MLflow server {server!r} is not configured.",
                hint="Name it in MLFLOW_SERVERS again, with its address.",
                code=_NOT_CONFIGURED,
            )
        return found if workspace == USUAL_WORKSPACE else found.within(workspace)
