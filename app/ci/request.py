"""`countersign request`: ask for a release, and wait for what people decide."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from app.ci import addresses
from app.ci.calls import Api, open_api
from app.ci.words import shown
from ledger.errors import CountersignError, Refused, Unavailable

DONE: Final = 0
NOT_RELEASED: Final = 1
EVERY_SECONDS: Final = 10.0
_SECONDS_IN_A_MINUTE: Final = 60
_WAITING: Final = frozenset({"Pending review", "In review"})
_CHANGES: Final = "Changes requested"
_SENT: Final = "Changes were asked for; it was sent again with this reason."
_HOW: Final = "Changes were asked for. Once they are made, --again sends it again."
_OPEN: Final = _WAITING | {_CHANGES}
_APPROVED: Final = frozenset({"Approved", "Conditionally approved"})
# With changes requested it is a person's turn, and a pipeline that waits helps nobody.
_OVER: Final = frozenset({_CHANGES, "Rejected", "Withdrawn", "Revoked", "Expired"})


def request(asked: argparse.Namespace) -> int:
    """Ask for a release. Returns 0 when it was asked for, or is live where that is waited for.

    Run again it goes on with the request that is open already; `again` sends that again where
    changes were asked for. Returns 1 when it was waited for and is not released. Raises what the
    portal refuses with, and Unavailable when the wait is over.
    """
    which = addresses.parsed(asked.version)
    api = open_api(asked.server_url, asked.token_file)
    where = {"server": asked.server, "workspace": asked.workspace}
    number = addresses.version_of(which, api, **where)
    body = {
        "model": which.name,
        "version": number,
        "alias": asked.alias,
        "reason": asked.reason,
    }
    try:
        told = api.post("release-requests", body=body, **where)
    except Refused as refusal:
        if refusal.code == "already-live":
            print(shown(f"{refusal.message} {refusal.hint}"))
            return DONE
        if refusal.code != "asked-already":
            raise
        told = _open_already(api, which.name, number, asked.alias.strip(), refusal, **where)
        if told["state"] == _CHANGES:
            told = _sent_again(api, told, asked.reason) if asked.again else told
            print(_SENT if asked.again else _HOW)
    name = shown(str(told.get("number", "")))
    what = f"models:/{which.name}/{number} as {asked.alias.strip()}"
    print(f"{name}: {shown(what)}, {_stands(told)}")
    print(f"  {api.address}/release?id={name}")
    if not asked.wait:
        return DONE
    return wait(api, told, minutes=asked.wait_minutes)


def _open_already(
    api: Api, model: str, version: int, alias: str, refusal: Refused, **where: str
) -> dict[str, Any]:
    """The request that asks for the same; the refusal again where the token may not see it."""
    same = {"model": model, "version": str(version), "alias": alias, "limit": "1"}
    found = api.get("release-requests", state=sorted(_OPEN), **same, **where)
    for one in found.get("release_requests", []):
        print(shown(refusal.message))
        return dict(one)
    raise refusal


def _sent_again(api: Api, told: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """The request once it was sent again. Raises what the portal refuses with."""
    return api.post("release-requests", str(told["id"]), "resubmission", body={"reason": reason})


def wait(
    api: Api,
    told: Mapping[str, Any],
    *,
    minutes: int,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Wait until the version is live or will not be, and say every change. Returns 0 or 1.

    A portal that is away for a while is waited for too. Raises Unavailable when the time is over;
    the request stays open.
    """
    number = str(told["number"])
    deadline = clock() + minutes * _SECONDS_IN_A_MINUTE
    said = _stands(told)
    away: CountersignError | None = None
    while (code := _code(told)) is None:
        if clock() >= deadline:
            raise away or Unavailable(
                f"After {minutes} minute{'s' * (minutes > 1)} {shown(number)} is still {said}.",
                hint="It stays open; run the same command again to go on waiting.",
                code="still-open",
            )
        pause(EVERY_SECONDS)
        try:
            told, away = api.get("release-requests", str(told["id"])), None
        except Unavailable as error:
            if away is None:
                print(f"{error.message} Still waiting.", flush=True)
            away = error
            continue
        if (now := _stands(told)) != said:
            said = now
            print(f"{shown(number)}: {said}", flush=True)
    return code


def _code(told: Mapping[str, Any]) -> int | None:
    """0 when it is live, 1 when it will not be, None while somebody still has to act."""
    state = told["state"]
    if state in _WAITING:
        return None
    if state in _APPROVED:
        carried_out = (told.get("promotion") or {}).get("state")
        return {"Applied": DONE, "Failed": NOT_RELEASED}.get(str(carried_out))
    if state in _OVER:
        return NOT_RELEASED
    raise Unavailable(
        f"The portal says that the request is {shown(str(state))!r}, which is not understood.",
        hint="The portal and this command are of different versions; update the older one.",
        code="not-understood",
    )


def _stands(told: Mapping[str, Any]) -> str:
    """Where a request stands, and the last word on it."""
    words = str(told["state"]).lower()
    promotion = told.get("promotion")
    if promotion:
        words += f", promotion {str(promotion['state']).lower()}"
        return shown(f"{words}: {promotion['message']}" if promotion.get("message") else words)
    decisions = told.get("decisions")
    if told.get("problem"):
        words += f": {told['problem']}"
    elif decisions and told["state"] in _OVER:
        words += f": {decisions[-1]['reason']}"
    return shown(words)
