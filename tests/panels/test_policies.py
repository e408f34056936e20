"""What the Policies page says of a policy, of a draft and of what was found of one."""

from __future__ import annotations

from app.panels.policy_tried import picture
from app.ui.theme import LIGHT
from app.ui.verdict_chart import Verdicts, verdict_bars
from catalog.releases.gates.asking import Answer
from catalog.releases.trials.found import Flip, Found, Live, Said

PASSES, FAILS, MISSING = (Said(one, (), "") for one in (Answer.PASS, Answer.FAIL, Answer.MISSING))


def flip(before: Said, after: Said) -> Flip:
    return Flip("RR-2026-0001", "req", "credit-pd", "mdl", 2, "champion", "Approved", before, after)


def live(today: Said | None, verdict: Said) -> Live:
    return Live("credit-pd", "mdl", 2, "champion", verdict, today)


def test_the_picture_tells_what_fails_from_what_is_missing_then_and_with_the_draft() -> None:
    found = Found(
        requests=(flip(PASSES, MISSING), flip(PASSES, FAILS), flip(FAILS, FAILS)),
        live=(live(None, PASSES), live(PASSES, MISSING)),
    )
    assert picture(found) == [
        Verdicts("Past requests, then", 2, 0, 1),
        Verdicts("Past requests, with this", 0, 1, 2),
        Verdicts("Live now, today's policy", 1, 0, 1),
        Verdicts("Live now, with this", 1, 1, 0),
    ]


def test_each_part_of_a_bar_says_its_number_and_its_word_and_an_empty_one_nothing() -> None:
    passes, missing, fails = verdict_bars([Verdicts("Live <now>", 3, 1, 0)], colours=LIGHT)["data"]
    assert [one["text"] for one in (passes, missing, fails)] == [["3 pass"], ["1 missing"], [""]]
    assert passes["customdata"] == ["Live &lt;now&gt;"]
