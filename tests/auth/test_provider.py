"""Signing in over real HTTP: who gets in, who does not, and what each is told."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from sqlmodel import select
from streamlit.auth_util import encode_provider_token

from app.session import who_signed_in
from auth.actors import EVERYTHING, Actor
from auth.authorization import CLIENT_ID
from auth.grants import Grants
from auth.keyring import Keyring, open_keyring
from auth.people import People, Person
from auth.permissions import Role
from auth.sessions import IDLE, LASTS, Sessions
from auth.tables import SessionRow
from ledger.acts import Ledger
from ledger.clock import SetClock
from ledger.errors import Misconfigured, Unauthenticated
from ledger.jobs import NoJobs
from ledger.journal import Journal
from ledger.store import Store
from ledger.tables import AuditRecordRow
from tests.auth.house import PASSWORD, House, ask, code_in, fill_in, open_house, redeem, send

SYSTEM = Actor.system("demo")


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return open_keyring(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def house(sqlite_store: Store, keyring: Keyring) -> Iterator[House]:
    with open_house(sqlite_store, keyring) as opened:
        yield opened


@pytest.fixture
def alice(house: House) -> Person:
    return house.somebody("Alice Moreau")


@pytest.fixture
def browser(house: House) -> Iterator[httpx.Client]:
    with house.browser() as opened:
        yield opened


def credentials(person: Person, password: str = PASSWORD) -> dict[str, str]:
    return {"email": person.email, "password": password}


def test_a_right_password_becomes_an_id_token_with_a_session_of_ours(
    store: Store, keyring: Keyring
) -> None:
    with open_house(store, keyring) as house, house.browser() as browser:
        alice = house.somebody("Alice Moreau")
        asked = ask(house)
        answer = fill_in(browser, "/idp/authorize", asked.query, **credentials(alice))
        assert answer.headers["location"].startswith(f"{house.addresses.callback}?code=")
        assert f"state={asked.query['state']}" in answer.headers["location"]

        given = redeem(house, browser, code_in(answer), asked.verifier)

        assert given.status_code == 200, given.text
        keys = KeySet.import_key_set(browser.get("/idp/jwks").json())
        claims = jwt.decode(given.json()["id_token"], keys, algorithms=["RS256"]).claims
        assert claims["iss"] == f"{house.addresses.public}/idp"
        assert claims["aud"] == [CLIENT_ID]
        assert claims["nonce"] == asked.query["nonce"]
        assert claims["exp"] - claims["iat"] == LASTS.total_seconds()
        assert (claims["sub"], claims["name"], claims["email"]) == (
            alice.id,
            "Alice Moreau",
            "alice@norrland.example",
        )
        assert house.sessions.who_is(claims["sid"]).id == alice.id


def test_two_who_show_the_same_code_at_once_get_one_token(store: Store, keyring: Keyring) -> None:
    with open_house(store, keyring) as house, house.browser() as browser:
        alice = house.somebody("Alice Moreau")
        asked = ask(house)
        code = code_in(fill_in(browser, "/idp/authorize", asked.query, **credentials(alice)))
        answers: list[int] = []
        together = threading.Barrier(4)

        def show() -> None:
            with house.browser() as another:
                together.wait(20)
                answers.append(redeem(house, another, code, asked.verifier).status_code)

        threads = [threading.Thread(target=show) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert sorted(answers) == [200, 400, 400, 400]


def test_a_replayed_code_is_refused_and_ends_the_session_it_gave(
    house: House, alice: Person, browser: httpx.Client
) -> None:
    asked = ask(house)
    code = code_in(fill_in(browser, "/idp/authorize", asked.query, **credentials(alice)))
    first = redeem(house, browser, code, asked.verifier)
    session_id = claims_of(house, first)["sid"]

    again = redeem(house, browser, code, asked.verifier)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    with pytest.raises(Unauthenticated, match="You were signed out"):
        house.sessions.who_is(session_id)


def test_a_wrong_verifier_is_refused_and_spends_the_code(
    house: House, alice: Person, browser: httpx.Client
) -> None:
    asked = ask(house)
    code = code_in(fill_in(browser, "/idp/authorize", asked.query, **credentials(alice)))

    assert redeem(house, browser, code, ask(house).verifier).json()["error"] == "invalid_grant"
    assert redeem(house, browser, code, asked.verifier).json()["error"] == "invalid_grant"


def test_a_code_is_worth_nothing_without_the_client_secret_or_with_another_callback(
    house: House, alice: Person, browser: httpx.Client
) -> None:
    asked = ask(house)
    code = code_in(fill_in(browser, "/idp/authorize", asked.query, **credentials(alice)))
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "https://evil.example/cb",
        "code_verifier": asked.verifier,
    }

    stranger = browser.post("/idp/token", data=form, auth=(CLIENT_ID, "guessed"))
    public = browser.post("/idp/token", data=form | {"client_id": CLIENT_ID})
    elsewhere = browser.post("/idp/token", data=form, auth=(CLIENT_ID, house.keyring.client_secret))

    assert stranger.json()["error"] == "invalid_client"
    assert public.json()["error"] == "invalid_client"
    assert elsewhere.json()["error"] == "invalid_grant"


def test_a_code_is_too_late_after_a_minute(sqlite_store: Store, keyring: Keyring) -> None:
    clock = SetClock(datetime.now(UTC))
    with open_house(sqlite_store, keyring, clock=clock) as house, house.browser() as browser:
        alice = house.somebody("Alice Moreau")
        asked = ask(house)
        code = code_in(fill_in(browser, "/idp/authorize", asked.query, **credentials(alice)))

        clock.advance(timedelta(seconds=61))

        assert redeem(house, browser, code, asked.verifier).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "missing", [("code_challenge",), ("code_challenge_method",), ("nonce",), ("scope",)]
)
def test_an_incomplete_question_goes_back_with_an_error(
    house: House, browser: httpx.Client, missing: tuple[str, ...]
) -> None:
    answer = browser.get("/idp/authorize", params=ask(house).without(*missing))

    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{house.addresses.callback}?error=invalid_")


def test_a_plain_challenge_is_refused(house: House, browser: httpx.Client) -> None:
    query = ask(house).query | {"code_challenge_method": "plain"}

    answer = browser.get("/idp/authorize", params=query)

    assert "error=invalid_request" in answer.headers["location"]


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "https://evil.example/oauth2callback"},
        {"redirect_uri": "//evil.example"},
        {"client_id": "somebody-else"},
    ],
)
def test_nobody_is_sent_to_a_foreign_address(
    house: House, browser: httpx.Client, change: dict[str, str]
) -> None:
    answer = browser.get("/idp/authorize", params=ask(house).query | change)

    assert answer.status_code == 422
    assert "location" not in answer.headers
    assert "This sign-in link is not complete, or not from this portal." in answer.text
    assert "evil" not in answer.text


def test_a_wrong_password_is_said_in_the_form_which_keeps_the_address(
    house: House, alice: Person, browser: httpx.Client
) -> None:
    typed = credentials(alice, "what I typed")
    answer = fill_in(browser, "/idp/authorize", ask(house).query, **typed)

    assert answer.status_code == 401
    assert "The e-mail address or the password is not right." in answer.text
    assert "Check both; after 5 misses the account is locked for 15 minutes." in answer.text
    assert 'value="alice@norrland.example"' in answer.text
    assert "what I typed" not in answer.text


def test_an_unknown_person_reads_the_same_as_a_wrong_password(
    house: House, alice: Person, browser: httpx.Client
) -> None:
    known = fill_in(browser, "/idp/authorize", ask(house).query, **credentials(alice, "wrong"))
    nobody = fill_in(
        browser, "/idp/authorize", ask(house).query, email="no@body.example", password="wrong"
    )

    assert said(nobody) == said(known)
    assert nobody.status_code == known.status_code


def test_the_sixth_try_is_locked_even_with_the_right_password(
    house: House, alice: Person, browser: httpx.Client
) -> None:
    shown = browser.get("/idp/authorize", params=ask(house).query)
    for _ in range(5):
        assert send(browser, shown, **credentials(alice, "wrong")).status_code == 401

    answer = send(browser, shown, **credentials(alice))

    assert answer.status_code == 429
    assert "this account is locked for 15 minutes" in answer.text
    assert "ask a governance admin for a new invitation" in answer.text


def test_a_disabled_person_does_not_come_in(
    house: House, alice: Person, browser: httpx.Client
) -> None:
    grace = house.somebody("Grace Nair", Role.GOVERNANCE_ADMIN)
    house.people.disable(alice.id, by=house.people.actor(grace.id))

    answer = fill_in(browser, "/idp/authorize", ask(house).query, **credentials(alice))

    assert answer.status_code == 401
    assert "The e-mail address or the password is not right." in answer.text


def test_a_person_disabled_between_password_and_token_does_not_come_in(
    house: House, alice: Person, browser: httpx.Client
) -> None:
    grace = house.somebody("Grace Nair", Role.GOVERNANCE_ADMIN)
    asked = ask(house)
    code = code_in(fill_in(browser, "/idp/authorize", asked.query, **credentials(alice)))

    house.people.disable(alice.id, by=house.people.actor(grace.id))

    assert redeem(house, browser, code, asked.verifier).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("csrf", ["", "made-up", "made-up.aaaa.bbbb"])
def test_a_form_without_its_seal_does_nothing(
    house: House, alice: Person, browser: httpx.Client, csrf: str
) -> None:
    answer = fill_in(
        browser, "/idp/authorize", ask(house).query, **credentials(alice) | {"csrf": csrf}
    )

    assert answer.status_code == 403
    assert "This form was open for too long, or was not sent from this page" in answer.text
    with house.ledger.store.read() as session:
        assert session.exec(select(SessionRow)).all() == []


def test_a_form_shown_to_one_browser_cannot_be_sent_by_another(
    house: House, alice: Person, browser: httpx.Client
) -> None:
    shown = browser.get("/idp/authorize", params=ask(house).query)
    with house.browser() as victim:
        victim.get("/idp/authorize", params=ask(house).query)
        answer = send(victim, shown, **credentials(alice))
    with house.browser() as without_cookie:
        bare = send(without_cookie, shown, **credentials(alice))

    assert (answer.status_code, bare.status_code) == (403, 403)


def test_the_cookie_of_the_form_is_kept_from_scripts_and_other_sites(
    house: House, browser: httpx.Client
) -> None:
    cookie = browser.get("/idp/authorize", params=ask(house).query).headers["set-cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_what_somebody_types_never_becomes_markup(house: House, browser: httpx.Client) -> None:
    hostile = '"><script>alert(1)</script>\x00'

    answer = fill_in(browser, "/idp/authorize", ask(house).query, email=hostile, password=hostile)

    assert answer.status_code == 401
    assert "<script>" not in answer.text


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
def test_a_body_that_is_no_form_is_a_sentence(
    house: House, browser: httpx.Client, kind: str
) -> None:
    answer = browser.post(
        "/idp/authorize",
        params=ask(house).query,
        content=b"x" * 20_000,
        headers={"content-type": kind},
    )

    assert answer.status_code == 422
    assert "That is not a form of this page." in answer.text


def test_the_set_up_code_makes_the_first_administrator_once(
    house: House, browser: httpx.Client
) -> None:
    code = house.people.set_up_code(by=SYSTEM)
    assert code is not None
    fields = {"name": "Grace Nair", "email": "grace@norrland.example"}
    both = {"password": PASSWORD, "again": PASSWORD}
    shown = browser.get("/idp/set-up", params={"code": code})
    assert f'value="{code}"' in shown.text

    differ = send(browser, shown, code=code, **fields, password=PASSWORD, again="another one!")
    weak = send(browser, shown, code=code, **fields, password="short", again="short")
    done = send(browser, shown, code=code, **fields, **both)
    again = send(browser, shown, code=code, **fields, **both)

    assert "The two passwords are not the same." in differ.text
    assert 'value="Grace Nair"' in differ.text
    assert "A password has 12 to 200 characters." in weak.text
    assert "Countersign is set up" in done.text
    assert (again.status_code, "This code was used already" in again.text) == (401, True)
    grace = house.people.check_password("grace@norrland.example", PASSWORD)
    assert house.people.actor(grace.id).role_words() == "Governance admin"


def test_an_invitation_sets_a_password_once(house: House, browser: httpx.Client) -> None:
    person, code = house.people.add("Bob Okafor", "bob@norrland.example", by=SYSTEM)
    both = {"password": PASSWORD, "again": PASSWORD}

    done = fill_in(browser, "/idp/invitation", {"code": code}, code=code, **both)
    again = fill_in(browser, "/idp/invitation", {"code": code}, code=code, **both)

    assert "Your password is set" in done.text
    assert again.status_code == 401
    assert house.people.check_password("bob@norrland.example", PASSWORD).id == person.id


def test_signing_out_ends_the_session_and_leads_home(
    house: House, alice: Person, browser: httpx.Client
) -> None:
    given = sign_in(house, browser, alice)

    answer = browser.get(
        "/idp/end_session",
        params={
            "id_token_hint": given.json()["id_token"],
            "client_id": CLIENT_ID,
            "post_logout_redirect_uri": house.addresses.callback,
        },
    )

    assert answer.headers["location"] == f"{house.addresses.public}/"
    with pytest.raises(Unauthenticated):
        house.sessions.who_is(claims_of(house, given)["sid"])


def test_a_sign_out_with_the_right_key_name_and_a_wrong_key_ends_nothing(
    house: House, alice: Person, browser: httpx.Client
) -> None:
    given = sign_in(house, browser, alice)
    claims = claims_of(house, given)
    forged = jwt.encode(
        {"alg": "RS256", "kid": house.keyring.kid}, claims, RSAKey.generate_key(2048), ["RS256"]
    )
    for hint in (forged, "", "no.token.atall", given.json()["id_token"][:-6] + "AAAAAA"):
        answer = browser.get("/idp/end_session", params={"id_token_hint": hint})

        assert answer.headers["location"] == f"{house.addresses.public}/"
        assert house.sessions.who_is(str(claims["sid"])).id == alice.id


def test_the_portal_takes_a_person_in_by_streamlits_own_sign_in(
    house: House, alice: Person, browser: httpx.Client
) -> None:
    landed = walk_in(house, browser, alice, "/model?name=credit-pd&v=8")

    assert landed.headers["location"] == "/model?name=credit-pd&v=8"
    assert "_streamlit_user" in browser.cookies


def test_a_token_with_the_right_key_name_and_a_wrong_key_is_refused(
    sqlite_store: Store, keyring: Keyring
) -> None:
    with (
        open_house(sqlite_store, Forger(keyring)) as house,
        house.browser() as browser,
    ):
        landed = walk_in(house, browser, house.somebody("Alice Moreau"), "/model")

        assert landed.status_code == 302
        assert "_streamlit_user" not in browser.cookies


@pytest.mark.parametrize(
    ("referer", "lands"),
    [
        ("{ours}/model?name=x", "/model?name=x"),
        ("{ours}//evil.example/model", "/"),
        ("{ours}/\\evil.example", "/"),
        ("https://evil.example/model", "/"),
        ("{ours}.evil.example/model", "/"),
        ("http://user@{host}/model", "/"),
        ("{ours}/idp/end_session", "/"),
        ("{ours}/oauth2callback?code=1", "/"),
        ("{ours}/model?x=" + "y" * 3000, "/"),
        ("no address", "/"),
        ("", "/"),
    ],
)
def test_the_way_back_never_leaves_the_portal(
    house: House, alice: Person, browser: httpx.Client, referer: str, lands: str
) -> None:
    ours = house.addresses.public
    address = referer.format(ours=ours, host=ours.removeprefix("http://"))

    assert walk_in(house, browser, alice, address).headers["location"] == lands


def test_an_altered_way_back_is_ignored(house: House, alice: Person, browser: httpx.Client) -> None:
    landed = walk_in(
        house, browser, alice, "/model", on_the_way={"countersign-return-to": "L2V2aWwuMS54"}
    )

    assert landed.headers["location"] == "/"


def test_every_try_is_on_the_record(house: House, alice: Person, browser: httpx.Client) -> None:
    fill_in(browser, "/idp/authorize", ask(house).query, **credentials(alice, "wrong"))
    sign_in(house, browser, alice)

    with house.ledger.store.read() as session:
        rows = session.exec(
            select(AuditRecordRow).where(AuditRecordRow.act == "session:start")
        ).all()
    assert [(row.outcome, row.reason) for row in rows] == [
        ("refused", "wrong-password"),
        ("done", "ok"),
    ]


def test_a_page_that_is_not_there_is_a_sentence(house: House, browser: httpx.Client) -> None:
    answer = browser.get("/idp/nothing")

    assert answer.status_code == 404
    assert "There is no such page." in answer.text


def test_keys_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    first = open_keyring(tmp_path / "keys")
    (tmp_path / "keys" / "cookie-secret").chmod(0o644)

    again = open_keyring(tmp_path / "keys")

    assert (again.kid, again.client_secret) == (first.kid, first.client_secret)
    assert first.client_secret not in repr(first)
    for path in (tmp_path / "keys").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_damaged_key_is_named_with_its_remedy(tmp_path: Path) -> None:
    open_keyring(tmp_path / "keys")
    (tmp_path / "keys" / "signing-key.pem").write_text("no key at all")

    with pytest.raises(Misconfigured, match=r"signing-key\.pem holds no RSA key"):
        open_keyring(tmp_path / "keys")


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_claims_name_a_session_and_the_session_says_who_it_is(sqlite_store: Store) -> None:
    clock = SetClock(NOON)
    sessions, alice, claims = _signed_in(sqlite_store, clock)

    assert who_signed_in(claims, sessions, clock.now()).id == alice.id


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"is_logged_in": False}, "anonymous"),
        ({"sid": None}, "anonymous"),
        ({"sid": ["a"]}, "anonymous"),
        ({"sid": "of-nobody"}, "no-session"),
        ({"sub": "per_somebody_else"}, "session-of-another"),
        ({"exp": NOON.timestamp()}, "session-expired"),
        ({"exp": None}, "session-expired"),
        ({"exp": "tomorrow"}, "session-expired"),
    ],
)
def test_claims_that_do_not_add_up_are_nobodys(
    sqlite_store: Store, change: dict[str, object], code: str
) -> None:
    clock = SetClock(NOON)
    sessions, _, claims = _signed_in(sqlite_store, clock)

    with pytest.raises(Unauthenticated) as refused:
        who_signed_in(claims | change, sessions, clock.now())

    assert refused.value.code == code


def test_no_claims_at_all_are_nobodys(sqlite_store: Store) -> None:
    sessions, _, _ = _signed_in(sqlite_store, SetClock(NOON))

    with pytest.raises(Unauthenticated):
        who_signed_in({}, sessions, NOON)


def test_a_session_left_alone_for_two_hours_is_over(sqlite_store: Store) -> None:
    clock = SetClock(NOON)
    sessions, _, claims = _signed_in(sqlite_store, clock)

    clock.advance(IDLE)

    with pytest.raises(Unauthenticated, match="Your session has ended"):
        who_signed_in(claims, sessions, clock.now())


def _signed_in(store: Store, clock: SetClock) -> tuple[Sessions, Person, dict[str, object]]:
    ledger = Ledger(store, clock, Journal(NoJobs()))
    people, sessions = People(ledger), Sessions(ledger)
    alice, _ = people.add("Alice Moreau", "alice@norrland.example", by=SYSTEM)
    Grants(ledger).give(alice.id, Role.VIEWER, EVERYTHING, by=SYSTEM)
    claims: dict[str, object] = {
        "is_logged_in": True,
        "sub": alice.id,
        "sid": sessions.start(alice),
        "exp": (clock.now() + LASTS).timestamp(),
    }
    return sessions, alice, claims


class Forger(Keyring):
    """Publishes the genuine key and its name, and signs with another one."""

    def __init__(self, genuine: Keyring) -> None:
        super().__init__(RSAKey.generate_key(2048), genuine.client_secret, genuine.cookie_secret)
        object.__setattr__(self, "_genuine", genuine)

    @property
    def kid(self) -> str:
        return str(self._genuine.kid)

    def public_keys(self) -> KeySet:
        return self._genuine.public_keys()

    _genuine: Keyring


def sign_in(house: House, browser: httpx.Client, person: Person) -> httpx.Response:
    asked = ask(house)
    answer = fill_in(browser, "/idp/authorize", asked.query, **credentials(person))
    return redeem(house, browser, code_in(answer), asked.verifier)


def walk_in(
    house: House,
    browser: httpx.Client,
    person: Person,
    screen: str,
    *,
    on_the_way: dict[str, str] | None = None,
) -> httpx.Response:
    """From the click on "Sign in" to the redirect that ends it, by Streamlit's own routes."""
    referer = screen if not screen.startswith("/") else f"{house.addresses.public}{screen}"
    asked = browser.get(
        "/auth/login",
        params={"provider": encode_provider_token("local")},
        headers={"referer": referer} if screen else {},
    )
    assert asked.status_code == 302, asked.text
    for name, value in (on_the_way or {}).items():
        browser.cookies.set(name, value, path="/oauth2callback", domain="127.0.0.1")
    answer = fill_in(browser, asked.headers["location"], None, **credentials(person))
    assert answer.status_code == 302, answer.text
    return browser.get(answer.headers["location"])


def claims_of(house: House, answer: httpx.Response) -> dict[str, str]:
    keys = house.keyring.public_keys()
    return dict(jwt.decode(answer.json()["id_token"], keys, algorithms=["RS256"]).claims)


def said(answer: httpx.Response) -> str:
    return answer.text.partition('role="alert"')[2].partition("</div>")[0]
