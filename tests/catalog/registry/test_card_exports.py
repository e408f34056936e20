"""What leaves the house is valid, complete, and carries nobody's markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.registry.cards.body import CardBody, read, shaped
from catalog.registry.cards.exports import FORMATS, Edition, export
from catalog.registry.cards.facts import Facts
from catalog.registry.cards.rules import problems
from catalog.registry.cards.schema import insist_valid
from catalog.registry.models import Dataset, Metric, Model, Run, Version
from tests.catalog.registry.cards import COMPLETE, hostile

AT = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)
# As readers of Hugging Face cards find the front matter.
_FRONT_MATTER = re.compile(r"\s*---[\r\n]+([\S\s]*?)[\r\n]+---(?:\r\n|\n|$)")
EDITION = Edition(COMPLETE, 3, "ab" * 32, AT, "Alice Norrland")


def facts(name: str = "credit-pd", words: str = "Probability of default.") -> Facts:
    model = Model(
        id="mdl_1",
        server="main",
        workspace="default",
        name=name,
        description=words,
        tags={"team": words, "mlflow.x": "hidden"},
        domain="Lending",
        task="binary classification",
        owner_id="",
        created_at=AT,
        updated_at=AT,
        gone_at=None,
    )
    version = Version(
        id="ver_1",
        model_id="mdl_1",
        number=7,
        created_at=AT,
        source="models:/m",
        run_id="r",
        description=words,
        status="READY",
        tags={},
        flavors=("python_function", "sklearn"),
        signature={"inputs": ((name, "double"),), "outputs": (("", words),)},
        gone_at=None,
        metrics=(
            Metric(name, 0.81, "holdout", "e1f0"),
            Metric("loss", float("nan"), "", ""),
            Metric("mae", 2.0, "", ""),
        ),
    )
    data = (
        Dataset("holdout", "e1f0", "evaluation", "local", "", (), 41_200),
        Dataset(words, "7a31", "training", "local", "", (), None),
    )
    run = Run("r", "r", "lending", "ada", "FINISHED", AT, AT, {}, {}, data)
    return Facts(model, version, run)


def cyclonedx(edition: Edition, known: Facts) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(export("cyclonedx", edition, known, at=AT))
    return told


def test_the_cyclonedx_export_is_valid_and_names_what_mlflow_filled_in() -> None:
    written = export("cyclonedx", EDITION, facts(), at=AT)
    insist_valid(written)
    model, *data = json.loads(written)["components"]
    card = model["modelCard"]
    assert card["modelParameters"]["task"] == "binary classification"
    assert card["modelParameters"]["inputs"] == [{"format": "credit-pd: double"}]
    assert [one["name"] for one in data] == ["Probability of default.", "holdout"]
    assert card["modelParameters"]["datasets"] == [{"ref": one["bom-ref"]} for one in data]
    assert card["considerations"] == shaped(COMPLETE)["considerations"]
    own, first, second = card["quantitativeAnalysis"]["performanceMetrics"]
    assert own["confidenceInterval"] == {"lowerBound": "0.79", "upperBound": "0.83"}
    assert first == {"type": "credit-pd", "value": "0.81", "slice": "holdout e1f0"}
    assert second == {"type": "mae", "value": "2.0"}
    said = [one["value"] for one in card["properties"] if one["name"] == "countersign:fromMlflow"]
    assert said == [
        "modelParameters.task",
        "modelParameters.inputs",
        "modelParameters.outputs",
        "modelParameters.datasets",
        "quantitativeAnalysis.performanceMetrics[1]",
        "quantitativeAnalysis.performanceMetrics[2]",
    ]


def test_a_model_without_a_card_or_a_version_still_exports_what_is_known() -> None:
    known = Facts(replace(facts().model, task="", description=""))
    for wanted in FORMATS:
        assert "credit-pd" in export(wanted, Edition.none(), known, at=AT)
    insist_valid(export("cyclonedx", Edition.none(), known, at=AT))


def test_the_same_revision_of_the_same_version_has_the_same_serial_number() -> None:
    one, two = cyclonedx(EDITION, facts()), cyclonedx(EDITION, facts())
    assert one == two
    other = cyclonedx(replace(EDITION, revision=4), facts())
    assert other["serialNumber"] != one["serialNumber"]


def test_the_hugging_face_card_lists_its_numbers_as_unverified() -> None:
    _, head, body = export("huggingface", EDITION, facts(), at=AT).split("---\n", 2)
    told = yaml.safe_load(head)
    assert told["library_name"] == "sklearn"
    assert told["pipeline_tag"] == "tabular-classification"
    (index,) = told["model-index"]
    assert index["name"] == "credit-pd"
    assert index["results"][0]["dataset"]["revision"] == "e1f0"
    assert index["results"][0]["metrics"] == [
        {"type": "credit-pd", "value": 0.81, "verified": False}
    ]
    assert "mlflow.x" not in head
    assert "## Intended use" in body
    assert "Decide on unsecured retail loans" in body


def test_markdown_says_what_is_missing_instead_of_leaving_it_out() -> None:
    told = export("markdown", Edition.none(), facts(), at=AT)
    assert "## Intended use\n\nNot written yet. Write which decision" in told
    assert "Self-reported by the run in MLflow." in told


def test_our_own_json_keeps_peoples_part_apart_from_mlflows() -> None:
    told = json.loads(export("json", EDITION, facts(), at=AT))
    assert read(told["body"]) == COMPLETE
    assert told["from_mlflow"]["metrics"][0]["assurance"] == "self-reported"
    assert told["completeness"] == 100


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)


@settings(max_examples=25, deadline=None)
@given(name=hostile, words=hostile, lines=st.lists(hostile, min_size=1, max_size=3))
def test_every_export_of_hostile_text_is_valid_and_inert(
    name: str, words: str, lines: list[str]
) -> None:
    body = read({"considerations": {"useCases": lines, "users": [words]}})
    known = facts(name or "x", words)
    edition = replace(EDITION, body=body, published_by=words)

    bom = export("cyclonedx", edition, known, at=AT)
    insist_valid(bom)
    bom.encode()

    json.loads(export("json", edition, known, at=AT))

    parted = _FRONT_MATTER.match(export("huggingface", edition, known, at=AT))
    assert parted
    assert isinstance(yaml.safe_load(parted[1])["model-index"][0]["name"], str)

    markdown = export("markdown", edition, known, at=AT)
    parsed = _Tags()
    parsed.feed(markdown.replace("\\<", "&lt;"))
    assert parsed.seen == []
    ours = {"# ", "## "}
    headings = [line for line in markdown.splitlines() if line.startswith("#")]
    assert all(line.startswith(tuple(ours)) for line in headings)
    assert len([line for line in headings if line.startswith("# ")]) == 1


@settings(max_examples=25, deadline=None)
@given(st.lists(hostile, max_size=3))
def test_what_the_rules_let_through_the_schema_accepts(lines: list[str]) -> None:
    body = read({"considerations": {"useCases": lines}})
    if not problems(body):
        bom = export("cyclonedx", Edition(body), facts(), at=AT)
        insist_valid(bom)
        assert CardBody(use_cases=tuple(" ".join(one.split()) for one in lines)) == body
