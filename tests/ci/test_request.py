"""`countersign request` against a real API: asked once, waited for, and what people decide."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.ci.answers import Standing
from app.ci.calls import open_api
from app.ci.request import _APPROVED, _OPEN, _OVER, _WAITING, wait
from catalog.releases.gates.answers import Answer
from catalog.releases.states import OPEN, State, Verb
from ledger.errors import Unavailable
from tests.cast import WHY, House
from tests.ci.conftest import Run
from tests.ci.serving import Served

ASK = ("request", "models:/credit-pd/2", "--alias", "champion", "--reason", WHY)


def waited(served: Served, house: House, *events: Callable[[], object]) -> int:
    """Wait for the one request; between two looks the next of these things happens."""
    api = open_api("", "")
    (asked,) = house.portal.requests.listing(by=house.alice)
    happening = iter(events)

    def pause(_seconds: float) -> None:
        next(happening)()

    told = api.get("release-requests", asked.id)
    return wait(api, told, minutes=60, clock=lambda: 0.0, pause=pause)


def decide(house: House, verb: Verb, reason: str = WHY) -> None:
    (asked,) = house.portal.requests.listing(by=house.alice)
    house.portal.decisions.decide(asked.id, verb, reason, by=house.bob)


def test_a_release_is_asked_for_and_its_page_is_named(
    served: Served, run: Run, small_house: House
) -> None:
    ran = run(*ASK)
    assert (ran.code, ran.err) == (0, "")
    assert "RR-2026-0001: models:/credit-pd/2 as champion, pending review" in ran.out
    assert f"{served.url}/release?id=RR-2026-0001" in ran.out
    (asked,) = small_house.portal.requests.listing(by=small_house.alice)
    assert (asked.number, asked.reason) == ("RR-2026-0001", WHY)


def test_a_pipeline_that_runs_again_goes_on_with_the_request_that_is_open(
    served: Served, run: Run, small_house: House
) -> None:
    run(*ASK)
    ran = run(*ASK)
    assert ran.code == 0
    assert "RR-2026-0001 asks for the same already." in ran.out
    assert len(small_house.portal.requests.listing(by=small_house.alice)) == 1


def test_a_request_is_sent_again_only_where_that_is_asked_for(
    served: Served, run: Run, small_house: House
) -> None:
    run(*ASK)
    small_house.work()
    decide(small_house, Verb.REQUEST_CHANGES, "Describe it.")
    ran = run(*ASK)
    assert ran.code == 0
    assert "changes requested: Describe it." in ran.out
    assert "Once they are made, --again sends it again." in ran.out
    said = "Described now."
    ran = run("request", "models:/credit-pd/2", "--alias", "champion", "--reason", said, "--again")
    assert ran.code == 0
    assert "RR-2026-0001: models:/credit-pd/2 as champion, pending review" in ran.out
    (request,) = small_house.portal.requests.listing(by=small_house.alice)
    assert (request.reason, [one.reason for one in request.rounds]) == (WHY, [said])


def test_it_goes_on_with_it_however_much_was_asked_since(
    served: Served, run: Run, small_house: House
) -> None:
    version = small_house.version(2)
    run(*ASK)
    small_house.work()
    decide(small_house, Verb.REJECT)
    run(*ASK)
    for number in range(100):
        small_house.portal.requests.request(
            version.id, f"other-{number}", WHY, by=small_house.alice
        )
    ran = run(*ASK)
    assert (ran.code, ran.err) == (0, "")
    assert "RR-2026-0002: models:/credit-pd/2 as champion, pending review" in ran.out


def test_what_is_live_already_need_not_be_asked_for(there: Served, run: Run) -> None:
    ran = run("request", "models:/credit-pd/1", "--alias", "champion", "--reason", WHY)
    assert ran.code == 0
    assert "Version 1 is champion already." in ran.out


@pytest.mark.parametrize(
    ("uri", "alias", "reason", "words"),
    [
        ("models:/credit-pd/99", "champion", WHY, "99"),
        ("models:/credit-pd/2", "latest", WHY, "cannot be an alias"),
        ("models:/credit-pd/2", "champion", " ", "A reason is required."),
        ("models:/credit-pd/2", "champion", "x" * 5000, "5,000 characters"),
        ("models:/credit-pd/2", "champion", "\udcff", ""),
    ],
)
def test_what_cannot_be_asked_for_is_told(
    there: Served, run: Run, uri: str, alias: str, reason: str, words: str
) -> None:
    ran = run("request", uri, "--alias", alias, "--reason", reason)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err


def test_a_pipeline_waits_until_the_version_is_live(
    served: Served, run: Run, small_house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    run(*ASK)
    code = waited(
        served,
        small_house,
        small_house.work,
        lambda: None,
        lambda: decide(small_house, Verb.APPROVE),
        small_house.deliver,
    )
    assert code == 0
    assert small_house.mlflow.alias("credit-pd", "champion") == 2
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[2] for line in said] == [
        "in review",
        "approved, promotion queued",
        "approved, promotion applied",
    ]


@pytest.mark.parametrize(
    ("verb", "word"), [(Verb.REJECT, "rejected"), (Verb.REQUEST_CHANGES, "changes requested")]
)
def test_a_no_ends_the_wait_with_its_reason(
    served: Served,
    run: Run,
    small_house: House,
    capsys: pytest.CaptureFixture[str],
    verb: Verb,
    word: str,
) -> None:
    run(*ASK)
    small_house.work()
    assert waited(served, small_house, lambda: decide(small_house, verb, "Too few rows.")) == 1
    assert f"{word}: Too few rows." in capsys.readouterr().out


def test_a_portal_that_is_away_for_a_while_is_waited_for(
    served: Served, run: Run, small_house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    run(*ASK)
    small_house.work()

    def leaves() -> None:
        served.app = None

    def returns() -> None:
        served.answer_with(small_house.portal)
        decide(small_house, Verb.REJECT)

    assert waited(served, small_house, leaves, lambda: None, returns) == 1
    assert capsys.readouterr().out.count("Still waiting.") == 1


def test_a_wait_that_is_over_leaves_the_request_open(
    served: Served, run: Run, small_house: House
) -> None:
    run(*ASK)
    api = open_api("", "")
    told = api.get("release-requests", "RR-2026-0001")
    hands = iter((0.0, 59.0, 60.0))
    with pytest.raises(Unavailable, match="After 1 minute RR-2026-0001 is still pending review"):
        wait(api, told, minutes=1, clock=lambda: next(hands), pause=lambda _seconds: None)
    assert small_house.portal.requests.listing(by=small_house.alice)[0].is_open


@pytest.mark.parametrize("minutes", ["0", "1441", "soon", "-1"])
def test_a_wait_has_bounds(there: Served, run: Run, minutes: str) -> None:
    ran = run(*ASK, "--wait", "--wait-minutes", minutes)
    assert ran.code == 2
    assert "from 1 to 1440 minutes" in ran.err or "expected one argument" in ran.err


def test_every_state_of_a_request_and_every_verdict_of_a_gate_is_understood() -> None:
    assert {str(one) for one in State} == _WAITING | _APPROVED | _OVER
    assert {str(one) for one in OPEN} == _OPEN
    assert len(_WAITING | _APPROVED | _OVER) == len(_WAITING) + len(_APPROVED) + len(_OVER)
    assert {str(one) for one in Answer} == {str(one) for one in Standing} - {"later"}
