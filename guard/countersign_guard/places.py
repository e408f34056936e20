"""Places: where files lie, in one spelling for every way in which an address may be written."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

_SERVED: Final = "/mlflow-artifacts/artifacts/"
_OF_A_SERVER: Final = frozenset({"mlflow-artifacts", "http", "https"})
_USUAL_WORKSPACE: Final = "default"


@dataclass(frozen=True)
class Places:
    """How this server's addresses lead to files.

    Attributes:
        destination: where the artifacts it serves are kept; empty when it serves none.
        has_workspaces: whether each workspace has a folder of its own there.
    """

    destination: str
    has_workspaces: bool = False

    def of(self, address: str, workspace: str = _USUAL_WORKSPACE) -> str:
        """The place of an artifact address, as MLflow's databases hold it."""
        scheme = urlsplit(address).scheme.lower()
        if scheme not in _OF_A_SERVER or not self.destination:
            return _plain(address)
        path = urlsplit(address).path
        if scheme != "mlflow-artifacts":
            path = path.partition(_SERVED)[2]
        return self.served(path, workspace)

    def served(self, path: str, workspace: str = _USUAL_WORKSPACE) -> str:
        """The place of a path below the artifacts that this server serves."""
        inner = _decoded(path).lstrip("/")
        if (
            self.has_workspaces
            and workspace != _USUAL_WORKSPACE
            and not inner.startswith("workspaces/")
        ):
            inner = f"workspaces/{workspace}/{inner}"
        return _plain(f"{self.destination.rstrip('/')}/{inner}")

    @staticmethod
    def below(place: str, path: str) -> str:
        """The place of a path below another place."""
        return _plain(f"{place}/{_decoded(path).lstrip('/')}")


def upwards(place: str) -> Iterator[str]:
    """A place and all that hold it, from itself up."""
    while place:
        yield place
        above = place.rpartition("/")[0].rstrip("/")
        place = "" if above.endswith(":") else above


def _plain(address: str) -> str:
    """One spelling of an address: two of the same files never differ, though others may meet."""
    text = _decoded(address)
    scheme, has_scheme, rest = text.partition("://")
    if not has_scheme:
        scheme, has_scheme, rest = text.partition(":")
    if not has_scheme or scheme.lower() == "file" or not re.fullmatch(r"[\w.+-]{2,}", scheme):
        path = rest if has_scheme and scheme.lower() == "file" else text
        return os.path.normcase(os.path.realpath(path)).replace(os.sep, "/")
    host, _, path = rest.lstrip("/").partition("/") if "://" in text else ("", "", rest)
    inner = posixpath.normpath("/" + re.sub(r"[?#].*", "", path)).lstrip("/")
    return f"{scheme.lower()}://{host.lower()}/{inner}".rstrip("/")


def _decoded(text: str) -> str:
    """The text without percent signs that stand for other letters, however often encoded."""
    while (plainer := unquote(text)) != text:
        text = plainer
    return text
