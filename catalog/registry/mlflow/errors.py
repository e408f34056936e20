"""What went wrong at MLflow, in our words and without a word of its own."""

from __future__ import annotations

import re
from typing import TypeVar

from catalog.registry.mirror.seen import SeenModel, SeenVersion
from ledger.errors import CountersignError, NotFound, Unavailable

_Seen = TypeVar("_Seen", SeenModel, SeenVersion)


def in_our_words(error: Exception) -> CountersignError:
    """Whatever MLflow's client raised, as one of our family."""
    code = str(getattr(error, "error_code", ""))
    if code in {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"}:
        return NotFound("MLflow has no such thing any more.", code="not-in-mlflow")
    if code in {"PERMISSION_DENIED", "UNAUTHENTICATED"}:
        return Unavailable(
            "MLflow refuses Countersign's account.",
            hint="Check the MLflow credentials in the worker's environment and their rights; "
            "and, if that MLflow has a guard, its COUNTERSIGN_GUARD_ settings.",
            code="mlflow-refuses",
        )
    return _improper()


def proper(seen: _Seen) -> _Seen:
    """What was asked for by its name has one; an empty answer is some proxy's, not MLflow's."""
    if not seen.name:
        raise _improper()
    return seen


def _improper() -> Unavailable:
    return Unavailable(
        "MLflow does not answer properly.",
        hint="Check that the MLflow server runs and that its address is right.",
        code="mlflow-unavailable",
    )


def kind_of(error: Exception) -> str:
    """What went wrong without a word of its text: `MlflowException INTERNAL_ERROR (SSLError)`."""
    response = getattr(error, "response", None)
    status = getattr(error, "error_code", None) or getattr(response, "status_code", "")
    cause = error.__cause__ or error.__context__
    told = [type(error).__name__]
    if re.fullmatch(r"\w{1,60}", str(status), re.ASCII):
        told.append(str(status))
    if cause is not None:
        told.append(f"({type(cause).__name__})")
    return " ".join(told)
