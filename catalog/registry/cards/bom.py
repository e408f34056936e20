"""A card read from JSON: a CycloneDX bill of materials, a bare `modelCard`, or our own export."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from catalog.registry.cards.body import ENVIRONMENT, OUT_OF_SCOPE, WrongField, read
from catalog.registry.cards.file import BY_MACHINE, NO_FIELD, CardFile, Left, wrong
from catalog.registry.strict_json import parsed

_MOST_LEFT: Final = 100
_DECODER: Final = json.JSONDecoder()
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_OURS: Final = "countersign:"
_FILLED: Final = "countersign:fromMlflow"
_MODEL: Final = "machine-learning-model"
# What the schema knows in each part of a card and people write; other names are left out and told.
_KEPT: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"modelParameters", "quantitativeAnalysis", "considerations", "properties"}),
    "modelParameters": frozenset({"approach", "architectureFamily", "modelArchitecture"}),
    "quantitativeAnalysis": frozenset({"performanceMetrics"}),
    "considerations": frozenset(
        {
            "users",
            "useCases",
            "technicalLimitations",
            "performanceTradeoffs",
            "ethicalConsiderations",
            "fairnessAssessments",
            "environmentalConsiderations",
        }
    ),
    "considerations.environmentalConsiderations": frozenset({"properties"}),
}
_MACHINE: Final = frozenset({"bom-ref", "task", "datasets", "inputs", "outputs"})
Path = tuple[str | int, ...]


def read_json(text: str, model: str) -> CardFile:
    """The card in a JSON text; of several models in it, the one of this name.

    Raises:
        Invalid: it is no JSON, holds no card, or a field is not what it should be; with the line.
    """
    try:
        value = parsed(text)
    except json.JSONDecodeError as error:
        said = f"this is no JSON: {error.msg}."
        raise wrong(error.lineno, said, "Export the card again, or correct this line.") from error
    except ValueError as error:
        raise wrong(1, f"the JSON is refused: {error}.", "Export the card again.") from error
    kind, at, card = _found(value, text, model)
    cutting = _Cutting(text, at)
    try:
        body = read(cutting.cut(card))
    except WrongField as error:
        line = line_of(text, (*at, *cutting.original(error.where)))
        raise wrong(line, error.message, error.hint) from error
    return CardFile(kind, body, tuple(sorted(cutting.left, key=lambda one: one.line)))


def _found(value: object, text: str, model: str) -> tuple[str, Path, Mapping[str, Any]]:
    """The kind of document, the way to the card in it, and the card."""
    if not isinstance(value, dict):
        raise wrong(1, "the JSON is no object.", "Bring a CycloneDX file, or a card alone.")
    if "bomFormat" in value or "components" in value:
        return _of_bom(value, text, model)
    if isinstance(value.get("body"), dict) and "revision" in value:
        return "Countersign", ("body",), value["body"]
    if isinstance(value.get("modelCard"), dict):
        return "CycloneDX model card", ("modelCard",), value["modelCard"]
    if value.keys() & _KEPT[""]:
        return "CycloneDX model card", (), value
    raise wrong(
        1,
        "there is no model card in it.",
        "Bring a CycloneDX file with a component that has a modelCard.",
    )


def _of_bom(value: dict[str, Any], text: str, model: str) -> tuple[str, Path, Mapping[str, Any]]:
    listed = value.get("components", [])
    if not isinstance(listed, list):
        said = "components is no list."
        raise wrong(line_of(text, ("components",)), said, "Write it as in CycloneDX 1.7: […].")
    found: list[tuple[Path, dict[str, Any]]] = [
        (("components", place, "modelCard"), one)
        for place, one in enumerate(listed)
        if isinstance(one, dict) and isinstance(one.get("modelCard"), dict)
    ]
    subject = value.get("metadata")
    described = subject.get("component") if isinstance(subject, dict) else None
    if isinstance(described, dict) and isinstance(described.get("modelCard"), dict):
        found.append((("metadata", "component", "modelCard"), described))
    named = [one for one in found if one[1].get("name") == model]
    chosen = named if len(found) > 1 else found
    if len(chosen) == 1:
        (at, component) = chosen[0]
        return "CycloneDX", at, component["modelCard"]
    if not found:
        said = f"no component of the kind {_MODEL} has a modelCard."
        raise wrong(line_of(text, ("components",)), said, "Export the bill with the model's card.")
    raise wrong(
        line_of(text, found[0][0]),
        f"{len(found)} components have a card, and {len(named)} of them are called {model}.",
        f"Leave one of them in the file, or call it {model}.",
    )


class _Cutting:
    """Takes out of a card what people do not write, and remembers what it was and where."""

    def __init__(self, text: str, at: Path) -> None:
        self._text = text
        self._at = at
        self._kept: dict[str, list[int]] = {}
        self.left: list[Left] = []

    def cut(self, card: Mapping[str, Any]) -> dict[str, Any]:
        """The people's part of a card; lists that are none stay, to be refused by their name."""
        filled = {
            one.get("value")
            for one in _items(card.get("properties"))
            if isinstance(one, dict) and one.get("name") == _FILLED
        }
        kept = self._part("", card)
        self._properties(kept, "properties", OUT_OF_SCOPE)
        said = kept.get("considerations")
        about = said.get("environmentalConsiderations") if isinstance(said, dict) else None
        if isinstance(about, dict):
            where = "considerations.environmentalConsiderations"
            self._properties(about, f"{where}.properties", ENVIRONMENT)
        analysis = kept.get("quantitativeAnalysis")
        if isinstance(analysis, dict) and isinstance(analysis.get("performanceMetrics"), list):
            self._metrics(analysis, filled)
        return kept

    def original(self, where: str) -> Path:
        """The way to a field as it stands in the file, from its place in what was kept."""
        path: list[str | int] = []
        for name, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", where):
            if name:
                path.append(name)
                continue
            known = self._kept.get(".".join(str(one) for one in path))
            path.append(known[int(number)] if known else int(number))
        return tuple(path)

    def _part(self, where: str, part: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for key, value in part.items():
            here = f"{where}.{key}" if where else key
            if key not in _KEPT[where]:
                self._leave(here, BY_MACHINE if key in _MACHINE else NO_FIELD)
            elif here in _KEPT and isinstance(value, dict):
                kept[key] = self._part(here, value)
            else:
                kept[key] = value
        return kept

    def _properties(self, part: dict[str, Any], where: str, name: str) -> None:
        listed = part.get("properties")
        if not isinstance(listed, list):
            return
        places = []
        for place, one in enumerate(listed):
            named = one.get("name") if isinstance(one, dict) else name
            if named == name or not isinstance(named, str):
                places.append(place)
            elif not named.startswith(_OURS):
                self._leave(f"{where}[{place}]", NO_FIELD, f"the property {named[:60]}")
        part["properties"] = [listed[place] for place in places]
        self._kept[where] = places

    def _metrics(self, analysis: dict[str, Any], filled: set[object]) -> None:
        where = "quantitativeAnalysis.performanceMetrics"
        listed = analysis["performanceMetrics"]
        places = [n for n in range(len(listed)) if f"{where}[{n}]" not in filled]
        if len(places) < len(listed):
            self._leave(where, BY_MACHINE, "the figures of the run")
        analysis["performanceMetrics"] = [listed[place] for place in places]
        self._kept[where] = places

    def _leave(self, where: str, why: str, called: str = "") -> None:
        if len(self.left) > _MOST_LEFT:
            return
        if len(self.left) == _MOST_LEFT:
            self.left.append(Left(0, "more of the kind", why))
            return
        line = line_of(self._text, (*self._at, *self.original(where)))
        self.left.append(Left(line, called or where[:120], why))


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def line_of(text: str, path: Path) -> int:
    """The line in which the value at the end of a path begins; of one that is missing, its parent.

    The text has been read as JSON before.
    """
    at = _past(text, 0)
    for step in path:
        inner = _entry(text, at, step)
        if inner is None:
            break
        at = inner
    return text.count("\n", 0, at) + 1


def _entry(text: str, at: int, step: str | int) -> int | None:
    """Where the value under a key, or at a place, of an object or list begins."""
    if text[at] not in "{[":
        return None
    is_object, place = text[at] == "{", 0
    at = _past(text, at + 1)
    while text[at] not in "}]":
        key: str | int = place
        if is_object:
            key, at = _DECODER.raw_decode(text, at)
            at = _past(text, _past(text, at) + 1)
        if key == step:
            return at
        _, at = _DECODER.raw_decode(text, at)
        at = _past(text, at)
        place += 1
        if text[at] == ",":
            at = _past(text, at + 1)
    return None


def _past(text: str, at: int) -> int:
    """The next place that is no white space."""
    found = _SPACE.match(text, at)
    return found.end() if found else at
