"""The only door to Streamlit's session: which portal this is, who is here, and what they may do."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, NoReturn, TypeVar
from urllib.parse import urlsplit

import streamlit as st

from app.drills import drill
from app.portal import Portal, build
from app.screens import PAGES
from app.settings import from_environment, prepare_data_dir
from app.ui import feedback
from auth.access import ANYTHING, Hidden, decide, may_anywhere
from auth.actors import Actor
from auth.sessions import Sessions
from ledger.errors import CountersignError, Refused, Unauthenticated
from ledger.ids import new_id

_log = logging.getLogger(__name__)
_OPENING: Final = threading.Lock()
_open: dict[str, Portal] = {}

T = TypeVar("T")


def portal() -> Portal:
    """The portal of this process, built from the environment when it is first asked for."""
    here = _open.get("here")
    if here is None:
        with _OPENING:
            here = _open.get("here")
            if here is None:
                settings = from_environment()
                prepare_data_dir(settings)
                here = _open["here"] = build(settings, at_point=drill())
    return here


def use(made: Portal) -> None:
    """Make this the portal of the process, for a story that is told over a database of its own."""
    with _OPENING:
        _open["here"] = made


def actor() -> Actor:
    """Who is here, as the server knows it at this moment. Raises Unauthenticated."""
    return who_signed_in(st.user.to_dict(), portal().sessions, portal().clock.now())


def later(verb: Callable[[Actor], T]) -> Callable[[], T]:
    """A verb that is carried out when its button is pressed, such as a download.

    Streamlit calls it outside of any page, where it knows nobody: who is here is remembered, and
    the session behind them asked again. Raises Unauthenticated when it is called.
    """
    claims = st.user.to_dict()
    return lambda: verb(who_signed_in(claims, portal().sessions, portal().clock.now()))


def who_signed_in(claims: Mapping[str, object], sessions: Sessions, now: datetime) -> Actor:
    """The person whom the claims of an ID token name, if the session behind it still goes on.

    Claims are read by Streamlit when a tab is opened, and it never asks again: so they say only
    which session to look up. Raises Unauthenticated.
    """
    session_id, expires = claims.get("sid"), claims.get("exp")
    if not claims.get("is_logged_in") or not isinstance(session_id, str):
        raise Unauthenticated("You are not signed in.", hint="Sign in to go on.", code="anonymous")
    if not isinstance(expires, int | float) or datetime.fromtimestamp(expires, UTC) <= now:
        raise Unauthenticated(
            "Your session has ended after a while.",
            hint="Sign in again to go on.",
            code="session-expired",
        )
    found = sessions.who_is(session_id)
    if found.id != claims.get("sub"):
        raise Unauthenticated(
            "You are not signed in.", hint="Sign in to go on.", code="session-of-another"
        )
    return found


def sign_out() -> None:
    """End the session here and at the provider, in every tab."""
    session_id = st.user.to_dict().get("sid")
    if isinstance(session_id, str):
        portal().sessions.end(session_id)
    st.logout()


def require(*permissions: str) -> Actor:
    """Go on only with somebody who holds one of the permissions on anything at all.

    Everybody else reads why not, the refusal is recorded, and the page stops. No permission named:
    being signed in is enough. This opens a page, nothing more: every verb asks for itself.
    """
    try:
        here = actor()
    except CountersignError as error:
        _stop_with(error)
    admit(here, *permissions)
    return here


def admit(here: Actor, *permissions: str) -> None:
    """What `require` does with somebody who was recognised already in this run."""
    if not permissions or any(may_anywhere(here, one) for one in permissions):
        return
    verdict = decide(here, permissions[0], ANYTHING)
    refusal = Refused(
        f"{here.name} does not hold a role that opens this page.",
        hint=verdict.hint,
        code=verdict.code,
    )
    _stop_with(_recorded(refusal))


def act(verb: Callable[[Actor], T]) -> T | None:
    """Carry out a verb for who is here, and give what it gives.

    The session is asked again first: it may have ended since the page was drawn. When the verb is
    refused or fails, the reason is shown in place and nothing comes back.
    """
    try:
        return verb(actor())
    except Exception as error:  # noqa: BLE001 - the last boundary: nobody is shown a traceback
        show_failure(error)
        return None


def did(verb: Callable[[Actor], object]) -> bool:
    """Carry out a verb that gives nothing back, and say whether it was done."""
    return act(lambda by: (verb(by),)) is not None


def show_failure(error: Exception) -> bool:
    """Tell the person what went wrong: our own errors in their words, bugs by an incident id.

    Always true: Streamlit then adds nothing of its own.
    """
    if not isinstance(error, CountersignError):
        incident = new_id("inc")
        _log.error("Incident %s", incident, exc_info=error)
        error = CountersignError(
            f"Something broke on our side. Incident {incident}.",
            hint="Try again; if it stays, give the operator this number.",
        )
    feedback.problem(_recorded(error))
    return True


def _recorded(error: CountersignError) -> CountersignError:
    """A look that was refused goes on record too; a refused verb is there already."""
    if isinstance(error, Refused | Hidden) and not error.is_recorded:
        try:
            portal().ledger.refuse_look(
                "page:open", actor=actor().id, resource=f"page:{_page()}", refusal=error
            )
        except CountersignError as worse:
            return worse
    return error


def _page() -> str:
    path = urlsplit(st.context.url or "").path.strip("/") or "home"
    # The address is whatever the caller wrote; the record names only screens there are.
    return path if path in {screen.key for screen in PAGES} else "unknown"


def _stop_with(error: CountersignError) -> NoReturn:
    feedback.problem(error)
    st.stop()
