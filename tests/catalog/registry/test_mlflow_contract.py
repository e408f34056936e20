"""The same questions, asked of the stand-in and of a real MLflow server: the answers are alike."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from catalog.registry.artifacts import at_most, manifest_of
from catalog.registry.mirror.seen import Mlflow, SeenDataset, SeenExample, SeenMetric, SeenVersion
from catalog.registry.mlflow import server as adapter
from catalog.registry.mlflow.server import MlflowServer
from ledger.clock import SetClock
from ledger.errors import Invalid, NotFound
from tests.cast import AT
from tests.fakes import FakeMlflow

_NAMES = itertools.count(1)
SAMPLE = "income,debt\n1,2\n"
FILES = {
    "MLmodel": "flavors:\n  python_function: {}\n"
    "saved_input_example_info: {artifact_path: input_example.json, type: dataframe}\n",
    "model.skops": "weights",
    "input_example.json": '{"columns": ["income"], "data": [[41.5]]}',
}


class World(Protocol):
    """An MLflow and the people who work in it."""

    mlflow: Mlflow

    def register(self, name: str, description: str, **tags: str) -> None: ...

    def log(self, name: str, description: str = "") -> int: ...

    def delete_version(self, name: str, number: int) -> None: ...

    def delete(self, name: str) -> None: ...


class InMemory:
    """The stand-in."""

    def __init__(self, folder: Path) -> None:
        self._fake = FakeMlflow(folder, SetClock(AT))
        self.mlflow: Mlflow = self._fake

    def register(self, name: str, description: str, **tags: str) -> None:
        self._fake.register(name, description, **tags)

    def log(self, name: str, description: str = "") -> int:
        version = self._fake.log(
            name,
            metrics=[SeenMetric("mae", 3.5, "holdout", "e1f0")],
            datasets=[
                SeenDataset("holdout", "e1f0", "evaluation", "code", "{}", "", 2),
            ],
            params={"alpha": "0.5"},
            description=description,
            files=FILES,
        )
        self._fake.leave_sample(version, SAMPLE)
        return version.number

    def delete_version(self, name: str, number: int) -> None:
        self._fake.delete_version(name, number)

    def delete(self, name: str) -> None:
        self._fake.delete(name)


class OverHttp:
    """A real server, worked in through MLflow's own client."""

    def __init__(self, address: str, folder: Path) -> None:
        from mlflow import MlflowClient  # noqa: PLC0415 - three seconds, where it is wanted

        self._client = MlflowClient(tracking_uri=address, registry_uri=address)
        self._folder = folder
        self.mlflow: Mlflow = MlflowServer(address)

    def register(self, name: str, description: str, **tags: str) -> None:
        self._client.create_registered_model(name, dict(tags), description)

    def log(self, name: str, description: str = "") -> int:
        from mlflow.entities import Dataset, DatasetInput, InputTag  # noqa: PLC0415 - likewise

        client = self._client
        run = client.create_run("0", run_name="train", tags={"mlflow.user": "ada"}).info
        client.log_param(run.run_id, "alpha", "0.5")
        client.log_inputs(
            run.run_id,
            [
                DatasetInput(
                    Dataset("holdout", "e1f0", "code", "{}", None, '{"num_rows": 2}'),
                    [InputTag("mlflow.data.context", "evaluation")],
                )
            ],
        )
        logged = client.create_logged_model("0", "model", run.run_id)
        client.log_metric(
            run.run_id,
            "mae",
            3.5,
            dataset_name="holdout",
            dataset_digest="e1f0",
            model_id=logged.model_id,
        )
        files = self._folder / "files"
        files.mkdir(exist_ok=True)
        for path, text in FILES.items():
            (files / path).write_text(text)
        client.log_model_artifacts(logged.model_id, str(files))
        client.finalize_logged_model(logged.model_id, "READY")
        sample = self._folder / "evaluation_sample.parquet"
        sample.write_text(SAMPLE)
        client.log_artifact(run.run_id, str(sample))
        made = client.create_model_version(
            name,
            f"models:/{logged.model_id}",
            run.run_id,
            description=description,
            model_id=logged.model_id,
        )
        return int(made.version)

    def delete_version(self, name: str, number: int) -> None:
        self._client.delete_model_version(name, str(number))

    def delete(self, name: str) -> None:
        self._client.delete_registered_model(name)


@pytest.fixture(params=["stand-in", "mlflow server"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == "stand-in":
        return InMemory(tmp_path)
    return OverHttp(request.getfixturevalue("mlflow_server"), tmp_path)


@pytest.fixture
def name() -> str:
    """A name of its own for each test: the server is shared."""
    return f"contract-{next(_NAMES)}"


@pytest.fixture
def version(world: World, name: str) -> SeenVersion:
    world.register(name, "What it predicts.", team="risk")
    return world.mlflow.version(name, world.log(name, "What is new."))


def test_models_are_listed_with_what_they_say_of_themselves(world: World, name: str) -> None:
    world.register(name, "What it predicts.", team="risk")
    world.mlflow.set_alias(name, "champion", world.log(name))
    (listed,) = [
        model for page in world.mlflow.model_pages() for model in page if model.name == name
    ]
    assert listed == world.mlflow.model(name)
    assert (listed.workspace, listed.description) == ("default", "What it predicts.")
    assert dict(listed.tags) == {"team": "risk"}
    assert dict(listed.aliases) == {"champion": 1}
    assert listed.created_at.tzinfo is not None


def test_versions_are_listed_for_all_models_and_for_one(
    world: World, name: str, version: SeenVersion
) -> None:
    world.log(name)
    of_one = {one.number: one for one in world.mlflow.versions(name)}
    of_all = {
        one.number: one for page in world.mlflow.version_pages() for one in page if one.name == name
    }
    assert of_one == of_all
    assert set(of_one) == {1, 2}
    assert of_one[1] == version
    assert (version.description, version.status) == ("What is new.", "READY")
    assert version.source.startswith("models:/m-")
    assert version.run_id


def test_details_tell_the_run_its_data_and_its_numbers(world: World, version: SeenVersion) -> None:
    details = world.mlflow.details(version)
    assert details.run is not None
    assert (details.run.run_id, details.run.user) == (version.run_id, "ada")
    assert dict(details.run.params) == {"alpha": "0.5"}
    assert [(d.name, d.digest, d.context, d.rows) for d in details.run.datasets] == [
        ("holdout", "e1f0", "evaluation", 2)
    ]
    assert details.metrics == (SeenMetric("mae", 3.5, "holdout", "e1f0"),)
    assert details.logged_model_id == version.source.removeprefix("models:/")
    assert details.flavors == ("python_function",)
    assert details.example == SeenExample("read", FILES["input_example.json"])


def test_the_files_of_a_version_are_the_same_each_time(
    world: World, version: SeenVersion, tmp_path: Path
) -> None:
    manifests = []
    for place in ("once", "again"):
        (tmp_path / place).mkdir()
        manifests.append(manifest_of(world.mlflow.download(version, tmp_path / place)))
    assert manifests[0] == manifests[1]
    assert set(manifests[0].files) == set(FILES)
    assert manifests[0].files["model.skops"][0] == len("weights")


def test_the_sample_a_run_left_is_downloaded(
    world: World, version: SeenVersion, tmp_path: Path
) -> None:
    (tmp_path / "sample").mkdir()
    sample = world.mlflow.download_sample(version, tmp_path / "sample")
    assert sample is not None
    assert sample.read_text() == SAMPLE


def test_one_file_of_a_run_or_of_a_version_is_downloaded_if_it_is_there(
    world: World, version: SeenVersion, tmp_path: Path
) -> None:
    for folder in ("run", "model"):
        (tmp_path / folder).mkdir()
    of_run, of_model = (world.mlflow.folder(version, of=of) for of in ("run", "model"))
    assert of_run is not None
    assert of_model is not None
    sample = of_run.file("evaluation_sample.parquet", tmp_path / "run")
    described = of_model.file("MLmodel", tmp_path / "model")
    assert sample is not None
    assert described is not None
    assert sample.read_text() == SAMPLE
    assert "flavors" in described.read_text()
    assert of_model.file("no-such-file.txt", tmp_path) is None
    assert of_run.file("MLmodel", tmp_path) is None
    with at_most(3), pytest.raises(Invalid):
        of_model.file("MLmodel", tmp_path)


def test_an_alias_set_twice_points_where_it_was_set(
    world: World, name: str, version: SeenVersion
) -> None:
    second = world.log(name)
    for number in (version.number, second, second):
        world.mlflow.set_alias(name, "champion", number)
        assert world.mlflow.model(name).aliases["champion"] == number


def test_an_alias_taken_away_twice_is_away(world: World, name: str, version: SeenVersion) -> None:
    world.mlflow.set_alias(name, "challenger", version.number)
    world.mlflow.set_alias(name, "champion", version.number)
    for _ in range(2):
        world.mlflow.delete_alias(name, "champion")
        assert world.mlflow.model(name).aliases == {"challenger": version.number}


@pytest.mark.parametrize(
    "question",
    [
        lambda mlflow, _name: mlflow.model("no such model"),
        lambda mlflow, _name: mlflow.version("no such model", 1),
        lambda mlflow, name: mlflow.version(name, 99),
        lambda mlflow, name: mlflow.set_alias(name, "champion", 99),
        lambda mlflow, _name: mlflow.set_alias("no such model", "champion", 1),
        lambda mlflow, _name: mlflow.delete_alias("no such model", "champion"),
    ],
)
def test_what_is_not_there_is_not_found(
    world: World,
    name: str,
    version: SeenVersion,
    question: Callable[[Mlflow, str], object],
) -> None:
    with pytest.raises(NotFound):
        question(world.mlflow, name)


def test_a_deleted_version_takes_its_alias_with_it(
    world: World, name: str, version: SeenVersion
) -> None:
    world.mlflow.set_alias(name, "champion", 1)
    world.delete_version(name, 1)
    with pytest.raises(NotFound):
        world.mlflow.version(name, 1)
    assert list(world.mlflow.versions(name)) == []
    assert dict(world.mlflow.model(name).aliases) == {}


def test_a_model_made_again_counts_from_one_and_is_created_at_another_time(
    world: World, name: str, version: SeenVersion
) -> None:
    before = world.mlflow.model(name)
    world.delete(name)
    world.register(name, "")
    again = world.log(name)
    assert again == version.number == 1
    assert world.mlflow.model(name).created_at != before.created_at
    assert world.mlflow.version(name, 1).created_at != version.created_at


@pytest.mark.parametrize("spelt", ["it's", 'a "b"', "two words", "ünder_score", "dotted.name"])
def test_any_name_mlflow_takes_can_be_asked_for(world: World, name: str, spelt: str) -> None:
    full = f"{name} {spelt}"
    world.register(full, "")
    world.log(full)
    assert world.mlflow.model(full).name == full
    assert [one.name for one in world.mlflow.versions(full)] == [full]


def test_a_listing_longer_than_a_page_is_read_to_its_end(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(world.mlflow, FakeMlflow):
        world.mlflow.page_rows = 2
    monkeypatch.setattr(adapter, "_PAGE", 2)
    for number in range(5):
        world.register(f"{name}-{number}", "")
    listed = [
        one.name
        for page in world.mlflow.model_pages()
        for one in page
        if one.name.startswith(f"{name}-")
    ]
    assert sorted(listed) == [f"{name}-{number}" for number in range(5)]


@pytest.mark.parametrize(
    "address",
    ["file:///etc", "/etc", "", "http://127.0.0.1:9/secret", "https://169.254.169.254/", "ftp://x"],
)
def test_the_worker_is_not_sent_to_its_own_disk_or_to_the_web_for_files(address: str) -> None:
    with pytest.raises(Invalid) as told:
        MlflowServer("http://127.0.0.1:9")._opened(address)
    assert told.value.code == "artifact-store"
    assert told.value.hint
