"""What people write in a model card, and how CycloneDX 1.7 shapes it.

Only what people know is here: purpose, people, limits, risks. Task, columns, data and numbers are
known to MLflow and are added when a card is exported, so that nobody has to keep them true by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, TypeVar

from ledger.errors import Invalid

# A card as JSON: any shape until it was read.
Json = Mapping[str, Any]

# CycloneDX knows no field for these two: they are written as properties under our name.
OUT_OF_SCOPE: Final = "countersign:outOfScopeUse"
ENVIRONMENT: Final = "countersign:environment"
# Filled in from MLflow at export, so a card that brings them would be a second, staler truth.
FROM_MLFLOW: Final = ("bom-ref", "task", "datasets", "inputs", "outputs")

_Part = TypeVar("_Part")


class WrongField(Invalid):
    """A field that is not what it should be; `where` is its place: `considerations.users[0]`."""

    where: str = ""


@dataclass(frozen=True)
class Risk:
    """An ethical risk and what is done about it."""

    name: str = ""
    mitigation: str = ""


@dataclass(frozen=True)
class Assessment:
    """How the model treats a group at risk of being disadvantaged."""

    group: str = ""
    benefits: str = ""
    harms: str = ""
    mitigation: str = ""


@dataclass(frozen=True)
class Figure:
    """A number somebody reports, with the slice it holds for and the interval around it."""

    type: str = ""
    value: str = ""
    slice: str = ""
    lower: str = ""
    upper: str = ""


@dataclass(frozen=True)
class CardBody:
    """What the people of a model say about it."""

    use_cases: tuple[str, ...] = ()
    out_of_scope: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    limitations: tuple[str, ...] = ()
    tradeoffs: tuple[str, ...] = ()
    risks: tuple[Risk, ...] = ()
    assessments: tuple[Assessment, ...] = ()
    environment: tuple[str, ...] = ()
    approach: str = ""
    family: str = ""
    architecture: str = ""
    figures: tuple[Figure, ...] = ()


def shaped(body: CardBody) -> dict[str, Any]:
    """The card as a CycloneDX 1.7 `modelCard`; what is empty is left out."""
    return _without_gaps(
        {
            "modelParameters": {
                "approach": {"type": body.approach},
                "architectureFamily": body.family,
                "modelArchitecture": body.architecture,
            },
            "quantitativeAnalysis": {
                "performanceMetrics": [
                    {
                        "type": one.type,
                        "value": one.value,
                        "slice": one.slice,
                        "confidenceInterval": {"lowerBound": one.lower, "upperBound": one.upper},
                    }
                    for one in body.figures
                ]
            },
            "considerations": {
                "users": list(body.users),
                "useCases": list(body.use_cases),
                "technicalLimitations": list(body.limitations),
                "performanceTradeoffs": list(body.tradeoffs),
                "ethicalConsiderations": [
                    {"name": one.name, "mitigationStrategy": one.mitigation} for one in body.risks
                ],
                "environmentalConsiderations": {
                    "properties": [{"name": ENVIRONMENT, "value": one} for one in body.environment]
                },
                "fairnessAssessments": [
                    {
                        "groupAtRisk": one.group,
                        "benefits": one.benefits,
                        "harms": one.harms,
                        "mitigationStrategy": one.mitigation,
                    }
                    for one in body.assessments
                ],
            },
            "properties": [{"name": OUT_OF_SCOPE, "value": one} for one in body.out_of_scope],
        }
    )


def read(raw: object) -> CardBody:
    """A card from its CycloneDX shape; the rules of its fields are asked separately.

    Raises:
        Invalid: a field is unknown, is not what it should be, or is MLflow's to say.
    """
    card = _object(raw, "modelCard")
    parameters = _object(card.get("modelParameters"), "modelParameters")
    analysis = _object(card.get("quantitativeAnalysis"), "quantitativeAnalysis")
    said = _object(card.get("considerations"), "considerations")
    place = "considerations.environmentalConsiderations"
    environment = _object(said.get("environmentalConsiderations"), place)
    approach = _object(parameters.get("approach"), "modelParameters.approach")
    _known("", card, "modelParameters", "quantitativeAnalysis", "considerations", "properties")
    _known("modelParameters", parameters, "approach", "architectureFamily", "modelArchitecture")
    _known("modelParameters.approach", approach, "type")
    _known("quantitativeAnalysis", analysis, "performanceMetrics")
    _known(place, environment, "properties")
    _known("considerations", said, *_LISTS, *_MORE)
    return CardBody(
        use_cases=_texts(said, "useCases"),
        out_of_scope=_properties(card, "properties", OUT_OF_SCOPE),
        users=_texts(said, "users"),
        limitations=_texts(said, "technicalLimitations"),
        tradeoffs=_texts(said, "performanceTradeoffs"),
        risks=_parts(said, "considerations", "ethicalConsiderations", _risk),
        assessments=_parts(said, "considerations", "fairnessAssessments", _assessment),
        environment=_properties(environment, f"{place}.properties", ENVIRONMENT),
        approach=_text(approach, "type", "modelParameters.approach"),
        family=_text(parameters, "architectureFamily", "modelParameters"),
        architecture=_text(parameters, "modelArchitecture", "modelParameters"),
        figures=_parts(analysis, "quantitativeAnalysis", "performanceMetrics", _figure),
    )


def entries(body: CardBody, field: str) -> tuple[str, ...]:
    """What one field of a card says, one text for each entry, to be read, compared or counted."""
    value = getattr(body, field)
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(one if isinstance(one, str) else _sentence(one) for one in value)


def changed(before: CardBody, after: CardBody) -> list[str]:
    """The fields in which two cards differ, in the order of the card."""
    return [
        one.name
        for one in fields(CardBody)
        if getattr(before, one.name) != getattr(after, one.name)
    ]


def _sentence(part: Risk | Assessment | Figure) -> str:
    if isinstance(part, Risk):
        return f"{_bare(part.name)}. What is done about it: {part.mitigation}"
    if isinstance(part, Figure):
        where = f" on {part.slice}" if part.slice else ""
        between = f", between {part.lower} and {part.upper}" if part.lower else ""
        return f"{part.type} {part.value}{where}{between}"
    said = (("Benefits", part.benefits), ("Harms", part.harms), ("Done", part.mitigation))
    told = " ".join(f"{name}: {_bare(words)}." for name, words in said if words)
    return f"{_bare(part.group)}. {told}"


def _bare(words: str) -> str:
    """Words without the full stop that is put behind them."""
    return words.removesuffix(".")


_LISTS: Final = ("users", "useCases", "technicalLimitations", "performanceTradeoffs")
_MORE: Final = ("ethicalConsiderations", "fairnessAssessments", "environmentalConsiderations")
_RISK: Final = ("name", "mitigationStrategy")
_ASSESSMENT: Final = ("groupAtRisk", "benefits", "harms", "mitigationStrategy")


def _risk(raw: Json, where: str) -> Risk:
    _known(where, raw, *_RISK)
    return Risk(*(_text(raw, key, where) for key in _RISK))


def _assessment(raw: Json, where: str) -> Assessment:
    _known(where, raw, *_ASSESSMENT)
    return Assessment(*(_text(raw, key, where) for key in _ASSESSMENT))


def _figure(raw: Json, where: str) -> Figure:
    _known(where, raw, "type", "value", "slice", "confidenceInterval")
    around = f"{where}.confidenceInterval"
    between = _object(raw.get("confidenceInterval"), around)
    _known(around, between, "lowerBound", "upperBound")
    return Figure(
        *(_text(raw, key, where) for key in ("type", "value", "slice")),
        *(_text(between, key, around) for key in ("lowerBound", "upperBound")),
    )


def _known(where: str, raw: Json, *names: str) -> None:
    """Nothing is dropped in silence. Raises Invalid about a field that is not one of these."""
    before = f"{where}." if where else ""
    for key in raw:
        if key in FROM_MLFLOW and key not in names:
            raise _wrong(f"{before}{key}", "is filled in from MLflow", "Leave it out.")
        if key not in names:
            known = ", ".join(sorted(names))
            raise _wrong(f"{before}{key}", "is no field people write", f"Use: {known}.")


def _object(raw: object, where: str) -> Json:
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise _wrong(where, "is no object", "Write it as in CycloneDX 1.7: {…}.")
    return raw


def _text(raw: Json, key: str, where: str) -> str:
    value = raw.get(key, "")
    if not isinstance(value, str):
        raise _wrong(f"{where}.{key}".rstrip("."), "is no text", "Write it in quotation marks.")
    return " ".join(value.split())


def _array(raw: Json, key: str, where: str) -> Sequence[object]:
    value = raw.get(key, [])
    if not isinstance(value, list | tuple):
        raise _wrong(where, "is no list", "Write its entries as a list: […].")
    return value


def _texts(raw: Json, key: str) -> tuple[str, ...]:
    where = f"considerations.{key}"
    return tuple(
        _text({"": one}, "", f"{where}[{place}]").strip()
        for place, one in enumerate(_array(raw, key, where))
    )


def _parts(
    raw: Json, where: str, key: str, made: Callable[[Json, str], _Part]
) -> tuple[_Part, ...]:
    listed = _array(raw, key, f"{where}.{key}")
    return tuple(
        made(_object(one, f"{where}.{key}[{place}]"), f"{where}.{key}[{place}]")
        for place, one in enumerate(listed)
    )


def _properties(raw: Json, where: str, name: str) -> tuple[str, ...]:
    found = []
    for place, one in enumerate(_array(raw, "properties", where)):
        here = f"{where}[{place}]"
        told = _object(one, here)
        _known(here, told, "name", "value")
        if _text(told, "name", here) != name:
            raise _wrong(f"{here}.name", "is a property we do not keep", f"Use {name}.")
        found.append(_text(told, "value", here))
    return tuple(found)


def _wrong(where: str, said: str, remedy: str) -> WrongField:
    wrong = WrongField(f"{where[:120]} {said}.", hint=remedy, code="card-field")
    wrong.where = where
    return wrong


def _without_gaps(value: dict[str, Any]) -> dict[str, Any]:
    kept = {key: _thinned(one) for key, one in value.items()}
    return {key: one for key, one in kept.items() if one not in ("", {}, [])}


def _thinned(value: object) -> object:
    if isinstance(value, dict):
        return _without_gaps(value)
    if isinstance(value, list):
        return [_thinned(one) for one in value]
    return value
