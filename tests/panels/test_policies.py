"""What the Policies page says of a policy, of a draft and of what was found of one."""

from __future__ import annotations

from app.panels.policy_tried import picture
from app.panels.policy_words import gates_table, law_facts, settings_words
from app.ui.theme import LIGHT
from app.ui.verdict_chart import Verdicts, verdict_bars
from catalog.releases.gates.asking import Answer
from catalog.releases.policies.law import Policy
from catalog.releases.policies.reading import pack_text, read
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


def law(more: str = "") -> Policy:
    return read(pack_text("baseline") + more)


WHOLE = """
limits: {expire_after_days: 12, decide_within_days: 5, undecided: close}
windows: [{days: [mon, tue], opens: "09:00", closes: "16:00", zone: Europe/Berlin}]
freezes:
  - {first: "2026-12-21", last: "2027-01-03", why: Year end}
  - {first: "2026-12-06", last: "2026-12-06", why: Holiday}
rechecks: [{gates: [owner, artifacts], every_days: 30}]
unapproved: roll back
unknown_author: accept
"""


def test_all_that_a_policy_says_is_told_in_words() -> None:
    told = {name: str(value) for name, value in law_facts(law(WHOLE))}
    assert told["Governs"] == "Every release"
    assert told["Who has to agree"] == "1 approver"
    assert "Monday and Tuesday, 09:00 to 16:00 (Europe/Berlin)" in told["Goes live"]
    assert "21 Dec 2026 to 3 Jan 2027: Year end" in told["Frozen"]
    assert ">6 Dec 2026: Holiday<" in told["Frozen"]
    assert told["In an emergency"].startswith("One approver decides, whatever the gates say")
    assert "within 3 days" in told["In an emergency"]
    assert told["Open requests"] == "Closed after 12 days in which nothing was done"
    assert told["To be decided"] == (
        "Within 5 days of being asked for, sent again or read anew; then it is closed by itself"
    )
    assert told["Asked again once live"] == "Owner and Artifacts every 30 days"
    assert "set back by itself" in told["Live without approval"]
    assert told["Built by nobody known"] == "May be approved, but never in an emergency"
    assert "Regression: Mean absolute error, lower is better" in told["What decides"]


def test_what_a_policy_does_not_say_is_told_too() -> None:
    text = pack_text("baseline").replace("emergency: {review_within_days: 3}\n", "")
    told = {name: str(value) for name, value in law_facts(read(text))}
    assert "At any time" in told["Goes live"]
    assert "Never" in told["Frozen"]
    assert told["In an emergency"] == "There is no other way than the usual one"
    assert told["Live without approval"] == "It is a finding; nothing is set back by itself"
    assert told["Asked again once live"] == "Nothing"
    assert told["To be decided"] == "No day is set"


def test_a_gate_says_what_it_is_set_to_and_none_of_its_words_is_cut() -> None:
    policy = read(pack_text("eu-ai-act-high-risk"))
    said = {gate.id: settings_words(gate) for gate in policy.gates}
    assert said["performance"] == "no margin"
    assert said["documentation"] == "at least 80"
    assert "not older than 365 days" in said["oversight"]
    assert "from neither who asks nor who built it" in said["oversight"]
    assert said["scan"] == "not older than 30 days"
    table = gates_table(policy.gates)
    assert "card complete: at least 80" in table
    assert 'class="cs-lead-cell cs-words"' in table
