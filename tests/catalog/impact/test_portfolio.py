"""What the live models do for the business: counts of calls, declared values, health in words."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlmodel import col, update

from auth.actors import EVERYTHING, Scope
from auth.permissions import Role
from catalog.impact.calls import WINDOW_DAYS
from catalog.impact.health import SILENT_AFTER, Health, judge
from catalog.impact.portfolio import Line
from catalog.monitoring.telemetry import Prediction
from catalog.registry.tables import VersionRow
from ledger.errors import Invalid, NotFound, Refused
from tests.cast import AT, LENDING, House

DAY = timedelta(days=1)


def report(house: House, calls: int, *, output: str = "repaid", days_ago: int = 0) -> None:
    at = house.clock.now() - days_ago * DAY
    batch = [
        Prediction(f"{output}-{days_ago}-{n}", at, "credit-pd", 1, output, 10.0)
        for n in range(calls)
    ]
    receipt = house.portal.telemetry.report(batch, by=house.robot)
    assert receipt.accepted == calls


def line(house: House) -> Line:
    (only,) = house.portal.impact.portfolio(by=house.carol).lines
    return only


@pytest.mark.parametrize(
    ("calls", "errors", "last_call", "status", "health", "why"),
    [
        (0, 0, None, "READY", Health.UNKNOWN, "No application reports its calls"),
        (100, 0, AT, "READY", Health.WORKS, "None of 100 calls failed"),
        (41_200, 400, AT, "READY", Health.WORKS, "400 of 41,200 calls failed"),
        (100, 1, AT, "READY", Health.WORKS, "1 of 100 calls failed"),
        (100, 2, AT, "READY", Health.ATTENTION, "more than 1%"),
        (100, 0, AT - SILENT_AFTER, "READY", Health.WORKS, "None of"),
        (100, 0, AT - 8 * DAY, "READY", Health.SILENT, "The last call was 8 days ago."),
        (0, 0, AT - 40 * DAY, "READY", Health.SILENT, "40 days ago"),
        (100, 90, AT - 8 * DAY, "READY", Health.SILENT, "8 days ago"),
        (100, 0, AT, "FAILED_REGISTRATION", Health.ATTENTION, "failed_registration"),
        (0, 0, None, "PENDING_REGISTRATION", Health.ATTENTION, "pending_registration"),
        (0, 0, AT, "", Health.WORKS, "None of 0 calls failed"),
    ],
)
def test_health_is_a_word_and_the_sentence_that_says_why(
    calls: int, errors: int, last_call: datetime | None, status: str, health: Health, why: str
) -> None:
    told, sentence = judge(calls, errors, last_call, status, AT)
    assert told is health
    assert why in sentence
    assert sentence.endswith(".")


def test_only_models_with_a_champion_are_in_use(small_house: House) -> None:
    small_house.credit()
    small_house.credit(name="idea", champion=None)
    lines = small_house.portal.impact.portfolio(by=small_house.carol).lines
    assert [one.model.name for one in lines] == ["credit-pd"]


def test_the_window_holds_thirty_days_and_no_call_more(house: House) -> None:
    house.credit()
    report(house, 3, days_ago=0)
    report(house, 2, days_ago=WINDOW_DAYS - 1)
    report(house, 7, days_ago=WINDOW_DAYS)
    portfolio = house.portal.impact.portfolio(by=house.carol)
    assert portfolio.calls == 5
    assert len(portfolio.calls_by_day) == WINDOW_DAYS
    assert sum(calls for _, calls in portfolio.calls_by_day) == 5
    assert portfolio.calls_by_day[0] == (portfolio.since, 2)
    assert portfolio.calls_by_day[-1] == (portfolio.until, 3)


def test_without_a_declaration_there_is_no_value(small_house: House) -> None:
    small_house.credit()
    report(small_house, 3)
    assert line(small_house).value_eur is None
    assert small_house.portal.impact.portfolio(by=small_house.carol).value_eur == Decimal(0)


def test_a_value_is_the_count_times_what_somebody_declared_to_the_cent(house: House) -> None:
    model = house.credit()
    report(house, 3)
    report(house, 2, output="defaulted")
    declare = house.portal.declared_values.declare
    declare(model.id, "repaid", Decimal("0.10"), "Margin of a loan.", by=house.carol)
    declare(model.id, "defaulted", Decimal("-1000.05"), "Loss given default.", by=house.carol)
    assert line(house).value_eur == Decimal("-1999.80")
    assert [(d.outcome, d.declared_by) for d in line(house).declared] == [
        ("repaid", house.carol.id),
        ("defaulted", house.carol.id),
    ]


def test_the_newest_declaration_counts_and_the_old_one_stays_on_record(house: House) -> None:
    model = house.credit()
    report(house, 10)
    for value in ("1", "2.5"):
        house.clock.advance(timedelta(minutes=1))
        house.portal.declared_values.declare(
            model.id, "repaid", Decimal(value), "Margin.", by=house.carol
        )
    (declared,) = line(house).declared
    assert (declared.value_eur, declared.declared_at) == (Decimal("2.5"), house.clock.now())
    assert line(house).value_eur == Decimal(25)
    facts = [record.facts["value_eur"] for record in house.records("value:declare")]
    assert facts == ["1", "2.5"]


@pytest.mark.parametrize("who", ["alice", "bob", "erik", "grace"])
def test_only_a_business_owner_says_what_an_outcome_is_worth(small_house: House, who: str) -> None:
    model = small_house.credit()
    by = small_house.who(who)
    assert not small_house.portal.declared_values.may_declare(model, by=by)
    with pytest.raises(Refused) as told:
        small_house.portal.declared_values.declare(model.id, "repaid", Decimal(1), "Margin.", by=by)
    assert told.value.code == "no-role"
    assert line(small_house).declared == ()


def test_a_business_owner_of_another_domain_learns_of_no_model_here(small_house: House) -> None:
    model = small_house.credit()
    other = small_house.join("carl", Role.BUSINESS_OWNER, Scope("domain", "Cards"))
    with pytest.raises(NotFound):
        small_house.portal.declared_values.declare(
            model.id, "repaid", Decimal(1), "Margin.", by=other
        )
    assert small_house.portal.impact.portfolio(by=other).lines == ()
    same = small_house.join("cleo", Role.BUSINESS_OWNER, LENDING)
    assert len(small_house.portal.impact.portfolio(by=same).lines) == 1


@pytest.mark.parametrize(
    ("outcome", "value", "reason"),
    [
        ("", "1", "Margin."),
        ("x" * 121, "1", "Margin."),
        ("repaid", "NaN", "Margin."),
        ("repaid", "Infinity", "Margin."),
        ("repaid", "1000000.01", "Margin."),
        ("repaid", "1", ""),
        ("repaid", "1", "x" * 501),
    ],
)
def test_a_declaration_names_an_outcome_a_number_of_euro_and_a_reason(
    small_house: House, outcome: str, value: str, reason: str
) -> None:
    model = small_house.credit()
    with pytest.raises(Invalid):
        small_house.portal.declared_values.declare(
            model.id, outcome, Decimal(value), reason, by=small_house.carol
        )


def test_a_stranger_sees_no_model_in_use(small_house: House) -> None:
    small_house.credit()
    assert small_house.portal.impact.portfolio(by=small_house.dave).lines == ()


@pytest.mark.parametrize("scope", [EVERYTHING, LENDING], ids=["everything", "a domain"])
def test_live_models_are_counted_without_being_read_and_closed_ones_are_not(
    house: House, scope: Scope
) -> None:
    names = ("credit-pd", "loan-lgd", "card-fraud", "left", "kept")
    for name in names:
        house.credit(name=name, domain="Cards" if name == "card-fraud" else "Lending")
    house.credit(name="idea", champion=None)
    house.mlflow.delete("left")
    house.mirror()
    house.portal.restrictions.restrict(house.model("kept").id, "A merger.", by=house.alice)
    carl = house.join("carl", Role.BUSINESS_OWNER, scope)
    listed = {"credit-pd", "loan-lgd"} | ({"card-fraud"} if scope == EVERYTHING else set())
    for most in (0, 2, 10):
        portfolio = house.portal.impact.portfolio(by=carl, most=most)
        assert portfolio.size == len(listed)
        assert {one.model.name for one in portfolio.lines} <= listed
        assert len(portfolio.lines) <= most


def test_a_live_version_that_is_not_ready_is_always_among_the_lines(house: House) -> None:
    for name in ("credit-pd", "loan-lgd"):
        house.credit(name=name)
    failed = house.version(1, "loan-lgd").id
    with house.portal.store.write() as session:
        session.execute(
            update(VersionRow)
            .where(col(VersionRow.id) == failed)
            .values(status="FAILED_REGISTRATION")
        )
    portfolio = house.portal.impact.portfolio(by=house.carol, most=0)
    assert [(one.model.name, one.health) for one in portfolio.lines] == [
        ("loan-lgd", Health.ATTENTION)
    ]
    assert portfolio.size == 2


def test_a_model_that_was_ever_called_is_always_among_the_lines(house: House) -> None:
    for name in ("arrears", "credit-pd", "zoo"):
        house.credit(name=name)
    report(house, 2, days_ago=60)
    portfolio = house.portal.impact.portfolio(by=house.carol, most=0)
    assert [(one.model.name, one.health) for one in portfolio.lines] == [
        ("credit-pd", Health.SILENT)
    ]
    assert portfolio.size == 3
