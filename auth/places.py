"""Where a thing lies: how a room that has never heard of models asks after one."""

from __future__ import annotations

from collections.abc import Callable

from sqlmodel import Session
from sqlmodel.sql.expression import SelectOfScalar

from auth.access import Resource

# The thing with this id as the access law sees it at this moment; None when it is not there.
Place = Callable[[Session, str], Resource | None]
# The ids of the things that a principal owns, as a question to be asked within another.
Owned = Callable[[str], SelectOfScalar[str]]
