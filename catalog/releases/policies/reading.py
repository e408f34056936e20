"""Reading a policy file: strict YAML, and a problem told with its line and its remedy."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, get_args

import yaml
from pydantic import ValidationError
from yaml.events import AliasEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from catalog.releases.policies import mistakes
from catalog.releases.policies.law import Policy, Published
from catalog.releases.policies.questions import GATES, KINDS
from ledger.errors import Invalid, Misconfigured

PACKS: Final = Path(__file__).parent / "packs"
LARGEST_BYTES: Final = 64 * 1024
_DEEPEST: Final = 16
_MOST_NODES: Final = 5_000
_MOST_PROBLEMS: Final = 20


@dataclass(frozen=True)
class Problem:
    """What is wrong with a policy file, where, and what to do about it. Lines count from 1."""

    line: int
    where: str
    message: str
    remedy: str

    def __str__(self) -> str:
        """One line of a list of problems."""
        at = f"Line {self.line}" + (f", {self.where}" if self.where else "")
        return f"{at}: {self.message} {self.remedy}".strip()


class NotAPolicy(Invalid):
    """A policy file with problems in it."""

    def __init__(self, problems: list[Problem]) -> None:
        first = problems[0]
        at = f"line {first.line}" + (f" ({first.where})" if first.where else "")
        more = len(problems) - 1
        told = f" {more} more below it." if more else ""
        super().__init__(
            f"The policy is wrong at {at}: {first.message}{told}",
            hint=first.remedy or "Correct the line.",
            code="bad-policy",
        )
        self.problems = tuple(problems)


def read(text: str) -> Policy:
    """A policy from what somebody wrote. Raises NotAPolicy with every problem that was found."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > LARGEST_BYTES:
        raise NotAPolicy(
            [
                Problem(
                    1,
                    "",
                    f"The file has {size:,} bytes; {LARGEST_BYTES:,} are read.",
                    "A policy is a few pages long. Leave out what is not part of it.",
                )
            ]
        )
    root = _composed(text)
    lines: dict[tuple[str | int, ...], int] = {}
    plain = _plain(root, (), lines)
    if not isinstance(plain, dict):
        raise NotAPolicy(
            [Problem(1, "", "A policy is a list of `key: value`.", "Begin with `name:`.")]
        )
    try:
        return Policy.model_validate(plain)
    except ValidationError as error:
        found = [_problem(one, plain, lines) for one in error.errors(include_url=False)]
        # A key that was mistyped is not missing too.
        meant = {one.remedy.removeprefix("Did you mean ").rstrip("?") for one in found}
        told = [one for one in found if one.message.removesuffix(" is missing.") not in meant]
        raise NotAPolicy(sorted(told, key=lambda one: one.line)[:_MOST_PROBLEMS]) from error


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a policy, for editors and for CI."""
    made = Policy.model_json_schema(mode="validation")
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = "Countersign release policy"
    return made


def from_body(body: str) -> Policy:
    """A policy that was kept, as it was."""
    return Policy.model_validate(json.loads(body))


@cache
def read_pack(path: Path) -> Published:
    """A policy that is shipped. Raises Misconfigured when the file is broken."""
    try:
        policy = read(path.read_text("utf-8"))
    except (OSError, NotAPolicy) as error:
        raise Misconfigured(
            f"The policy {path.name} cannot be read: {error}", hint="Install Countersign again."
        ) from error
    return Published(policy, policy.digest)


def packs() -> list[Published]:
    """The policies that are shipped, by priority."""
    return sorted(
        (read_pack(path) for path in PACKS.glob("*.yaml")), key=lambda one: one.policy.priority
    )


def pack_text(name: str) -> str:
    """The text of a shipped policy, to begin one's own with. Raises Invalid."""
    known = {path.stem: path for path in PACKS.glob("*.yaml")}
    if name not in known:
        raise Invalid(
            f"No policy called {name[:60]!r} is shipped.",
            hint=f"There are: {', '.join(sorted(known))}.",
            code="no-such-pack",
        )
    return known[name].read_text("utf-8")


# -- strict YAML -----------------------------------------------------------------------------------


def _composed(text: str) -> Node:
    """The tree of the file. References are refused before anything is built from them."""
    try:
        _insist_plain(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotAPolicy(
            [
                Problem(
                    mark.line + 1 if mark else 1,
                    "",
                    f"This is no YAML: {error.problem or 'it cannot be read'}.",
                    "Look at the indentation, the colons and the quotes around there.",
                )
            ]
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise NotAPolicy(
            [Problem(1, "", "This is no YAML.", "It holds characters that no text file has.")]
        ) from error
    if root is None:
        raise NotAPolicy([Problem(1, "", "The policy is empty.", "Begin with a shipped one.")])
    return root


def _insist_plain(text: str) -> None:
    """No anchors, references, tags or second documents; not too deep, not too many."""
    depth = nodes = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.events.DocumentStartEvent):
            documents += 1
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise NotAPolicy(
                [
                    Problem(
                        line,
                        "",
                        "References (& and *) are not read: a policy says everything in place.",
                        "Write the value out.",
                    )
                ]
            )
        if isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent):
            nodes += 1
            if event.tag is not None:
                raise NotAPolicy(
                    [Problem(line, "", f"Tags ({event.tag}) are not read.", "Leave it out.")]
                )
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            depth += 1
        if isinstance(event, yaml.events.MappingEndEvent | yaml.events.SequenceEndEvent):
            depth -= 1
        if depth > _DEEPEST or nodes > _MOST_NODES or documents > 1:
            raise NotAPolicy(
                [
                    Problem(
                        line,
                        "",
                        "This is deeper or longer than any policy, or a second document.",
                        "A policy is one document, a few pages long.",
                    )
                ]
            )


def _plain(node: Node, at: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int]) -> Any:  # noqa: ANN401 - any YAML value
    lines[at] = node.start_mark.line + 1
    if isinstance(node, SequenceNode):
        return [_plain(one, (*at, place), lines) for place, one in enumerate(node.value)]
    if isinstance(node, MappingNode):
        made: dict[str, Any] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else "?"
            line = key.start_mark.line + 1
            if name in made or name == "<<":
                raise NotAPolicy(
                    [Problem(line, name, "This key stands here twice.", "Keep one of them.")]
                )
            made[name] = _plain(value, (*at, name), lines)
            lines[*at, name] = line
        return made
    return _scalar(node)


def _scalar(node: Node) -> Any:  # noqa: ANN401 - any YAML scalar
    if node.tag == "tag:yaml.org,2002:timestamp":
        return node.value  # a day is written as it is
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except (ValueError, yaml.YAMLError):
        return node.value
    finally:
        loader.dispose()


# -- problems in words -----------------------------------------------------------------------------


def _problem(
    error: Any,  # noqa: ANN401 - what Pydantic says of one error
    plain: Any,  # noqa: ANN401 - what was written
    lines: dict[tuple[str | int, ...], int],
) -> Problem:
    at, value = _found(tuple(error["loc"]), plain, lines)
    where = _where(at)
    line = lines.get(at, 1)
    kind, said_of_it = str(error["type"]), str(error["msg"])
    if kind == "missing":
        missing = error["loc"][-1]
        return Problem(line, where, f"{missing} is missing.", f"Add `{missing}:` here.")
    if kind == "extra_forbidden":
        unknown = str(error["loc"][-1])
        return Problem(
            line,
            where,
            f"{unknown} is not known here.",
            _close(unknown, _fields(plain, at[:-1])) or "Take it out.",
        )
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        said = value.get("kind") if isinstance(value, dict) else None
        if said is None:
            return Problem(line, where, "A gate needs a kind.", "Add `kind:`.")
        return Problem(
            lines.get((*at, "kind"), line),
            where,
            f"There is no gate of the kind {str(said)[:60]!r}.",
            _close(str(said), KINDS) or f"There are: {', '.join(sorted(KINDS))}.",
        )
    name = next((str(step) for step in reversed(at) if isinstance(step, str)), "The policy")
    wrong = mistakes.Mistake(kind, said_of_it, error.get("ctx") or {}, where, name, value)
    return Problem(line, where, *mistakes.told(wrong))


def _found(
    place: tuple[str | int, ...],
    plain: Any,  # noqa: ANN401 - what was written
    lines: dict[tuple[str | int, ...], int],
) -> tuple[tuple[str | int, ...], Any]:
    """The deepest written thing on the way; names of kinds, which are no keys, are passed over."""
    at: tuple[str | int, ...] = ()
    value = plain
    for step in place:
        if (*at, step) not in lines:
            continue
        at = (*at, step)
        value = _inner(value, step)
    return at, value


def _inner(value: Any, step: str | int) -> Any:  # noqa: ANN401 - what was written
    if isinstance(value, dict):
        return value[step]
    return value[step] if isinstance(value, list) and isinstance(step, int) else value


def _where(at: tuple[str | int, ...]) -> str:
    return ".".join(str(step + 1) if isinstance(step, int) else step for step in at)


def _fields(plain: Any, at: tuple[str | int, ...]) -> frozenset[str]:  # noqa: ANN401 - as above
    value = plain
    for step in at:
        value = _inner(value, step)
    kind = value.get("kind") if isinstance(value, dict) else None
    for gate in GATES:
        if kind in get_args(gate.model_fields["kind"].annotation):
            return frozenset(gate.model_fields)
    if not at:
        return frozenset(Policy.model_fields)
    inner = Policy.model_fields.get(str(at[0]))
    model = inner.annotation if inner else None
    return frozenset(getattr(model, "model_fields", {}))


def _close(said: str, known: frozenset[str]) -> str:
    near = difflib.get_close_matches(said, sorted(known), n=1)
    return f"Did you mean {near[0]}?" if near else ""
