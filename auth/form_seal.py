"""The seal on our forms: another site can send people to them, but cannot send them itself."""

from __future__ import annotations

import hmac
import secrets
from typing import Final

from itsdangerous import BadSignature, Signer, TimestampSigner
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import Refused

_FORM_LASTS: Final = 3_600  # seconds


class FormSeal:
    """Keeps other sites from sending our forms: a signed cookie and a signed field must agree.

    Neither lives longer than an hour or says anything about the person.
    """

    def __init__(self, secret: str, *, secure: bool) -> None:
        self._cookie = "__Host-countersign-form" if secure else "countersign-form"
        self._secure = secure
        self._cookie_signer = Signer(secret, salt="countersign.form.cookie")
        self._field_signer = TimestampSigner(secret, salt="countersign.form.field")

    def field(self, request: Request) -> str:
        """The hidden field of a form that is about to be shown."""
        return self._field_signer.sign(self._browser(request)).decode("ascii")

    def set_cookie(self, request: Request, response: Response) -> None:
        """Mark the browser that the form is shown to."""
        response.set_cookie(
            self._cookie,
            self._cookie_signer.sign(self._browser(request)).decode("ascii"),
            max_age=_FORM_LASTS,
            httponly=True,
            secure=self._secure,
            samesite="lax",
        )

    def check(self, request: Request, given: dict[str, str]) -> None:
        """Raises Refused when the form was not shown to this browser within the last hour."""
        try:
            browser = self._cookie_signer.unsign(request.cookies.get(self._cookie, ""))
            shown_to = self._field_signer.unsign(given.get("csrf", ""), max_age=_FORM_LASTS)
        except BadSignature as error:
            raise _foreign_form() from error
        if not hmac.compare_digest(browser, shown_to):
            raise _foreign_form()

    def _browser(self, request: Request) -> str:
        """The browser's mark; one that has none, or a forged one, gets a new one."""
        kept: str | None = getattr(request.state, "browser", None)
        if kept is None:
            try:
                kept = self._cookie_signer.unsign(request.cookies.get(self._cookie, "")).decode()
            except (BadSignature, UnicodeDecodeError):
                kept = secrets.token_urlsafe(18)
            request.state.browser = kept
        return kept


def _foreign_form() -> Refused:
    return Refused(
        "This form was open for too long, or was not sent from this page, so nothing was done.",
        hint="Fill it in and send it again.",
        code="foreign-form",
    )
