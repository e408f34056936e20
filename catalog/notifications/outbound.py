"""The way out: letters and webhook calls through Apprise, without telling its log anything.

An address is a secret, and Apprise writes addresses into its log. So its log ends here: of what it
says only the number of the answer is kept.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, urlsplit

from apprise import AppriseAsset, NotifyFormat
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.email.base import NotifyEmail
from apprise.plugins.email.smtp import AppriseSMTPController
from apprise.plugins.slack import NotifySlack
from apprise.plugins.workflows import NotifyWorkflows

from catalog.notifications.addresses import Allowed
from catalog.notifications.channels import Way
from ledger.errors import CountersignError, Invalid, Misconfigured, Unavailable

_ANSWER: Final = re.compile(r"error=(\d{3})\b")
# Answers that may be another one in a while; any other 3xx or 4xx stays what it is.
_PASSES: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500
# What chats read as markup: a model's name must not call everybody or hide a link.
_HARMLESS: Final = str.maketrans({"<": "(", ">": ")", "[": "(", "]": ")", "@": "(at)"})
# What the address of a chat itself may ask. All else would be an order to Apprise: to send a file
# of this machine as the template, to believe any certificate, to wait without an end.
_ASKED: Final[Mapping[Way, frozenset[str]]] = {
    Way.SLACK: frozenset(),
    Way.TEAMS: frozenset({"api-version", "environmentname", "sig", "sp", "sv", "tenantid"}),
}
# What Apprise puts there itself when it reads an address of the chat.
_OWN: Final = frozenset({"mode", "pa", "route"})
_MESSAGE_ID: Final = re.compile(r"^Message-ID:.*$", re.MULTILINE | re.IGNORECASE)
SECONDS: Final = 10.0


@dataclass(frozen=True)
class Letter:
    """What is sent; `id` is the same whenever the same is sent again."""

    id: str
    title: str
    body: str


class Outbound(Protocol):
    """Anything that can send."""

    def mail(self, to: str, letter: Letter) -> None:
        """Send a letter. Raises Unavailable (again in a while) or another error (never)."""
        ...

    def call(self, way: Way, url: str, letter: Letter) -> None:
        """Call a webhook. Raises likewise."""
        ...


class AppriseOutbound:
    """Sends through Apprise, each message by itself."""

    def __init__(self, mail_url: str, allowed: Allowed) -> None:
        self._mail_url = mail_url
        self._allowed = allowed
        _silence()
        # Nobody is sent elsewhere by whoever answers, and nothing is kept in a cache.
        self._asset = AppriseAsset(
            app_id="Countersign", http_redirects=False, secure_logging=True, async_mode=False
        )

    def mail(self, to: str, letter: Letter) -> None:
        """Send a letter through the operator's gateway, its Message-ID made of the letter's id."""
        parts = NotifyEmail.parse_url(self._mail_url)
        if not parts:
            raise Misconfigured(
                "NOTIFY_MAIL_URL is no address of a mail gateway.",
                hint="Use mailtos://user:password@host:587?from=countersign@example.com.",
            )
        given = {**parts, "targets": [to], "cc": None, "bcc": None, "asset": self._asset}
        post = _Letter(message_id=letter.id, **given)
        if post.targets != [(False, to)]:
            raise Invalid("This is no e-mail address.", code="no-address")
        title = " ".join(letter.title.split())
        _send(lambda: post.hand_in(title, letter.body))

    def call(self, way: Way, url: str, letter: Letter) -> None:
        """Call a webhook whose host is still allowed and still leads nowhere inside."""
        address = self._allowed.check(url)
        address.insist_public()
        plain = letter
        if way is not Way.WEBHOOK:
            plain = Letter(
                letter.id, *(one.translate(_HARMLESS) for one in (letter.title, letter.body))
            )
        try:
            post = self._webhook(way, url, letter)
        except CountersignError:
            raise
        except Exception:  # noqa: BLE001 - what a plugin says of an address may repeat it
            raise _no_address(way) from None
        _send(lambda: bool(post.send(plain.body, plain.title, body_format=NotifyFormat.TEXT)))

    def _webhook(self, way: Way, url: str, letter: Letter) -> Any:  # noqa: ANN401 - untyped plugins
        known: Any = {Way.SLACK: NotifySlack, Way.TEAMS: NotifyWorkflows}.get(way)
        if known is not None:
            parts = known.parse_native_url(url)
            if not parts or _orders(way, url, parts):
                raise _no_address(way)
            return known(**{**parts, "asset": self._asset})
        parts_ = urlsplit(url)
        return NotifyJSON(
            host=parts_.hostname,
            port=parts_.port,
            secure=parts_.scheme == "https",
            fullpath=parts_.path or "/",
            params=dict(parse_qsl(parts_.query, keep_blank_values=True)),
            headers={"Idempotency-Key": letter.id},
            payload={"delivery": letter.id},
            asset=self._asset,
            cto=SECONDS,
            rto=SECONDS,
        )


def _orders(way: Way, url: str, parts: Mapping[str, Any]) -> bool:
    """Whether an address asks for more than its chat would, as Apprise reads it or as we do."""
    ours = {name.lower() for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    theirs = set(parts["qsd"]) - _OWN
    return bool((ours | theirs) - _ASKED[way] or parts["qsd+"] or parts["qsd-"] or parts["qsd:"])


def _no_address(way: Way) -> Invalid:
    return Invalid(f"This is no address of {way.value.capitalize()}.", code="no-address")


class _Letter(NotifyEmail):
    """A letter with a Message-ID of our choice, by which a mailbox drops a repeat."""

    def __init__(self, *, message_id: str, **kwargs: Any) -> None:  # noqa: ANN401 - Apprise's own
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self._message_id = message_id

    def hand_in(self, title: str, body: str) -> bool:
        """Hand the letter to the gateway; a gateway that is away raises."""
        with AppriseSMTPController(
            host=self.smtp_host,
            port=self.port or 0,
            secure_mode=str(self.secure_mode),
            user=self.user,
            password=self.password,
            verify_certificate=self.verify_certificate,
            socket_connect_timeout=int(SECONDS),
        ) as smtp:
            to = [address for _name, address in self.targets]
            return bool(smtp.sendmail(str(self.from_addr[1]), to, self._written(title, body)))

    def _written(self, title: str, body: str) -> str:
        (made,) = NotifyEmail.prepare_emails(
            subject=title,
            body=body,
            notify_format=NotifyFormat.TEXT,
            from_addr=self.from_addr,
            to=self.targets,
            headers={"Auto-Submitted": "auto-generated"},
            smtp_host=self.smtp_host,
        )
        named = f"Message-ID: <{self._message_id}@{str(self.from_addr[1]).rpartition('@')[2]}>"
        text: str = made.body
        return _MESSAGE_ID.sub(lambda _found: named, text, count=1)


class _Heard(threading.local):
    answer: int = 0


_HEARD: Final = _Heard()


class _Ear(logging.Handler):
    """Keeps the number of the last answer in this thread, and nothing of the words."""

    def emit(self, record: logging.LogRecord) -> None:
        """Listen."""
        found = _ANSWER.search(record.getMessage())
        if found:
            _HEARD.answer = int(found.group(1))


def _silence() -> None:
    log = logging.getLogger("apprise")
    log.propagate = False
    log.setLevel(logging.WARNING)
    log.handlers = [_Ear()]
    # What Apprise calls with names the path of each address, when it is asked to say much.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


def _send(send: Callable[[], bool]) -> None:
    _HEARD.answer = 0
    try:
        went = send()
    except CountersignError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a plugin raises, it is told by its kind
        # A plugin's own exception may carry the address: its kind is all that is told.
        kind = type(error).__name__
        raise Unavailable(f"The channel failed ({kind}).", code="no-answer") from None
    if went:
        return
    answer = _HEARD.answer
    if answer and answer < _SERVER_ERROR and answer not in _PASSES:
        raise Invalid(f"The channel answered {answer}.", code=f"answered-{answer}")
    if answer:
        raise Unavailable(f"The channel answered {answer}.", code=f"answered-{answer}")
    raise Unavailable("The channel did not answer.", code="no-answer")
