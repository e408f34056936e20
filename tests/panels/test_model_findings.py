"""What is to be put right about a model, as the top of its page says it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.panels import model_findings
from app.panels.findings import severity
from app.panels.shown import Shown
from catalog.registry.versions import Versions
from catalog.releases.findings.finding import Finding, FindingState, Kind, Severity
from tests.cast import House
from tests.panels.test_findings import AT, MOVED

LOW = replace(MOVED, id="fnd_2", severity=Severity.LOW, kind=Kind.OBSERVATION, alias="")


def shown(house: House, *findings: Finding) -> Shown:
    house.credit()
    model = house.model()
    versions = Versions(house.portal.models, model)
    return Shown(model, versions, {}, None, (), AT, findings=findings)


def test_the_worst_of_what_stands_comes_first_in_words(small_house: House) -> None:
    seen = shown(small_house, LOW, MOVED, replace(LOW, id="fnd_3"))
    assert model_findings.in_words(seen) == "3 open findings: 1 critical, 2 low"
    assert model_findings.worst(seen) == MOVED
    assert model_findings.worst(replace(seen, findings=())) is None


def test_an_alias_that_moved_outside_the_process_says_so_beside_it(small_house: House) -> None:
    seen = shown(small_house, MOVED, LOW)
    assert "moved outside the process" in model_findings.alias(seen, "champion", 3)
    assert "outside" not in model_findings.alias(seen, "challenger", 3)
    assert "outside" not in model_findings.alias(replace(seen, findings=(LOW,)), "champion", 3)


@pytest.mark.parametrize(
    ("how_bad", "look"),
    [
        (Severity.CRITICAL, "cs-cross"),
        (Severity.HIGH, "cs-triangle"),
        (Severity.MEDIUM, "cs-triangle"),
        (Severity.LOW, "cs-dash"),
    ],
)
def test_what_is_critical_does_not_look_like_what_is_low(how_bad: Severity, look: str) -> None:
    drawn = severity(replace(MOVED, severity=how_bad))
    assert look in drawn
    assert f"{how_bad.capitalize()}</span>" in drawn
    assert look not in severity(replace(MOVED, severity=how_bad, state=FindingState.CLOSED))
