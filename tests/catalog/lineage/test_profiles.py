"""Profiles: asked for once by whoever compares, computed once, hostile files told and survived."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.compared import Asked, compared
from app.worker import PROFILER, handlers
from catalog.lineage import profiles as desk
from catalog.lineage.answers import sentence
from catalog.lineage.comparison import Comparison
from catalog.lineage.environments import environment
from catalog.lineage.profiles import PREDICTIONS, SAMPLE, Known, Profiles, ProfileState
from catalog.lineage.report import as_csv, as_data, as_markdown
from catalog.registry.mirror.seen import SeenMetric, SeenVersion
from ledger.errors import CountersignError, Invalid, NotFound, Refused, Unavailable
from tests.cast import AT, House
from tests.fakes import AWAY, HOLDOUT

REQUIREMENTS = "scikit-learn==1.9.1\npandas>=2\n"


def table(**columns: Any) -> bytes:  # noqa: ANN401 - whatever a column holds
    kept = io.BytesIO()
    pq.write_table(pa.table(columns), kept)
    return kept.getvalue()


def known(house: House, number: int = 1) -> Known | None:
    version = house.version(number)
    return house.portal.profiles.of([version.id], by=house.alice).get(version.id)


def ask(house: House, *numbers: int) -> None:
    ids = [house.version(one).id for one in numbers]
    house.portal.profiles.request(ids, by=house.alice)


def told(house: House, left: int = 1, right: int = 2) -> Comparison:
    model = house.model()
    return compared(house.portal, Asked(model, left, model, right), by=house.alice)


def rows(*, better: bool, n: int = 400) -> tuple[bytes, float, float]:
    """Truth and answer of one version on rows all versions share, its accuracy and mean area."""
    draw = np.random.default_rng(11)
    truth = draw.random(n) < 0.5
    score = 1 / (1 + np.exp(-(draw.normal(size=n) + 1.2 * (truth - 0.5))))
    if better:
        score = np.clip(score + 0.15 * (truth - 0.5), 0, 1)
    said = score > 0.5
    kept = table(
        label=["yes" if one else "no" for one in truth],
        prediction=["yes" if one else "no" for one in said],
        score=score,
    )
    places = np.argsort(np.argsort(score)) + 1
    positives = truth.sum()
    area = (places[truth].sum() - positives * (positives + 1) / 2) / (positives * (n - positives))
    return kept, float((said == truth).mean()), float(area)


def two_versions(house: House, *, lie: float = 0.0) -> None:
    """Two versions that kept their rows; `lie` is added to what the second says of itself."""
    house.mlflow.register("credit-pd")
    for better in (False, True):
        kept, accuracy, area = rows(better=better)
        shift = lie if better else 0.0
        seen = house.mlflow.log(
            "credit-pd",
            metrics=[
                SeenMetric("accuracy", accuracy + shift, HOLDOUT.name, HOLDOUT.digest),
                SeenMetric("roc_auc", area + shift, HOLDOUT.name, HOLDOUT.digest),
            ],
            params={"depth": "4"},
            files={"MLmodel": "mlflow_version: 3.17.2\n", "requirements.txt": REQUIREMENTS},
        )
        house.mlflow.leave_table(seen, PREDICTIONS, kept)
        house.mlflow.leave_table(
            seen, SAMPLE, table(income=np.linspace(0, 1 + better, 300), city=["York"] * 300)
        )
    house.credit(aucs=(), champion=None)


def test_rows_that_were_kept_make_the_difference_sure(house: House) -> None:
    two_versions(house)
    before = told(house)
    assert before.group("environment").said == "not read yet"
    area = next(one for one in before.numbers if one.number.name == "roc_auc")
    assert area.difference is None
    ask(house, 1, 2)
    assert house.work() == ["profile-version", "profile-version"]
    found = told(house)
    area = next(one for one in found.numbers if one.number.name == "roc_auc")
    assert (area.reads, area.basis) == ("better", "paired, DeLong, 400 rows that both runs kept")
    assert found.group("environment").state == "identical"
    assert [(one.name, one.state) for one in found.columns] == [
        ("income", "changed"),
        ("city", "identical"),
    ]
    assert sentence(found).startswith("v2 is better on roc_auc")
    rows_told = as_data(found, AT)["rows"]
    assert [(one["column"], one["state"]) for one in rows_told] == [
        ("income", "changed"),
        ("city", "identical"),
    ]
    assert "| income | changed |" in as_markdown(found, AT)
    assert "rows,income," in as_csv(found)


def test_a_run_whose_rows_say_something_else_gets_no_interval_from_them(house: House) -> None:
    two_versions(house, lie=0.05)
    ask(house, 1, 2)
    house.work()
    numbers = {one.number.name: one for one in told(house).numbers}
    assert numbers["roc_auc"].basis == (
        "no interval: the rows that were kept give other numbers than the runs"
    )
    assert "paired" not in numbers["accuracy"].basis.partition(",")[0]


def test_a_profile_is_asked_for_once_and_computed_once(house: House) -> None:
    house.credit()
    assert known(house) is None
    ask(house, 1, 2)
    ask(house, 1, 2)
    assert [r.reason for r in house.records("profile:request")] == ["ok", "there-already"]
    assert house.work() == ["profile-version", "profile-version"]
    first = known(house)
    assert first is not None
    assert (first.state, first.profile is not None) == (ProfileState.DONE, True)
    handlers(house.portal)["profile-version"]({"subject": house.version(1).id})
    assert known(house) == first
    assert len(house.records("profile:compute")) == 2


def test_what_was_decided_asks_mlflow_before_rows_are_read(house: House) -> None:
    house.credit()
    ask(house, 1)
    promotions = [False, True]
    read = handlers(house.portal, is_busy=promotions.pop)["profile-version"]
    with pytest.raises(Unavailable, match="Promotions go first"):
        read({"subject": house.version(1).id})
    waits = known(house)
    assert waits is not None
    assert waits.state is ProfileState.QUEUED
    read({"subject": house.version(1).id})
    there = known(house)
    assert there is not None
    assert there.state is ProfileState.DONE


def test_who_may_see_a_model_may_have_it_profiled_and_nobody_else_learns_of_it(
    house: House,
) -> None:
    house.credit()
    version = house.version(1)
    ask(house, 1)
    house.work()
    for by in (house.carol, house.erik, house.bob):
        assert house.portal.profiles.of([version.id], by=by)
        house.portal.profiles.request([version.id], by=by)
    for by in (house.dave, house.join("vera")):
        with pytest.raises(NotFound):
            house.portal.profiles.of([version.id], by=by)
        with pytest.raises(NotFound):
            house.portal.profiles.request([version.id], by=by)
    with pytest.raises(NotFound):
        house.portal.profiles.request(["ver_none"], by=house.alice)
    with pytest.raises(Refused):
        house.portal.profiles.compute(house_asks_again(house), by=house.alice)


def house_asks_again(house: House) -> str:
    ask(house, 2)
    return house.version(2).id


@pytest.mark.parametrize("count", [0, 3])
def test_more_than_a_pair_is_not_profiled_at_once(small_house: House, count: int) -> None:
    small_house.credit()
    with pytest.raises(Invalid):
        small_house.portal.profiles.request(
            [f"ver_{at}" for at in range(count)], by=small_house.alice
        )
    assert small_house.records("profile:request") == []


def test_an_mlflow_that_is_away_is_waited_for(small_house: House) -> None:
    small_house.credit()
    ask(small_house, 1)
    small_house.mlflow.trouble = AWAY
    assert small_house.work() == []
    small_house.mlflow.trouble = None
    assert small_house.work() == ["profile-version"]


def test_a_version_that_was_made_again_has_no_profile(small_house: House) -> None:
    small_house.credit()
    ask(small_house, 1)
    small_house.mlflow.delete_version("credit-pd", 1)
    small_house.work()
    found = known(small_house)
    assert found is not None
    assert (found.state, found.problem) == (
        ProfileState.FAILED,
        "MLflow has no such thing any more.",
    )
    ask(small_house, 1)
    again = known(small_house)
    assert again is not None
    assert (again.state, again.problem) == (ProfileState.QUEUED, "")


def test_a_fault_of_ours_is_told_on_the_page(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_house.credit()
    ask(small_house, 1)
    monkeypatch.setattr(Profiles, "_found", lambda *_: 1 / 0)
    small_house.work()
    found = known(small_house)
    assert found is not None
    assert (found.state, "worker's log" in found.hint) == (ProfileState.FAILED, True)


HOSTILE: Mapping[str, bytes] = {
    "text": b"<script>alert(1)</script>",
    "half": table(a=[1.0, 2.0])[:60] + b"PAR1",
    "empty": b"",
}


def test_hostile_files_are_told_and_change_nothing_else(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "LARGEST_TABLE_BYTES", 100_000)
    small_house.mlflow.register("credit-pd")
    for number, (name, data) in enumerate((*HOSTILE.items(), ("huge", b"x" * 100_001)), 1):
        seen = small_house.mlflow.log("credit-pd", files={"requirements.txt": REQUIREMENTS})
        assert seen.number == number, name
        small_house.mlflow.leave_table(seen, SAMPLE, data)
    small_house.credit(aucs=(), champion=None)
    for number in range(1, 5):
        ask(small_house, number)
    small_house.work()
    for number in range(1, 5):
        found = known(small_house, number)
        assert found is not None
        assert found.profile is not None
        assert found.profile.sample is None
        assert found.profile.environment["scikit-learn"] == "==1.9.1"
        assert len(found.profile.notes) == 1
        assert found.profile.notes[0].startswith(SAMPLE)
        assert "script" not in found.profile.notes[0]
    assert told(small_house).columns == ()


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {SAMPLE: None},
        {SAMPLE: []},
        {SAMPLE: {"rows": 1}},
        {SAMPLE: {"rows": 1, "read": 1, "left_out": 0, "columns": [], "kept": None}},
        {SAMPLE: {"kept": {"label": ["a"]}}},
    ],
)
def test_a_reader_that_was_taken_over_is_not_believed(
    small_house: House, tmp_path: Path, answer: dict[str, Any]
) -> None:
    seen: SeenVersion = small_house.mlflow.log(small_house.mlflow.register("credit-pd").name)
    small_house.mlflow.leave_table(seen, SAMPLE, table(a=[1.0]))
    small_house.credit(aucs=(), champion=None)
    ask(small_house, 1)
    portal = small_house.portal
    Profiles(portal.ledger, portal.servers, lambda _files: answer).compute(
        small_house.version(1).id, by=PROFILER
    )
    found = known(small_house)
    assert found is not None
    assert found.profile is not None
    assert (found.profile.sample, found.profile.kept) == (None, None)
    assert found.profile.notes == (f"{SAMPLE} was read as something that is no table.",)


def test_a_reader_that_does_not_start_is_tried_again(small_house: House) -> None:
    small_house.credit()
    ask(small_house, 1)

    def none(_files: Mapping[str, Path]) -> Mapping[str, Any]:
        raise Unavailable("It could not be started.")

    desks = Profiles(small_house.portal.ledger, small_house.portal.servers, none)
    with pytest.raises(CountersignError):
        desks.compute(small_house.version(1).id, by=PROFILER)
    found = known(small_house)
    assert found is not None
    assert found.state is ProfileState.QUEUED


# -- environments -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, {}),
        (
            {"requirements.txt": "# made by hand\nScikit_Learn == 1.9.1\nnumpy\n-r other.txt\n"},
            {"scikit-learn": "== 1.9.1", "numpy": "any version"},
        ),
        (
            {"requirements.txt": "pandas[all]>=2,<3 ; python_version > '3.9'  # why\n"},
            {"pandas": "[all]>=2,<3 ; python_version > '3.9'"},
        ),
        (
            {"requirements.txt": "ours @ https://user:secret@git.example/x.git\ngit+ssh://h/y\n"},
            {"ours": "from an address", "one more": "from an address"},
        ),
        (
            {"python_env.yaml": "python: 3.11.7\nbuild_dependencies:\n- pip==24\n"},
            {"python": "3.11.7"},
        ),
        (
            {
                "conda.yaml": "dependencies:\n  - python=3.10.2\n  - pip\n  - pip:\n"
                "    - mlflow==3.1\n    - xgboost==3.2.0\n"
            },
            {"python": "3.10.2", "pip": "any version", "mlflow": "==3.1", "xgboost": "==3.2.0"},
        ),
        ({"MLmodel": "mlflow_version: 3.17.2\nflavors: {}\n"}, {"mlflow": "==3.17.2"}),
        ({"requirements.txt": "\x00\x1b[31m\n" + "a" * 100_000 + "!!\n"}, {}),
    ],
)
def test_packages_are_read_from_what_mlflow_writes(
    files: dict[str, str], found: dict[str, str]
) -> None:
    told_of = environment(files)
    assert {name: told_of.get(name) for name in found} == found
    assert "secret" not in str(told_of)
    assert all(len(name) <= 120 and name.isprintable() for name in told_of)


@pytest.mark.parametrize("file", ["requirements.txt", "python_env.yaml", "conda.yaml", "MLmodel"])
@pytest.mark.parametrize("piece", ["\n", " \n", "\t- \n", " ", "python ", "\r"])
def test_a_file_of_nothing_keeps_no_processor_busy(file: str, piece: str) -> None:
    began = time.process_time()
    environment({file: piece * (40_000 // len(piece))})
    assert time.process_time() - began < 2
