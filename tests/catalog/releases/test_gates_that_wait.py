"""Which gates open by themselves: those that miss nothing but the record of the version's files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.releases.gates.answers import Answer, GateResult
from catalog.releases.gates.asking import evaluate
from catalog.releases.gates.waiting import waiting_for_files
from catalog.releases.policies.questions import (
    AllGate,
    AnyGate,
    ArtifactsGate,
    DescriptionGate,
    SomeGate,
    UnchangedGate,
)
from tests.catalog.releases.test_gates import GOOD, NOW, POLICY

FILES = ArtifactsGate(id="files", kind="artifacts_recorded", title="Files", asks="Are recorded")
SAME = UnchangedGate(id="same", kind="digest_unchanged", title="Same", asks="Are the same")
WORDS = DescriptionGate(
    id="words", kind="description_present", title="Words", asks="Says what it is"
)


def every(*gates: AnyGate) -> AllGate:
    return AllGate(id="every", kind="all_of", title="Every", asks="Each passes", gates=[*gates])


def some(*gates: AnyGate) -> SomeGate:
    return SomeGate(id="some", kind="any_of", title="Some", asks="One passes", gates=[*gates])


# Before a request is sent nobody has read the files.
UNREAD = replace(GOOD, manifest_digest="", manifest_files=0, manifest_at="")


def waits(gate: AnyGate, *, described: bool = True) -> bool:
    policy = POLICY.model_copy(update={"gates": [gate]})
    snapshot = UNREAD if described else replace(UNREAD, description_digest="")
    found = waiting_for_files(policy, evaluate(policy, snapshot, NOW))
    assert found <= {gate.id}
    return bool(found)


@pytest.mark.parametrize("gate", [FILES, SAME, every(FILES, SAME), some(FILES, SAME)])
def test_what_asks_for_the_files_alone_opens_once_they_are_read(gate: AnyGate) -> None:
    assert waits(gate)


def test_what_all_must_pass_waits_only_while_nothing_else_is_missing() -> None:
    assert waits(every(FILES, WORDS))
    assert not waits(every(FILES, WORDS), described=False)
    assert not waits(every(WORDS), described=False)


def test_of_several_one_that_waits_for_the_files_is_enough() -> None:
    assert waits(some(FILES, WORDS), described=False)
    assert not waits(some(WORDS), described=False)


def test_what_passes_already_and_what_somebody_must_do_wait_for_nothing() -> None:
    assert not waits(WORDS)
    assert not waits(WORDS, described=False)


def test_files_that_are_read_are_not_waited_for() -> None:
    policy = POLICY.model_copy(update={"gates": [FILES, SAME]})
    answered = evaluate(policy, GOOD, NOW)
    assert answered[0].answer is Answer.PASS
    assert "files" not in waiting_for_files(policy, answered)
    changed = tuple(replace(one, answer=Answer.FAIL) for one in answered)
    assert waiting_for_files(policy, changed) == frozenset()


def test_an_answer_for_each_gate_of_the_policy_is_asked_for() -> None:
    policy = POLICY.model_copy(update={"gates": [FILES, WORDS]})
    answers: tuple[GateResult, ...] = evaluate(policy, UNREAD, NOW)
    with pytest.raises(ValueError, match="shorter"):
        waiting_for_files(policy, answers[:1])
