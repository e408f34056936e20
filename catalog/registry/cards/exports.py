"""A card in the formats others read: CycloneDX, Hugging Face, Markdown, and our own JSON."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, Self, get_args

import yaml

from catalog.registry.cards.body import CardBody, entries, shaped
from catalog.registry.cards.facts import Facts
from catalog.registry.cards.rules import FIELDS, Field, completeness
from ledger.clock import iso

Format = Literal["cyclonedx", "huggingface", "markdown", "json"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)


class File(NamedTuple):
    """What a format is called, how its file ends, and its media type."""

    title: str
    ending: str
    media_type: str


FILES: Final[dict[Format, File]] = {
    "cyclonedx": File("CycloneDX 1.7", ".cdx.json", "application/vnd.cyclonedx+json"),
    "huggingface": File("Hugging Face card", ".README.md", "text/markdown"),
    "markdown": File("Markdown", ".md", "text/markdown"),
    "json": File("JSON", ".json", "application/json"),
}
# What a hub calls the tasks of the house.
_HUB_TASKS: Final = {
    "binary classification": "tabular-classification",
    "multi-class classification": "tabular-classification",
    "regression": "tabular-regression",
}
NOT_WRITTEN: Final = "Not written yet."
# The parts of an entry in a field of several, each with its label; the first names the entry.
PARTS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "risks": (("name", ""), ("mitigation", "What is done about it")),
    "assessments": (
        ("group", ""),
        ("benefits", "Benefits"),
        ("harms", "Harms"),
        ("mitigation", "What is done"),
    ),
    "figures": (
        ("type", ""),
        ("value", "Value"),
        ("slice", "Slice"),
        ("lower", "Lower bound"),
        ("upper", "Upper bound"),
    ),
}
_NAMESPACE: Final = uuid.UUID("5b1c1a3e-6f52-4f53-9c6a-1d0c7a1e7f10")
_MARKS: Final = re.compile(r"([\\`*_{}\[\]<>#|~&])")
_BEGINNINGS: Final = re.compile(r"^(\d*)([-+=.)])")
# XML and JSON readers stumble over these, and no card needs them.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Edition:
    """A revision of a card as it is written out: its words, and when and by whom they came.

    `revision` 0 stands for no card: then only what MLflow knows is written.
    """

    body: CardBody
    revision: int = 0
    digest: str = ""
    published_at: datetime | None = None
    published_by: str = ""

    @classmethod
    def none(cls) -> Self:
        """No card: what is written then is only what MLflow knows."""
        return cls(CardBody())


def export(wanted: Format, edition: Edition, facts: Facts, *, at: datetime) -> str:
    """The card as the text of a file."""
    if wanted == "cyclonedx":
        return json.dumps(bill_of_materials(edition, facts, at=at), indent=2, ensure_ascii=False)
    if wanted == "huggingface":
        return _front_matter(facts) + markdown(edition, facts)
    if wanted == "markdown":
        return markdown(edition, facts)
    return json.dumps(plain(edition, facts), indent=2, ensure_ascii=False)


# -- CycloneDX ---------------------------------------------------------------------------------


def bill_of_materials(edition: Edition, facts: Facts, *, at: datetime) -> dict[str, Any]:
    """A CycloneDX 1.7 bill of materials with the model, its card, and its data sets by reference.

    What came from MLflow is listed in properties of the card, number by number, as self-reported.
    """
    model, version = facts.model, facts.version
    card = shaped(edition.body)
    parameters = card.setdefault("modelParameters", {})
    filled = []
    if facts.task:
        parameters["task"] = _clean(facts.task)
        filled.append("modelParameters.task")
    for side, columns in (("inputs", facts.inputs), ("outputs", facts.outputs)):
        if columns:
            parameters[side] = [{"format": _clean(one)} for one in columns]
            filled.append(f"modelParameters.{side}")
    if facts.datasets:
        parameters["datasets"] = [{"ref": _data_ref(place)} for place in _places(facts)]
        filled.append("modelParameters.datasets")
    if not parameters:
        del card["modelParameters"]
    if facts.metrics:
        analysis = card.setdefault("quantitativeAnalysis", {})
        numbers = analysis.setdefault("performanceMetrics", [])
        for metric in facts.metrics:
            filled.append(f"quantitativeAnalysis.performanceMetrics[{len(numbers)}]")
            number = {"type": _clean(metric.name), "value": repr(metric.value)}
            if metric.dataset_digest:
                number["slice"] = _clean(f"{metric.dataset} {metric.dataset_digest}")
            numbers.append(number)
    notes = [("countersign:fromMlflow", one) for one in filled]
    notes.append(("countersign:assurance", "self-reported"))
    if edition.revision:
        notes.append(("countersign:cardRevision", str(edition.revision)))
        notes.append(("countersign:cardDigest", f"sha256:{edition.digest}"))
    card["properties"] = [
        *card.get("properties", []),
        *({"name": name, "value": value} for name, value in notes),
    ]
    component: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": version.id if version else model.id,
        "name": _clean(model.name),
        **({"version": str(version.number)} if version else {}),
        **({"description": _clean(model.description)} if model.description else {}),
        "modelCard": card,
        "properties": [
            {"name": "countersign:server", "value": _clean(model.server)},
            {"name": "countersign:workspace", "value": _clean(model.workspace)},
        ],
    }
    seed = f"{component['bom-ref']} {edition.revision} {edition.digest}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, seed)}",
        "version": 1,
        "metadata": {
            "timestamp": iso(at),
            "tools": {"components": [{"type": "application", "name": "Countersign"}]},
        },
        "components": [component, *_data(facts)],
    }


def _places(facts: Facts) -> range:
    return range(len(facts.datasets))


def _data_ref(place: int) -> str:
    return f"dataset-{place + 1}"


def _data(facts: Facts) -> Iterator[dict[str, Any]]:
    for place, one in zip(_places(facts), facts.datasets, strict=True):
        properties = [
            ("countersign:digest", one.digest),
            ("countersign:use", one.context),
            ("countersign:rows", "" if one.rows is None else str(one.rows)),
        ]
        yield {
            "type": "data",
            "bom-ref": _data_ref(place),
            "name": _clean(one.name) or "unnamed",
            "data": [{"type": "dataset", "name": _clean(one.name)}],
            "properties": [
                {"name": name, "value": _clean(value)} for name, value in properties if value
            ],
        }


# -- Markdown and Hugging Face -------------------------------------------------------------------


def markdown(edition: Edition, facts: Facts) -> str:
    """The card as Markdown in which nobody's text can act as markup."""
    model, version = facts.model, facts.version
    lines = [f"# {_said(model.name)}", ""]
    if model.description:
        lines += [_said(model.description), ""]
    lines += [f"- {name}: {_said(value)}" for name, value in _about(edition, facts)] + [""]
    for field in FIELDS:
        said = entries(edition.body, field.key)
        if said or field.weight:
            lines += [f"## {field.title}", ""]
            lines += list(_written(edition.body, field)) or [f"{NOT_WRITTEN} {field.missing}"]
            lines.append("")
    lines += ["## Figures of the run", "", "Self-reported by the run in MLflow.", ""]
    lines += [f"- {_said(one)}" for one in _figures(facts)] or ["The run reported none."]
    lines += ["", "## Data", "", "Self-reported by the run in MLflow.", ""]
    lines += [f"- {_said(one)}" for one in _data_sets(facts)] or ["The run named no data set."]
    lines += ["", "## Signature", "", "As saved with the model.", ""]
    columns = [
        *(f"input {one}" for one in facts.inputs),
        *(f"output {one}" for one in facts.outputs),
    ]
    lines += [f"- {_said(one)}" for one in columns] or ["Saved without a signature."]
    shown = f" for version {version.number}" if version else ""
    return "\n".join([*lines, "", f"Written by Countersign{shown}.", ""])


def _written(body: CardBody, field: Field) -> Iterator[str]:
    """The entries of a field; the parts of an entry stand below it, so that they can be read back.

    The first part names the entry: a risk, a group, a metric.
    """
    for one in getattr(body, field.key) if field.sort in PARTS else entries(body, field.key):
        if field.sort not in PARTS:
            yield f"- {_said(one)}"
            continue
        (name, _), *parts = PARTS[field.sort]
        yield f"- {_said(getattr(one, name))}"
        yield from (
            f"  - {label}: {_said(getattr(one, key))}" for key, label in parts if getattr(one, key)
        )


def _about(edition: Edition, facts: Facts) -> Iterator[tuple[str, str]]:
    if facts.version:
        yield "Version", str(facts.version.number)
    if facts.task:
        yield "Task", facts.task
    if facts.model.domain:
        yield "Domain", facts.model.domain
    if edition.revision and edition.published_at:
        who = f" by {edition.published_by}" if edition.published_by else ""
        yield "Card", f"revision {edition.revision}, {iso(edition.published_at)}{who}"
        yield "Card digest", f"sha256:{edition.digest}"
    yield "Completeness", f"{completeness(edition.body).score} of 100"


def _figures(facts: Facts) -> Iterator[str]:
    for one in facts.metrics:
        where = f" on {one.dataset} {one.dataset_digest}" if one.dataset_digest else ""
        yield f"{one.name} {one.value!r}{where}"


def _data_sets(facts: Facts) -> Iterator[str]:
    for one in facts.datasets:
        rows = f", {one.rows:,} rows" if one.rows is not None else ""
        yield f"{one.name} {one.digest}{rows}{f' ({one.context})' if one.context else ''}"


def _front_matter(facts: Facts) -> str:
    """The YAML head of a Hugging Face card, with the numbers as a `model-index`."""
    task = {"type": _HUB_TASKS.get(facts.task, "other"), **_named(facts.task)}
    by_data: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in facts.metrics:
        number = {"type": _clean(one.name), "value": one.value, "verified": False}
        by_data.setdefault((one.dataset, one.dataset_digest), []).append(number)
    results = [
        {
            "task": task,
            "dataset": {
                "type": _clean(name) or "unnamed",
                "name": _clean(name) or "unnamed",
                **({"revision": _clean(digest)} if digest else {}),
            },
            "metrics": numbers,
        }
        for (name, digest), numbers in by_data.items()
    ]
    head = {
        **({"library_name": _clean(facts.library)} if facts.library else {}),
        **({"pipeline_tag": _HUB_TASKS[facts.task]} if facts.task in _HUB_TASKS else {}),
        "tags": ["countersign", *(f"{key}:{facts.model.tags[key]}" for key in _tags(facts))],
        "metrics": sorted({_clean(one.name) for one in facts.metrics}),
        "model-index": [{"name": _clean(facts.model.name), "results": results}],
    }
    written = yaml.safe_dump(_cleaned(head), sort_keys=False, allow_unicode=True, width=math.inf)
    return f"---\n{written}---\n\n"


def _named(name: str) -> dict[str, str]:
    return {"name": name} if name else {}


def _tags(facts: Facts) -> list[str]:
    # Tags with a dot in front are those of MLflow's own tools.
    return sorted(key for key in facts.model.tags if not key.startswith("mlflow."))


# -- our own --------------------------------------------------------------------------------------


def plain(edition: Edition, facts: Facts) -> dict[str, Any]:
    """The card as our own API tells it: people's part and MLflow's part apart."""
    told = completeness(edition.body)
    return {
        "model": facts.model.name,
        "revision": edition.revision,
        "digest": f"sha256:{edition.digest}" if edition.digest else "",
        "published_at": iso(edition.published_at) if edition.published_at else None,
        "published_by": edition.published_by,
        "completeness": told.score,
        "missing": [
            {"field": one.key, "title": one.title, "write": one.missing} for one in told.missing
        ],
        "body": shaped(edition.body),
        "from_mlflow": {
            "version": facts.version.number if facts.version else None,
            "task": facts.task,
            "inputs": list(facts.inputs),
            "outputs": list(facts.outputs),
            "datasets": [
                {"name": d.name, "digest": d.digest, "context": d.context, "rows": d.rows}
                for d in facts.datasets
            ],
            "metrics": [
                {
                    "name": m.name,
                    "value": m.value,
                    "dataset": m.dataset,
                    "dataset_digest": m.dataset_digest,
                    "assurance": "self-reported",
                }
                for m in facts.metrics
            ],
        },
    }


def _clean(value: str) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)


def _cleaned(value: Any) -> Any:  # noqa: ANN401 - the values of a YAML document
    if isinstance(value, str):
        # On one line: a reader of front matter ends it at the first line of three hyphens.
        return " ".join(_clean(value).split())
    if isinstance(value, dict):
        return {key: _cleaned(one) for key, one in value.items()}
    return [_cleaned(one) for one in value] if isinstance(value, list) else value


def _said(value: str) -> str:
    """A text on one line, with everything that Markdown or HTML would act on escaped."""
    line = " ".join(_clean(value).split())
    return _BEGINNINGS.sub(r"\1\\\2", _MARKS.sub(r"\\\1", line))
