"""Where notices may be sent: to nothing that the operator did not name, and nowhere inside."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from catalog.notifications.addresses import Allowed
from ledger.errors import CountersignError, Invalid, Misconfigured, Refused, Unavailable

NAMED = Allowed.parse("hooks.slack.com, *.logic.azure.com, http://127.0.0.1:9000")


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com/services/T/B/C",
        "https://hooks.slack.com:443/x",
        "https://HOOKS.slack.com/x",
        "https://prod-1.westeurope.logic.azure.com/workflows/x?sig=y",
        "http://127.0.0.1:9000/hook?token=x",
    ],
)
def test_an_address_on_a_named_host_is_let_through(url: str) -> None:
    assert NAMED.check(url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.slack.com/x",
        "https://hooks.slack.com:8443/x",
        "https://hooks.slack.com.evil.example/x",
        "https://evil.example/hooks.slack.com",
        "https://logic.azure.com.evil.example/x",
        "https://logic.azure.com/x",
        "https://evillogic.azure.com/x",
        "https://hooks.slack.com./x",
        "https://localhost/x",
        "https://127.0.0.1/x",
        "http://127.0.0.1:9001/x",
        "https://127.0.0.1:9000/x",
        "http://127.1:9000/x",
        "http://2130706433:9000/x",
        "http://0x7f000001:9000/x",
        "http://0177.0.0.1:9000/x",
        "http://[::1]:9000/x",
        "http://[::ffff:127.0.0.1]:9000/x",
        "https://169.254.169.254/latest/meta-data",
        "https://metadata.google.internal/x",
    ],
)
def test_every_other_host_is_refused_however_it_is_written(url: str) -> None:
    with pytest.raises(Refused) as refused:
        NAMED.check(url)
    assert refused.value.code == "host-not-allowed"
    assert "NOTIFY_WEBHOOK_HOSTS" in refused.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.slack.com/x",
        "ftp://hooks.slack.com/x",
        "file:///etc/passwd",
        "gopher://hooks.slack.com/x",
        "jsons://hooks.slack.com/x",
        "https://user:pass@hooks.slack.com/x",
        "https://hooks.slack.com@evil.example/x",
        "https://evil.example\\@hooks.slack.com/x",
        "https://hooks.slack.com/x#frag",
        "https://hooks.slack.com/a b",
        "https://hooks.slack.com/\r\nHost: evil",
        "https://hooks.slack.com:99999/x",
        "https://hooks.slack.com:x/x",
        "https://ⓗooks.slack.com/x",
        "https://[::1",
        "https:///x",
        "https://hooks.slack.com/" + "a" * 2_000,
    ],
)
def test_what_is_no_plain_web_address_is_refused_before_it_is_compared(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        NAMED.check(url)
    assert refused.value.hint


def test_nothing_is_allowed_unless_it_is_named() -> None:
    with pytest.raises(Refused):
        Allowed.parse("").check("https://hooks.slack.com/x")


@pytest.mark.parametrize(
    "given",
    [
        "*",
        "*.com/x",
        "hooks",
        "https://",
        "ftp://x.example",
        "http://a.example/path",
        "a b.example",
    ],
)
def test_an_operator_is_told_what_is_no_host(given: str) -> None:
    with pytest.raises(Misconfigured):
        Allowed.parse(given)


@pytest.mark.parametrize(
    ("addresses", "is_public"),
    [
        (["93.184.216.34"], True),
        (["93.184.216.34", "10.0.0.1"], False),
        (["127.0.0.1"], False),
        (["169.254.169.254"], False),
        (["192.168.1.4"], False),
        (["100.64.0.1"], False),
        (["0.0.0.0"], False),
        (["224.0.0.1"], False),
        (["::1"], False),
        (["fe80::1%eth0"], False),
        (["fd00::1"], False),
        (["::ffff:10.0.0.1"], False),
        (["2002:7f00:1::"], False),
        (["2606:2800:220:1:248:1893:25c8:1946"], True),
        ([], False),
    ],
)
def test_a_named_host_that_leads_inside_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    addresses: list[str],
    is_public: bool,  # noqa: FBT001 - a column of the table
) -> None:
    def looked_up(*_asked: object, **_more: object) -> list[tuple[Any, ...]]:
        return [(0, 0, 0, "", (one, 443)) for one in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    address = NAMED.check("https://hooks.slack.com/x")
    if is_public:
        address.insist_public()
        return
    with pytest.raises(CountersignError) as refused:
        address.insist_public()
    assert refused.value.code == "private-address"


def test_a_name_that_nobody_knows_now_may_be_known_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_asked: object, **_more: object) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unavailable):
        NAMED.check("https://hooks.slack.com/x").insist_public()


def test_what_the_operator_named_with_scheme_and_port_may_be_inside() -> None:
    NAMED.check("http://127.0.0.1:9000/hook").insist_public()
