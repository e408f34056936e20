"""Everything Countersign can refuse or fail at, as one family of errors with one shape.

A message is a sentence to the person and names the thing; a hint is the next step; a code is what
a machine reads and what the audit trail keeps. Anything outside this family is a bug.
"""

from __future__ import annotations

from typing import ClassVar


class CountersignError(Exception):
    """The head of the family. `status` is the HTTP status the API answers with."""

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code
        # Set once the trail holds it, so that a refusal on its way up is written down only once.
        self.is_recorded = False


class Invalid(CountersignError):
    """What was given cannot be used; nothing was changed."""

    status = 422
    default_code = "invalid"


class Unauthenticated(CountersignError):
    """Nobody, or nobody any more, is signed in."""

    status = 401
    default_code = "unauthenticated"


class Refused(CountersignError):
    """The law says no. The refusal is recorded."""

    status = 403
    default_code = "refused"


class NotFound(CountersignError):
    """It does not exist, or this person may not know that it does."""

    status = 404
    default_code = "not-found"


class Conflict(CountersignError):
    """It was possible a moment ago; somebody else was first, or something changed."""

    status = 409
    default_code = "conflict"


class TooMany(CountersignError):
    """Too many attempts in too little time."""

    status = 429
    default_code = "too-many"


class Unavailable(CountersignError):
    """Something Countersign needs does not answer; nothing was changed."""

    status = 503
    default_code = "unavailable"


class Misconfigured(CountersignError):
    """A setting, a folder or a file of the installation cannot be used."""

    default_code = "misconfigured"
