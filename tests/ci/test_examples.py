"""The example pipelines and the guide say what the command takes, and hand a secret to nobody."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.cli import _parser
from app.settings import ROOT

EXAMPLES = sorted((ROOT / "deploy" / "ci").iterdir())
YAML = [path for path in EXAMPLES if path.suffix == ".yml"]
COMMAND = re.compile(r"countersign ((?:gate|evidence add|request) [^'`\n]*)")
SCRIPTS = {"run", "script", "before_script"}


def scripts(node: Any) -> Iterator[str]:  # noqa: ANN401 - whatever YAML can hold
    """Every line that a pipeline gives to a shell."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in SCRIPTS:
                yield from [value] if isinstance(value, str) else value
            else:
                yield from scripts(value)
    elif isinstance(node, list):
        for one in node:
            yield from scripts(one)


def test_there_is_an_example_for_each_of_the_four_systems() -> None:
    assert [path.name for path in EXAMPLES] == [
        "Jenkinsfile",
        "azure-pipelines.yml",
        "github-actions.yml",
        "gitlab-ci.yml",
    ]


@pytest.mark.parametrize("path", [*EXAMPLES, ROOT / "docs" / "guides" / "pipelines.md"], ids=str)
def test_every_command_of_an_example_is_one_that_countersign_takes(path: Path) -> None:
    commands = COMMAND.findall(path.read_text(encoding="utf-8"))
    assert {line.partition(" ")[0] for line in commands} == {"gate", "evidence", "request"}
    for line in commands:
        assert callable(_parser().parse_args(shlex.split(line)).verb), line


@pytest.mark.parametrize("path", YAML, ids=lambda path: path.name)
def test_no_script_holds_what_somebody_typed_or_a_secret(path: Path) -> None:
    lines = list(scripts(yaml.safe_load(path.read_text(encoding="utf-8"))))
    assert any("countersign gate" in line for line in lines)
    for line in lines:
        assert not re.search(r"\$\{\{|\$\(|csn_", line), line
        assert "TOKEN" not in line


def test_jenkins_leaves_the_variables_to_the_shell() -> None:
    text = (ROOT / "deploy" / "ci" / "Jenkinsfile").read_text(encoding="utf-8")
    steps = re.findall(r"^\s*sh (.*)$", text, re.MULTILINE)
    assert len(steps) == 5
    assert all(re.fullmatch(r"'[^']*'", step) for step in steps)
    code = re.sub(r"//.*", "", text)
    assert all(code.count(left) == code.count(right) for left, right in ("{}", "()"))
