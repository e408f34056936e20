"""What Settings says of an MLflow server, whatever state it is in."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.panels.settings import server
from app.panels.webhook import told
from catalog.registry.mirror.state import MirrorState
from tests.cast import AT

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
