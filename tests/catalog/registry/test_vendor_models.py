"""A vendor's model has no run and no files: it is found and classified, and says what it lacks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app import session
from app.portal import Portal, build
from app.settings import from_environment
from app.worker import MIRROR, handlers
from catalog.registry.inventory.standing import Standing
from catalog.registry.mlflow.server import MlflowServer
from catalog.registry.search.questions import Question
from catalog.releases.gates.asking import Answer
from catalog.releases.states import State
from tests.cast import DOMAIN, WHY, House
from tests.screens import Screens

NAME = "scoring-bureau"


@pytest.fixture
def vendor(small_house: House, mlflow_server: str) -> Iterator[Portal]:
    """The portal over a real MLflow in which a vendor's model is registered as it says itself."""
    import mlflow  # noqa: PLC0415 - three seconds, where it is wanted

    # The server is shared by all tests, so what an earlier one left goes first.
    mlflow.set_tracking_uri(mlflow_server)
    client = mlflow.MlflowClient()
    if client.search_registered_models(f"name = '{NAME}'"):
        client.delete_registered_model(NAME)
    made = mlflow.create_external_model(
        name=NAME,
        model_type="vendor",
        tags={
            "vendor": "Example Bureau Ltd",
            "contract": "2026-114",
            "contact": "models@bureau.example",
            "documentation": "https://bureau.example/scoring",
        },
    )
    mlflow.register_model(f"models:/{made.model_id}", NAME)
    url = small_house.portal.store.url.render_as_string(hide_password=False)
    folder = small_house.portal.settings.data_dir
    settings = from_environment({"DATA_DIR": str(folder), "DATABASE_URL": url, "DEMO": "0"})
    portal = build(
        settings,
        clock=small_house.clock,
        jobs=small_house.jobs,
        mlflow=MlflowServer(mlflow_server),
    )
    portal.mirror.refresh(NAME, by=MIRROR)
    portal.mirror.crawl(by=MIRROR)
    portal.indexer.run(by=MIRROR)
    yield portal
    portal.store.close()


def test_a_vendor_model_is_mirrored_classified_and_asked_for_and_says_what_it_lacks(
    small_house: House, vendor: Portal
) -> None:
    model = vendor.models.find(NAME, by=small_house.grace)
    versions, runs = vendor.models.history(model)
    assert [one.number for one in versions] == [1]
    assert (versions[0].run_id, runs) == ("", {})
    assert versions[0].source.startswith("models:/m-")
    vendor.models.classify(
        model.id,
        by=small_house.grace,
        owner_id=small_house.alice.id,
        domain=DOMAIN,
        task="binary classification",
        standing=Standing("1", "High", "Validation"),
    )
    preview = vendor.requests.preview(versions[0].id, "champion", by=small_house.alice)
    assert preview.may_request
    request = vendor.requests.request(versions[0].id, "champion", WHY, by=small_house.alice)
    small_house.jobs.run(handlers(vendor))
    sheet = vendor.requests.sheet(request.id, by=small_house.bob)
    assert (sheet.request.state, sheet.request.problem) == (State.IN_REVIEW, "")
    answers = {gate.id: gate.answer for gate in sheet.gates}
    # Its only file is what MLflow wrote about it; of who built it nothing is known.
    assert answers["artifacts"] is Answer.PASS
    assert answers["author"] is Answer.MISSING
    assert not sheet.may_approve
    assert sheet.may_approve.code == "author-unknown"


def test_a_vendor_model_is_found_by_what_its_registration_says(
    small_house: House, vendor: Portal
) -> None:
    for words in ("vendor", "Example Bureau", "2026-114"):
        found = vendor.finder.find(Question(words), by=small_house.grace).hits
        assert [one.model.name for one in found] == [NAME], words
    tags = dict(vendor.finder.find(Question(""), by=small_house.grace).facets["tag"])
    assert tags["vendor: Example Bureau Ltd"] == 1


def test_what_mlflow_made_up_about_it_is_not_mirrored(small_house: House, vendor: Portal) -> None:
    version = vendor.models.version(vendor.models.find(NAME, by=small_house.grace), 1)
    assert version.is_external
    assert version.signature == {}
    example = vendor.input_examples.of(version)
    assert example is not None
    assert example.state == "external"


TOLD = ("Example Bureau Ltd", "2026-114", "models@bureau.example", "https://bureau.example/scoring")
# What is wrong of a model without files.
WRONG = ("load_model", "unnamed", "could not be read", "named no data set", "pip install")


@pytest.mark.parametrize("tab", ["Overview", "Load", "Card"])
def test_its_page_says_that_it_is_a_vendors_and_offers_nothing_to_load(
    on_screen: House, vendor: Portal, tab: str
) -> None:
    session.use(vendor)
    said = Screens(on_screen, on_screen.grace).reads("model", name=NAME, tab=tab)
    assert "Vendor model" in said
    assert all(words in said for words in TOLD)
    assert not [words for words in WRONG if words in said]
    assert ("Vendor model: nothing to load here" in said) == (tab == "Load")
    assert ("not known: its vendor trained it" in said) == (tab == "Overview")
