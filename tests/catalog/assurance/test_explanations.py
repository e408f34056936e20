"""The desk where explanations are asked for once, computed once, and failures are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.worker import EXPLAINER
from catalog.assurance import explanations as desk
from catalog.assurance.explanations import Explanation, ExplanationState
from ledger.errors import NotFound, Refused, Unavailable
from tests.assurance import models
from tests.cast import House
from tests.fakes import AWAY

EXAMPLE = json.dumps({"columns": ["income"], "data": [[1.0]]})


def asked(house: House, number: int = 1) -> Explanation:
    version = house.version(number)
    house.portal.explanations.request(version.id, by=house.alice)
    return told(house, number)


def told(house: House, number: int = 1) -> Explanation:
    found = house.portal.explanations.of(house.version(number).id, by=house.alice)
    assert found is not None
    return found


def test_asked_twice_is_asked_once(house: House) -> None:
    house.credit()
    first, second = asked(house), asked(house)
    assert first == second
    assert first.state is ExplanationState.QUEUED
    assert first.is_under_way
    assert len(house.jobs.waiting("compute-explanation")) == 1
    assert [r.reason for r in house.records("explanation:request")] == ["ok", "there-already"]


@pytest.mark.parametrize("who", ["carol", "erik"])
def test_who_only_reads_has_nothing_computed(small_house: House, who: str) -> None:
    small_house.credit()
    version, by = small_house.version(1), small_house.who(who)
    assert not small_house.portal.explanations.may_request(small_house.model(), by=by)
    with pytest.raises(Refused):
        small_house.portal.explanations.request(version.id, by=by)
    assert small_house.portal.explanations.of(version.id, by=by) is None


def test_a_stranger_learns_of_no_version(small_house: House) -> None:
    small_house.credit()
    version = small_house.version(1)
    for attempt in (small_house.portal.explanations.request, small_house.portal.explanations.of):
        with pytest.raises(NotFound):
            attempt(version.id, by=small_house.dave)
        with pytest.raises(NotFound):
            attempt("ver_unknown", by=small_house.dave)


def test_a_version_without_rows_to_explain_fails_with_the_remedy_and_can_be_asked_again(
    house: House,
) -> None:
    house.credit()
    asked(house)
    house.work()
    failed = told(house)
    assert failed.state is ExplanationState.FAILED
    assert failed.problem == "There are no rows to explain this version on."
    assert "input example" in failed.hint
    assert house.records("explanation:fail")[0].reason == "no-sample"
    again = asked(house)
    assert (again.id, again.state, again.problem) == (failed.id, ExplanationState.QUEUED, "")
    assert len(house.jobs.waiting("compute-explanation")) == 1


def test_a_version_deleted_meanwhile_fails_with_the_reason(small_house: House) -> None:
    small_house.credit()
    asked(small_house)
    small_house.mlflow.delete_version("credit-pd", 1)
    small_house.work()
    version_gone = small_house.records("explanation:fail")[0]
    assert version_gone.reason in {"not-in-mlflow", "version-gone"}


def test_a_version_made_again_meanwhile_is_not_explained_in_the_old_ones_name(
    small_house: House,
) -> None:
    small_house.credit(aucs=(0.8,))
    explanation = asked(small_house)
    small_house.mlflow.delete("credit-pd")
    small_house.mlflow.register("credit-pd")
    small_house.mlflow.log("credit-pd")
    small_house.work()
    assert told(small_house).id == explanation.id
    assert told(small_house).state is ExplanationState.FAILED
    assert "made again" in told(small_house).problem
    assert small_house.records("explanation:fail")[0].reason == "version-gone"


def test_while_mlflow_is_away_an_explanation_waits(small_house: House) -> None:
    small_house.credit()
    explanation = asked(small_house)
    small_house.mlflow.trouble = AWAY
    with pytest.raises(Unavailable):
        small_house.portal.explanations.compute(explanation.id, by=EXPLAINER)
    assert told(small_house).is_under_way
    assert len(small_house.jobs.waiting("compute-explanation")) == 1


def test_a_model_too_large_is_not_opened(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_house.credit()
    monkeypatch.setattr(desk, "LARGEST_MODEL_BYTES", 3)
    asked(small_house)
    small_house.work()
    assert small_house.records("explanation:fail")[0].reason == "model-too-large"


def test_no_person_computes_an_explanation_past_the_worker(small_house: House) -> None:
    small_house.credit()
    explanation = asked(small_house)
    with pytest.raises(Refused):
        small_house.portal.explanations.compute(explanation.id, by=small_house.alice)


def test_a_model_that_is_no_model_fails_in_words_and_harms_nothing(
    small_house: House, tmp_path: Path
) -> None:
    """The files of the stand-in are no model: the locked child says so, and the page tells it."""
    small_house.credit(aucs=(), champion=None)
    small_house.mlflow.log("credit-pd", files={"MLmodel": "x", "input_example.json": EXAMPLE})
    small_house.mirror()
    asked(small_house)
    small_house.work()
    failed = told(small_house)
    assert failed.state is ExplanationState.FAILED
    assert failed.problem.endswith(".")
    assert "Traceback" not in failed.problem + failed.hint


def test_an_explanation_is_computed_once_kept_and_shown_to_all_who_may_read(
    small_house: House, tmp_path: Path
) -> None:
    small_house.credit(aucs=(0.8,))
    models.ridge(tmp_path / "ridge")
    rows = models.people(20)[models.NUMBERS].to_dict(orient="split", index=False)
    (tmp_path / "ridge" / "input_example.json").write_text(json.dumps(rows))
    small_house.mlflow.put_files(small_house.mlflow.version("credit-pd", 1), tmp_path / "ridge")
    asked(small_house)
    small_house.work()
    done = told(small_house)
    assert done.state is ExplanationState.DONE, (done.problem, done.hint)
    assert done.result is not None
    assert set(done.result.features) == set(models.NUMBERS)
    assert done.sample == "input example of the model"
    (record,) = small_house.records("explanation:compute")
    assert record.digests == {
        "artifacts": done.artifacts_digest,
        "result": done.result_digest,
    }
    assert asked(small_house) == done
    small_house.portal.explanations.compute(done.id, by=EXPLAINER)
    assert len(small_house.records("explanation:compute")) == 1
    for who in ("carol", "erik", "bob"):
        version = small_house.version(1)
        shown = small_house.portal.explanations.of(version.id, by=small_house.who(who))
        assert shown == done
