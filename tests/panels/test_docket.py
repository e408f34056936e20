"""Requests in the words of the inbox and of the list."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.panels.brief import act_asked, because, gates_words, promoted_words, since, until
from app.panels.docket import as_csv
from app.panels.inbox import grouped, how_much_waits
from app.panels.release_routes import state_words, words_of
from auth.actors import Actor, Kind
from catalog.releases.decisions.briefs import Brief
from catalog.releases.gates.asking import Answer, GateResult
from catalog.releases.states import PromotionState, Route, State, Verb

NOW = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)
ALICE = Actor("per_alice", Kind.PERSON, "Alice")
BOB = Actor("per_bob", Kind.PERSON, "Bob")
NAMES = {"per_alice": "Alice", "per_bob": "Bob"}


def gate(title: str, answer: Answer) -> GateResult:
    return GateResult("g", title, "", answer, "", "", "", "", "", "", is_verified=True, at="")


def brief(**changes: object) -> Brief:
    made = Brief(
        id="req_1",
        number="RR-2026-0001",
        model_id="mdl_1",
        model_name="credit-pd",
        version_number=5,
        alias="champion",
        state=State.IN_REVIEW,
        replaces=4,
        problem="",
        requested_by="per_alice",
        requested_at=NOW - timedelta(hours=3),
        changed_at=NOW - timedelta(hours=1),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_what_waits_is_grouped_by_age_the_oldest_first() -> None:
    briefs = [brief(), brief(requested_at=NOW - timedelta(days=8))]
    assert [title for title, _ in grouped(briefs, NOW)] == ["Waiting more than a week", "Today"]


def test_an_emergency_comes_before_what_has_waited_longer() -> None:
    briefs = [brief(requested_at=NOW - timedelta(days=8)), brief(route=Route.EMERGENCY)]
    titles = [title for title, _ in grouped(briefs, NOW)]
    assert titles == ["Emergencies", "Waiting more than a week"]


def test_what_is_done_is_grouped_the_newest_first() -> None:
    closed = {"state": State.REJECTED}
    briefs = [brief(changed_at=NOW - timedelta(days=9), **closed), brief(**closed)]
    assert [title for title, _ in grouped(briefs, NOW, closed=True)] == ["Today", "Earlier"]


def test_a_request_sent_back_waits_since_it_came_back() -> None:
    assert since(brief()) == NOW - timedelta(hours=3)
    assert since(brief(state=State.CHANGES_REQUESTED)) == NOW - timedelta(hours=1)


def test_the_inbox_says_how_much_waits_and_no_number_that_it_does_not_know() -> None:
    times = [NOW - timedelta(hours=3), NOW - timedelta(days=8)]
    assert how_much_waits([], NOW) == "Nothing waits for you."
    assert how_much_waits(times[:1], NOW) == "1 thing waits for you. The oldest has waited 3 hours."
    assert how_much_waits(times, NOW) == "2 things wait for you. The oldest has waited 8 days."
    said = how_much_waits(times, NOW, has_more=True)
    assert said == "More than 2 things wait for you. One of them has waited 8 days."


def test_a_card_says_how_long_it_may_wait_for_its_decision_and_before_it_is_closed() -> None:
    def told(**changes: object) -> str:
        return " ".join(until(brief(**changes), NOW))

    assert told() == ""
    waits = told(decide_by=NOW.date() + timedelta(days=4), expires_at=NOW + timedelta(days=20))
    assert "Due in 4 days" in waits
    assert "Expires in 20 days" in waits
    assert "Overdue 2 days" in told(decide_by=NOW.date() - timedelta(days=2))


def test_the_title_is_the_act_asked() -> None:
    assert act_asked(brief(), BOB) == "Decide: credit-pd v5 to @champion"
    sent_back = brief(state=State.CHANGES_REQUESTED)
    assert act_asked(sent_back, ALICE) == "Change and send again: credit-pd v5 to @champion"


def test_gates_that_stand_in_the_way_are_named() -> None:
    answers = (
        gate("Performance", Answer.FAIL),
        gate("Owner", Answer.MISSING),
        gate("Description", Answer.PASS),
    )
    said = gates_words(brief(answers=answers))
    assert said == "1 gate of 3 fails (performance) and 1 is missing (owner)."
    assert gates_words(brief(answers=answers[2:])) == "The gate passes."
    assert gates_words(brief()) == "The gates were not asked yet."


def test_a_decision_is_told_with_who_and_why() -> None:
    decided = brief(
        state=State.REJECTED,
        decided_by="per_bob",
        decided_as=Verb.REJECT,
        decided_at=NOW,
        decided_why="Too slow.",
    )
    assert because(decided, NAMES) == "Rejected by Bob, 20 Nov 2026, 09:12 UTC: Too slow."


def test_an_approval_says_what_became_of_it_in_mlflow() -> None:
    applied = brief(promotion=PromotionState.APPLIED, promoted_at=NOW)
    assert promoted_words(applied) == "The alias was moved in MLflow, 20 Nov 2026, 09:12 UTC."
    assert "about to be moved" in promoted_words(brief(promotion=PromotionState.QUEUED))
    assert promoted_words(brief()) == ""


def test_no_cell_of_an_export_can_act_as_a_formula() -> None:
    written = as_csv([brief(model_name="=HYPERLINK(1)", alias="@sum")], NAMES)
    assert ",'=HYPERLINK(1)," in written
    assert ",'@sum," in written
    assert written.splitlines()[1].startswith("RR-2026-0001,")


def test_an_emergency_is_called_one_wherever_a_request_is_listed() -> None:
    assert words_of(Route.RELEASE, "per_alice") == ""
    assert words_of(Route.EMERGENCY, "per_alice") == "Emergency"
    assert words_of(Route.ROLLBACK, "per_bob") == "Rollback"
    assert words_of(Route.ROLLBACK, "system:releases") == "Automatic rollback"
    approved = State.CONDITIONALLY_APPROVED
    assert state_words(Route.EMERGENCY, approved) == "Approved in an emergency, review due"
    assert state_words(Route.RELEASE, approved) == "Conditionally approved"
    written = as_csv([brief(route=Route.EMERGENCY)], NAMES)
    assert ",champion,Emergency," in written
    decided = {"decided_by": "per_bob", "decided_at": NOW, "state": approved}
    said = because(brief(route=Route.EMERGENCY, **decided), NAMES)
    assert said.startswith("Approved in an emergency by Bob, 20 Nov 2026, 09:12 UTC. Its review is")
