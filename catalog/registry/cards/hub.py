"""A card read from Markdown, as on Hugging Face: a YAML head and sections under headings.

The head is never built into values: only its top keys are looked at, without references and tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import fields as parts_of
from typing import Any, Final

import yaml

from catalog.registry.cards.body import Assessment, CardBody, Figure, Risk
from catalog.registry.cards.exports import NOT_WRITTEN, PARTS
from catalog.registry.cards.file import BY_MACHINE, NO_FIELD, CardFile, Left, wrong
from catalog.registry.cards.rules import FIELDS, Field

LARGEST_HEAD_BYTES: Final = 32 * 1024
MOST_READ: Final = 100
_DEEPEST: Final = 10
_FENCE: Final = "---"
_REMEDY: Final = "Write the head as plain keys and values, as on Hugging Face."
_BY_MACHINE: Final = frozenset(
    {"datasets", "library_name", "metrics", "model-index", "pipeline_tag", "tags"}
)
_CO2: Final = "co2_eq_emissions"

# Under which headings other people write what a field holds, in small letters without marks.
_HEADINGS: Final[Mapping[str, str]] = {
    **{re.sub(r"[^a-z0-9]+", " ", one.title.casefold()).strip(): one.key for one in FIELDS},
    "uses": "use_cases",
    "direct use": "use_cases",
    "downstream use": "use_cases",
    "downstream use optional": "use_cases",
    "intended uses": "use_cases",
    "out of scope use": "out_of_scope",
    "out of scope uses": "out_of_scope",
    "misuse and out of scope use": "out_of_scope",
    "intended users": "users",
    "bias risks and limitations": "limitations",
    "limitations and bias": "limitations",
    "known limitations": "limitations",
    "technical limitations": "limitations",
    "tradeoffs": "tradeoffs",
    "performance tradeoffs": "tradeoffs",
    "ethical considerations": "risks",
    "fairness assessments": "assessments",
    "environmental impact": "environment",
    "environmental considerations": "environment",
    "model architecture": "architecture",
    "model architecture and objective": "architecture",
}
_MACHINE_HEADINGS: Final = frozenset({"figures of the run", "data", "signature"})
_MADE: Final[dict[str, type[Risk | Assessment | Figure]]] = {
    "risks": Risk,
    "assessments": Assessment,
    "figures": Figure,
}
_HEADING: Final = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*")
_BULLET: Final = re.compile(r"(\s*)(?:[-*+]|\d{1,9}[.)])\s+(.*)")
_RULE: Final = re.compile(r"\s*([-*_])(\s*\1){2,}\s*")
_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
_BOLD: Final = re.compile(r"(?<!\\)(\*\*|__)(.+?)(?<!\\)\1")
_LINK: Final = re.compile(r"(?<![\\!])\[([^\[\]]*)\]\(([^()\s]*)\)")
_BLANKS: Final = re.compile(r"\[More Information Needed\]|\{\{.*\}\}", re.IGNORECASE)
_OLD_RISK: Final = ". What is done about it: "


@dataclass
class _Item:
    """An entry as it was written: its first line's number, its words, and the entries below it."""

    line: int
    said: str
    below: list[str] = field(default_factory=list)


@dataclass
class _Section:
    """What stands under one heading."""

    line: int
    title: str
    key: str
    items: list[_Item] = field(default_factory=list)
    skipped: list[Left] = field(default_factory=list)


def read_markdown(text: str) -> CardFile:
    """The card in a Markdown text, with a YAML head or without.

    Raises:
        Invalid: the head cannot be read; with the line and the remedy.
    """
    lines = text.split("\n")
    head, left = _head(lines)
    found: dict[str, list[_Item]] = {}
    for section in _sections(lines, head):
        if section.key:
            found.setdefault(section.key, []).extend(section.items)
            left += section.skipped
        elif section.items or section.skipped:
            left.append(Left(section.line, *_why(section)))
    emissions = _emissions(lines, head)
    if emissions is not None:
        found.setdefault("environment", []).append(emissions)
    values: dict[str, Any] = {}
    places: dict[tuple[str, int], int] = {}
    for one in FIELDS:
        items = found.get(one.key, [])
        if items:
            values[one.key] = _value(one, items)
            places |= {(one.key, n): item.line for n, item in enumerate(items, start=1)}
            places[one.key, 0] = items[0].line
    return CardFile(
        "Hugging Face card" if head else "Markdown", CardBody(**values), tuple(left), places
    )


def _why(section: _Section) -> tuple[str, str]:
    if not section.title:
        return "the text before the first section", "MLflow keeps the name and the description."
    named = _plain(section.title)[:80]
    is_machine = _folded(section.title) in _MACHINE_HEADINGS
    return f"the section {named!r}", BY_MACHINE if is_machine else NO_FIELD


# -- the head --------------------------------------------------------------------------------------


class _Head(yaml.SafeLoader):
    """Composes nodes and builds nothing: no reference is followed, no tag is obeyed."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call] # the library's stubs
        if getattr(event, "anchor", None):
            msg = "it holds an anchor or a reference to one"
            raise yaml.composer.ComposerError(None, None, msg, event.start_mark)
        if getattr(event, "tag", None):
            msg = "it holds a tag"
            raise yaml.composer.ComposerError(None, None, msg, event.start_mark)
        self.depth += 1
        if self.depth > _DEEPEST:
            msg = f"it is nested deeper than {_DEEPEST}"
            raise yaml.composer.ComposerError(None, None, msg, event.start_mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _head(lines: list[str]) -> tuple[int, list[Left]]:
    """How many lines the head has, and which of its keys are left out and why."""
    if lines[0].rstrip() != _FENCE:
        return 0, []
    end = _end_of(lines)
    left, seen = [], set()
    for key, node in _top(lines, end):
        line = node.start_mark.line + 2
        if key in seen:
            raise wrong(line, f"the key {key[:60]!r} stands twice in the head.", "Leave one out.")
        seen.add(key)
        if key != _CO2:
            left.append(Left(line, f"{key[:60]} of the head", _of_key(key)))
    return end + 1, left


def _end_of(lines: list[str]) -> int:
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE), None)
    if end is None:
        raise wrong(1, "the head begins here and never ends.", "Put --- on a line below it.")
    if sum(len(line.encode()) + 1 for line in lines[:end]) > LARGEST_HEAD_BYTES:
        raise wrong(1, "the head has more than 32 KB.", "Keep results in MLflow, not in the head.")
    return end


def _of_key(key: str) -> str:
    return BY_MACHINE if key in _BY_MACHINE else NO_FIELD


def _top(lines: list[str], end: int) -> Iterator[tuple[str, yaml.Node]]:
    """The top keys of the head, each with its value. Raises Invalid with the line."""
    try:
        root = yaml.compose("\n".join(lines[1:end]), _Head)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = f"the head cannot be read: {error.problem or error.context}."
        raise wrong(mark.line + 2 if mark else 1, said, _REMEDY) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise wrong(1, "the head cannot be read.", _REMEDY) from error
    if root is None:
        return
    if not isinstance(root, yaml.MappingNode):
        raise wrong(2, "the head is no list of keys and values.", _REMEDY)
    for key, value in root.value:
        if not isinstance(key, yaml.ScalarNode):
            raise wrong(key.start_mark.line + 2, "a key of the head is no text.", _REMEDY)
        yield str(key.value), value


def _emissions(lines: list[str], head: int) -> _Item | None:
    """What the head says of carbon dioxide, in grams as Hugging Face has it, as a sentence."""
    found = (
        next((node for key, node in _top(lines, head - 1) if key == _CO2), None) if head else None
    )
    if found is None:
        return None
    line = found.start_mark.line + 2
    if isinstance(found, yaml.ScalarNode):
        return _Item(line, f"Emissions: {found.value} g CO2 equivalent")
    remedy = "Write it as a number of grams, or as keys below it: emissions, source, hardware_used."
    if not isinstance(found, yaml.MappingNode):
        raise wrong(line, f"{_CO2} is a list.", remedy)
    said = []
    for key, value in found.value:
        if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode):
            raise wrong(key.start_mark.line + 2, f"{_CO2} holds no plain value here.", remedy)
        unit = " g CO2 equivalent" if key.value == "emissions" else ""
        said.append(f"{key.value.replace('_', ' ').capitalize()}: {value.value}{unit}")
    return _Item(line, "; ".join(said))


# -- the sections ----------------------------------------------------------------------------------


def _sections(lines: list[str], start: int) -> Iterator[_Section]:
    """The text, part by part, each under its heading; what no card keeps is set aside."""
    here = _Section(start + 1, "", "")
    is_open, fence, is_comment = False, "", False
    for number, line in enumerate(lines[start:], start + 1):
        stripped = line.strip()
        if is_comment or stripped.startswith("<!--"):
            is_comment = "-->" not in stripped
            continue
        if fence:
            fence = "" if stripped.startswith(fence) else fence
            continue
        if stripped.startswith(("```", "~~~")):
            fence, is_open = stripped[:3], False
            here.skipped.append(Left(number, "a block of code", NO_FIELD))
            continue
        heading = _HEADING.fullmatch(line)
        if heading:
            if len(heading[1]) > 1 or here.title or here.items:
                yield here
                here = _Section(number, heading[2], _HEADINGS.get(_folded(heading[2]), ""))
            is_open = False
        elif not stripped or _RULE.fullmatch(line):
            is_open = False
        elif stripped.startswith(("|", "<", "![")):
            what = "a table" if stripped.startswith("|") else "a picture or HTML"
            if not here.skipped or here.skipped[-1].what != what:
                here.skipped.append(Left(number, what, NO_FIELD))
            is_open = False
        else:
            is_open = _take(here, number, line, is_open=is_open)
    yield here


def _take(here: _Section, number: int, line: str, *, is_open: bool) -> bool:
    """Add a line to a section. Returns whether the next line goes on with the same words."""
    if len(here.items) > MOST_READ:
        if not here.key:
            return False
        said = f"the section {_plain(here.title)!r} has more than {MOST_READ} entries."
        raise wrong(number, said, "Join those that belong together: a card keeps 20.")
    bullet = _BULLET.fullmatch(line)
    said = bullet[2] if bullet else line.strip()
    if _BLANKS.fullmatch(said) or (not bullet and said.startswith(NOT_WRITTEN)):
        return False
    if bullet and len(bullet[1].expandtabs(4)) > 1 and here.items:
        here.items[-1].below.append(said)
    elif bullet or not is_open or not here.items:
        here.items.append(_Item(number, said))
    elif here.items[-1].below:
        here.items[-1].below[-1] += f" {said}"
    else:
        here.items[-1].said += f" {said}"
    return True


def _value(one: Field, items: list[_Item]) -> object:
    if one.sort in _MADE:
        return tuple(_part(one, item) for item in items)
    said = [_plain(words) for item in items for words in (item.said, *item.below)]
    if one.sort == "lines":
        return tuple(said)
    return "; ".join(said).lower() if one.sort == "choice" else "; ".join(said)


def _part(one: Field, item: _Item) -> Risk | Assessment | Figure:
    """An entry with parts, from what stands below it under their labels."""
    (name, _), *labelled = PARTS[one.sort]
    keys = {label.casefold(): key for key, label in labelled}
    values = dict.fromkeys((part.name for part in parts_of(_MADE[one.sort])), "")
    values[name] = _plain(item.said)
    if one.sort == "risks" and not item.below and _OLD_RISK in item.said:
        told, _, done = item.said.partition(_OLD_RISK)
        values |= {"name": _plain(told), "mitigation": _plain(done)}
    for words in item.below:
        label, colon, rest = words.partition(":")
        key = keys.get(label.strip().casefold()) if colon else None
        if key is None or values[key]:
            values[name] = f"{values[name]} {_plain(words)}"
        else:
            values[key] = _plain(rest)
    return _MADE[one.sort](**values)


def _plain(said: str) -> str:
    """Words without Markdown's marks, on one line; what was escaped is itself again."""
    bare = _BOLD.sub(r"\2", said)
    bare = _LINK.sub(lambda m: f"{m[1]} ({m[2]})" if m[2] and m[2] != m[1] else m[1], bare)
    return " ".join(_ESCAPED.sub(r"\1", bare).split())


def _folded(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", _plain(title).casefold()).strip()
