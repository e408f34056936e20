"""A finding in words: who puts it right, when it happened, how soon it was found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.panels import finding, findings
from catalog.releases.findings.detection import Detection
from catalog.releases.findings.finding import Finding, FindingState, Kind, Severity

AT = datetime(2026, 11, 20, 9, 12, 40, tzinfo=UTC)
TODAY = date(2026, 11, 20)
MOVED = Finding(
    id="fnd_1",
    number="F-2026-0001",
    kind=Kind.OUTSIDE,
    severity=Severity.CRITICAL,
    state=FindingState.OPEN,
    model_id="mdl_1",
    model_name="credit-pd",
    version_id="ver_3",
    version_number=3,
    alias="champion",
    request_id="",
    title="champion was moved from v2 to v3 outside the process",
    detail="",
    owner_id="",
    due_on=date(2026, 11, 21),
    opened_by="system:reconciliation",
    opened_at=AT,
    since=AT - timedelta(seconds=31),
    until=AT - timedelta(seconds=1),
    remedy="",
    remedied_by="",
    remedied_at=None,
    closed_by="",
    closed_at=None,
    closed_why="",
)
ALICE = {"per_alice": "Alice"}


def facts(found: Finding) -> dict[str, object]:
    return dict(finding.facts(found, ALICE, TODAY))


def test_what_nobody_owns_says_so() -> None:
    assert facts(MOVED)["Put right by"] == "Nobody yet"
    assert facts(replace(MOVED, owner_id="per_alice"))["Put right by"] == "Alice"
    table = findings.table_of([MOVED], {}, TODAY)
    assert "Nobody yet" in str(table)


def test_it_says_within_which_time_it_was_found() -> None:
    assert facts(MOVED)["Found within"] == "31 seconds"
    assert "Found within" not in facts(replace(MOVED, kind=Kind.CONDITION))
    assert "Found within" not in facts(replace(MOVED, since=None))


def test_it_says_what_became_of_setting_the_alias_back() -> None:
    assert not {"Set back", "Not set back"} & facts(MOVED).keys()
    back = facts(replace(MOVED, reverted_at=AT, reverted_by="req_1"))
    assert "by Countersign" in str(back["Set back"])
    left = facts(replace(MOVED, reverted_at=AT, not_reverted="No approval stands."))
    assert left["Not set back"] == "No approval stands."


@pytest.mark.parametrize(
    ("took", "said"),
    [
        (Detection(0, None, None), ""),
        (
            Detection(1, timedelta(seconds=31), timedelta(seconds=31)),
            "In the last 30 days 1 change outside the process was found, within 31 seconds.",
        ),
        (
            Detection(2, timedelta(seconds=10), timedelta(seconds=10.9)),
            (
                "In the last 30 days 2 changes outside the process were found: each within "
                "10 seconds."
            ),
        ),
        (
            Detection(4, timedelta(seconds=31), timedelta(minutes=2)),
            (
                "In the last 30 days 4 changes outside the process were found: half of them within "
                "31 seconds, the slowest within 2 minutes."
            ),
        ),
    ],
)
def test_how_soon_changes_are_found_is_one_sentence(took: Detection, said: str) -> None:
    assert findings.detected(took) == said
