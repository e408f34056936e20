"""Reports stay what they are, whatever words the gates are given."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ci.answers import Answers, Gate, Standing, too_few
from app.ci.gate import FORMATS
from app.ci.junit import junit
from app.ci.sarif import sarif
from app.ci.table import table

GATE = Gate(
    "unit", "Unit tests", "They pass", Standing.FAIL, "passed", "failed", "No.", "CI", False
)
ANSWERS = Answers(
    model="credit-pd",
    version=2,
    alias="champion",
    replaces=None,
    asked_at="2026-11-20T09:12:00Z",
    policy="baseline v1",
    policy_digest="e1f0",
    gates=(GATE,),
    refusal="",
    portal="https://countersign.example.com",
    is_passed_there=False,
    plain={"passes": False},
)
# What a pipeline's runner, a terminal or a parser would take for more than words.
HOSTILE = [
    "##vso[task.setvariable variable=x]y",
    "##[set-output name=x]y",
    "##teamcity[buildStatus status='SUCCESS']",
    "::set-output name=x::y",
    "\n::add-mask::y",
    " \t::stop-commands::x",
    "\x1b[2J\x1b]0;title\x07",
    "\x00\x08\x7f\x9b\ufffe\uffff\ud800",
    "]]></failure><testcase/><!--",
    "\u202eevil\u2066",
    "\r\nPASS  Unit tests",
    "###[##[x",
]
COMMAND = re.compile(r"##\w*\[|^\s*::|[\x00-\x08\x0b-\x1f\x7f-\x9f]", re.MULTILINE)


def with_words(words: str, standing: Standing = Standing.FAIL) -> Answers:
    """Answers in which everything that somebody can name is named so."""
    gate = Gate(words, words, words, standing, words, words, words, words, False)
    return replace(
        ANSWERS,
        model=words,
        alias=words,
        policy=words,
        refusal=words,
        gates=(gate, GATE),
        plain={"words": words},
    )


@pytest.mark.parametrize("form", list(FORMATS))
@pytest.mark.parametrize("words", HOSTILE)
def test_no_report_holds_a_command_to_whoever_logs_it(words: str, form: str) -> None:
    for standing in Standing:
        said = FORMATS[form](with_words(words, standing))
        assert not COMMAND.search(said), said
        # Nor does any of it stand on a line of its own that looks like an answer.
        assert "\nPASS  Unit tests" not in said


@settings(max_examples=60, deadline=None)
@given(st.text(), st.sampled_from(Standing))
def test_whatever_a_gate_is_called_the_reports_can_be_read(words: str, standing: Standing) -> None:
    answers = with_words(words, standing)
    (suite,) = ET.fromstring(junit(answers))  # noqa: S314 - our own report
    assert len(suite.findall("testcase")) == 2
    (ran,) = json.loads(sarif(answers))["runs"]
    assert [rule["id"] for rule in ran["tool"]["driver"]["rules"]] == [words, "unit"]
    assert len(ran["results"]) == 1 + (standing in {Standing.FAIL, Standing.MISSING})
    assert json.loads(FORMATS["json"](answers)) == {"words": words}
    reasons = 1 + (standing is not Standing.PASS)
    assert len(table(answers).split("\n")) == 8 + reasons + bool(words)


def test_words_come_through_unchanged_where_they_are_only_words() -> None:
    words = "Größe ≥ 0.80 & <b>\"fein\"</b> # 1 [x] 'y' 模型"
    answers = with_words(words)
    (suite,) = ET.fromstring(junit(answers))  # noqa: S314 - our own report
    assert suite.find("testcase/failure").get("message") == words  # type: ignore[union-attr]
    assert junit(answers).isascii()
    assert words in table(answers)


def test_a_release_that_too_few_people_could_approve_is_said_under_the_gates() -> None:
    told = {"possible": False, "reason": "Too few.", "hint": "Give the role."}
    assert "Too few. Give the role." in table(replace(ANSWERS, undecidable=too_few(told)))
    assert too_few({"possible": True}) == too_few(None) == ""
