"""What Settings says of an MLflow server, whatever state it is in."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.panels.keeping import facts
from app.panels.settings import server
from app.panels.webhook import told
from app.settings import from_environment
from catalog.registry.mirror.state import MirrorState
from catalog.releases.findings.detection import Detection
from catalog.releases.reconciliation.reconciliation import Looked
from ledger.errors import Refused
from tests.cast import AT, House
from tests.catalog.releases.test_reconciliation import live

ANSWERS = MirrorState("main", AT, AT, "", 8, 28, crawled_at=AT)
AWAY = MirrorState("main", AT, AT, "MLflow does not answer. <b>", 8, 28, failures=3)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (ANSWERS, "Answers"),
        (MirrorState("main", AT, None, "", 0, 0), "Not read yet"),
        (AWAY, "Does not answer"),
        (
            MirrorState("main", AT, AT, "No.", 8, 28, open_until=AT + timedelta(seconds=40)),
            "Left alone for 40 seconds",
        ),
        (
            MirrorState("main", AT, AT, "No.", 8, 28, open_until=AT - timedelta(seconds=40)),
            "Does not answer",
        ),
    ],
)
def test_a_server_says_whether_it_answers(state: MirrorState, said: str) -> None:
    row = server(state, AT)
    assert said in str(row.cells[1])
    assert row.tint == ("fail" if state.problem else "")


@pytest.mark.parametrize(
    ("is_own", "has_secret", "heard", "said"),
    [
        (False, False, None, "every delivery is refused"),
        (False, True, None, "secret set, no delivery in 15 minutes"),
        (False, True, AT, "secret set, last delivery 20 Nov 2026"),
        (True, True, None, "made by itself at the start"),
    ],
)
def test_a_server_says_whether_it_is_heard(
    *, is_own: bool, has_secret: bool, heard: datetime | None, said: str
) -> None:
    assert said in str(told(is_own, has_secret, heard))


def test_what_was_wrong_with_a_server_is_text_and_nothing_else() -> None:
    assert "&lt;b&gt;" in str(server(AWAY, AT).cells[1])


def test_a_reading_that_goes_on_says_how_far_it_is() -> None:
    under_way = MirrorState(
        "main", AT, AT, "", 1_000, 5_000, crawled_at=AT, crawl_began_at=AT, crawl_read=2_400
    )
    assert "2,400 of about 6,000" in str(server(under_way, AT).cells[3])
    first = MirrorState("main", AT, None, "", 0, 0, crawl_began_at=AT, crawl_read=2_400)
    assert "2,400" in str(server(first, AT).cells[3])
    assert "of about" not in str(server(first, AT).cells[3])


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, ("On, in the MLflow", "@champion, or those")),
        ({"GUARD": "0"}, ("Off (GUARD=0)", "None.")),
        (
            {"MLFLOW_TRACKING_URI": "http://127.0.0.1:5000"},
            ("Not known here", "@champion, or those"),
        ),
    ],
)
def test_settings_say_what_the_guard_protects_as_far_as_it_is_known(
    tmp_path: Path, env: dict[str, str], said: tuple[str, str]
) -> None:
    settings = from_environment({"DATA_DIR": str(tmp_path), **env})
    told = facts(settings, Looked(AT, 0), Detection(0, None, None))
    assert said[0] in str(dict(told)["Guard"])
    assert said[1] in str(dict(told)["Protected aliases"])


def test_settings_say_how_far_the_changes_in_mlflow_are_explained(small_house: House) -> None:
    house = small_house
    live(house)
    seen = house.portal.reconciliation.looked(by=house.grace)
    assert seen == Looked(house.clock.now(), 0)
    house.mlflow.point("credit-pd", "champion", 3)
    house.clock.advance(timedelta(minutes=1))
    house.mirror()
    assert house.portal.reconciliation.looked(by=house.grace).waiting == 1
    none = Detection(0, None, None)
    settings = house.portal.settings
    assert "1 change waits" in str(dict(facts(settings, Looked(AT, 1), none))["Changes explained"])
    assert "Not yet" in str(dict(facts(settings, Looked(None, 0), none))["Changes explained"])
    with pytest.raises(Refused):
        house.portal.reconciliation.looked(by=house.carol)
