"""A ticket is good for what it says, where it says, while it says so, and only from the portal."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from countersign_guard import tickets
from countersign_guard.settings import CannotGuardError, from_environment
from joserfc import jws, jwt
from joserfc.jwk import OctKey, OKPKey, RSAKey

from tests.guard.scene import KEY, public, ticket

KEYS = from_environment({"COUNTERSIGN_GUARD_PUBLIC_KEY": public(KEY)}).keys
STRANGER = OKPKey.generate_key("Ed25519")


def read(shown: str, *, later: float = 0) -> tickets.Ticket:
    return tickets.read(shown, KEYS, "main", now=time.time() + later)


def test_a_good_ticket_says_what_it_allows() -> None:
    found = read(ticket("credit", 3, jti="tkt_1", digest="sha256:ab"))
    assert found == tickets.Ticket(
        "tkt_1", tickets.Act.SET_ALIAS, "main", "default", "credit", "champion", 3, "sha256:ab"
    )


def signed_with_the_public_key() -> str:
    secret = OctKey.import_key(str(KEY.as_dict(private=False)["x"]))
    return jwt.encode({"alg": "HS256", "typ": tickets.TYPE}, {"jti": "1"}, secret)


def unsigned() -> str:
    claims = ticket("credit").split(".")[1]
    none = jws.serialize_compact({"alg": "none", "typ": tickets.TYPE}, b"{}", None, ["none"])
    return f"{none.split('.')[0]}.{claims}."


def with_other_claims() -> str:
    mine, theirs = ticket("credit"), ticket("fraud", key=STRANGER)
    head, _, signature = mine.split(".")
    return f"{head}.{theirs.split('.')[1]}.{signature}"


def with_its_own_key() -> str:
    own: dict[str, Any] = {"jwk": STRANGER.as_dict(private=False)}
    return ticket("credit", key=STRANGER, header=own)


@pytest.mark.parametrize(
    "forged",
    [
        lambda: ticket("credit", key=STRANGER),
        lambda: ticket("credit", key=STRANGER, header={"kid": KEY.thumbprint()}),
        signed_with_the_public_key,
        unsigned,
        with_other_claims,
        with_its_own_key,
        lambda: jwt.encode({"alg": "RS256"}, {"jti": "1"}, RSAKey.generate_key(2048)),
        lambda: "",
        lambda: "a.b.c",
        lambda: "é" * 40,
        lambda: ticket("credit")[:-4] + "AAAA",
    ],
)
def test_a_ticket_of_somebody_else_is_refused(forged: Callable[[], str]) -> None:
    with pytest.raises(tickets.RefusedError, match="not signed by this server's portal"):
        read(forged())


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"aud": "lab"}, "another MLflow server"),
        ({"aud": ["main"]}, "another MLflow server"),
        ({"header": {"typ": "JWT"}}, "no promotion ticket"),
        ({"act": "delete-everything"}, "does not know"),
        ({"exp": 4_000_000_000}, "has expired"),
        ({"version": "1"}, "does not say its version"),
        ({"version": True}, "does not say its version"),
        ({"model": "credit" * 1000}, "longer than any ticket"),
        ({"without": "aud"}, "another MLflow server"),
        *(
            ({"without": name}, f"does not say its {name}")
            for name in ("jti", "act", "workspace", "model", "alias", "version", "digest")
        ),
        *(({"without": name}, f"does not say its {name}") for name in ("iat", "exp")),
    ],
    ids=str,
)
def test_a_ticket_that_is_not_whole_or_not_for_here_is_refused(
    wrong: dict[str, Any], why: str
) -> None:
    with pytest.raises(tickets.RefusedError, match=why):
        read(ticket(**{"model": "credit", **wrong}))


@pytest.mark.parametrize(
    ("later", "is_good"), [(-60, False), (-20, True), (140, True), (160, False)]
)
def test_a_ticket_is_good_for_two_minutes_and_what_clocks_differ(
    later: float,
    is_good: bool,  # noqa: FBT001
) -> None:
    shown = ticket("credit")
    if is_good:
        assert read(shown, later=later).model == "credit"
        return
    with pytest.raises(tickets.RefusedError, match="has expired"):
        read(shown, later=later)


def test_an_old_and_a_new_key_are_both_good_while_one_takes_the_others_place() -> None:
    both = f'{{"keys": [{public(STRANGER)}, {public(KEY)}]}}'
    keys = from_environment({"COUNTERSIGN_GUARD_PUBLIC_KEY": both}).keys
    for key in (KEY, STRANGER):
        shown = ticket("credit", key=key)
        assert tickets.read(shown, keys, "main", now=time.time()).model == "credit"


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ({"COUNTERSIGN_GUARD_PUBLIC_KEY": ""}, "has no public key"),
        ({"COUNTERSIGN_GUARD_PUBLIC_KEY": "/nowhere/at/all"}, "holds no public key"),
        ({"COUNTERSIGN_GUARD_PUBLIC_KEY": "{}"}, "holds no public key"),
        ({"COUNTERSIGN_GUARD_PUBLIC_KEY": '{"keys": []}'}, "empty set of keys|no public key"),
        (
            {"COUNTERSIGN_GUARD_PUBLIC_KEY": json.dumps(KEY.as_dict(private=True))},
            "must hold public Ed25519 keys",
        ),
        (
            {"COUNTERSIGN_GUARD_PUBLIC_KEY": public(OKPKey.generate_key("Ed448"))},
            "must hold public Ed25519 keys",
        ),
        ({"COUNTERSIGN_GUARD_SERVER": "Main Server"}, "COUNTERSIGN_GUARD_SERVER"),
        ({"COUNTERSIGN_GUARD_STAGES": "maybe"}, "COUNTERSIGN_GUARD_STAGES"),
        ({"COUNTERSIGN_GUARD_PORTAL": "models"}, "COUNTERSIGN_GUARD_PORTAL"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_write_instead(
    setting: dict[str, str], why: str
) -> None:
    with pytest.raises(CannotGuardError, match=why):
        from_environment({"COUNTERSIGN_GUARD_PUBLIC_KEY": public(KEY), **setting})


@pytest.mark.parametrize(
    ("patterns", "alias", "is_protected"),
    [
        ("", "champion", True),
        ("", "CHAMPION", True),
        ("", "chämpion", True),
        ("", "challenger", False),
        ("champion, prod*", "production", True),
        ("champion, prod*", "Prod-eu", True),
        ("prod?", "champion", False),
    ],
)
def test_an_alias_is_protected_however_its_letters_are_written(
    patterns: str,
    alias: str,
    is_protected: bool,  # noqa: FBT001
) -> None:
    settings = from_environment(
        {"COUNTERSIGN_GUARD_PUBLIC_KEY": public(KEY), "COUNTERSIGN_GUARD_ALIASES": patterns}
    )
    assert settings.protects(alias) is is_protected
