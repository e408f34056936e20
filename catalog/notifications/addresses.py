"""Where notices may be sent: only to hosts the operator named, and into no private network.

Nobody can make Countersign call an address of their choice. A host is named as it is spelt in an
address, so that no other way of writing a number or a name is let through; it is called by https
only, and only while all its addresses are public. The certificate must be that of the host: a name
that leads somewhere else between the look and the call is refused there.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ledger.errors import Invalid, Misconfigured, Refused, Unavailable

_HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,62})(\.[a-z0-9]([a-z0-9-]{0,62}))+")
_PRINTABLE: Final = re.compile(r"[!-\[\]-~]{1,2000}")
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Address:
    """A checked address; an `exact` one was named by the operator with scheme and port."""

    url: str
    scheme: str
    host: str
    port: int
    exact: bool

    def insist_public(self) -> None:
        """Look the host up, and go on only if it leads nowhere inside.

        Raises:
            Refused: one of its addresses is private, local or otherwise not public.
            Unavailable: the name is not known at this moment.
        """
        if self.exact:
            return
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Unavailable(f"The host {self.host} is not known at this moment.") from error
        if not found or not all(_is_public(str(one[4][0])) for one in found):
            raise Refused(
                f"{self.host} leads into a private network, so nothing is sent there.",
                hint="Ask the operator to name it with scheme and port in NOTIFY_WEBHOOK_HOSTS.",
                code="private-address",
            )


@dataclass(frozen=True)
class Allowed:
    """What the operator named: `hooks.example.com`, `*.example.com`, `http://10.0.0.7:8065`."""

    entries: tuple[str, ...] = ()

    @classmethod
    def parse(cls, given: str) -> Allowed:
        """The entries of NOTIFY_WEBHOOK_HOSTS, apart by commas. Raises Misconfigured."""
        entries = tuple(one.strip().lower() for one in given.split(",") if one.strip())
        for entry in entries:
            if "://" in entry:
                parts = _split(entry)
                usable = (
                    parts is not None
                    and parts.scheme in _PORTS
                    and bool(parts.hostname)
                    and not (parts.path or parts.query or parts.fragment or parts.username)
                )
            else:
                usable = bool(_HOST.fullmatch(entry.removeprefix("*.")))
            if not usable:
                raise Misconfigured(
                    f"NOTIFY_WEBHOOK_HOSTS names {entry!r}, which is no host.",
                    hint="Use hooks.example.com, *.example.com or http://10.0.0.7:8065.",
                )
        return cls(entries)

    def check(self, url: str) -> Address:
        """An address that may be called. Nothing is looked up.

        Raises:
            Invalid: it is no web address. Refused: the operator did not name its host.
        """
        parts = _split(url) if _PRINTABLE.fullmatch(url) else None
        if parts is None or parts.scheme not in _PORTS or not parts.hostname:
            raise Invalid(
                "This is no web address.", hint="Paste it as the service shows it: https://…"
            )
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise Invalid(
                "An address here has no user, password or # part.",
                hint="Paste it as the service shows it.",
            )
        port = parts.port or _PORTS[parts.scheme]
        address = Address(url, parts.scheme, parts.hostname, port, exact=False)
        if self._names_exactly(address):
            return Address(url, parts.scheme, parts.hostname, port, exact=True)
        if parts.scheme != "https" or not self._names(address):
            raise Refused(
                f"Nothing is sent to {parts.scheme}://{parts.hostname[:120]}.",
                hint="The operator names the hosts in NOTIFY_WEBHOOK_HOSTS; https only.",
                code="host-not-allowed",
            )
        return address

    def _names(self, address: Address) -> bool:
        return address.port == _PORTS["https"] and any(
            address.host == entry
            or (entry.startswith("*.") and address.host.endswith(entry.removeprefix("*")))
            for entry in self.entries
            if "://" not in entry
        )

    def _names_exactly(self, address: Address) -> bool:
        for entry in self.entries:
            parts = _split(entry) if "://" in entry else None
            if parts is not None and (address.scheme, address.host, address.port) == (
                parts.scheme,
                parts.hostname,
                parts.port or _PORTS[parts.scheme],
            ):
                return True
        return False


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is not None:
            found = inner
    return found.is_global and not found.is_multicast
