"""The gates as a JUnit report: one test case for each gate.

A gate that fails is a failure, one whose evidence is missing is an error, one that a request opens
by itself is skipped. The elements and attributes are those of the schema that Jenkins' xUnit plugin
checks (junit-10.xsd), which GitLab and Azure Pipelines read too.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Final

from app.ci.answers import Answers, Gate, Standing
from app.ci.words import for_xml, shown, unspoken

_OUTCOMES: Final = {
    Standing.FAIL: ("failure", "gate failed"),
    Standing.MISSING: ("error", "evidence missing"),
    Standing.LATER: ("skipped", ""),
}


def junit(answers: Answers) -> str:
    """The report as an XML document in ASCII."""
    counts = {
        "tests": len(answers.gates),
        "failures": _count(answers, Standing.FAIL),
        "errors": _count(answers, Standing.MISSING),
    }
    numbers = {name: str(count) for name, count in counts.items()} | {"time": "0"}
    suites = _element(None, "testsuites", name="Countersign", **numbers)
    suite = _element(
        suites,
        "testsuite",
        name=f"{answers.uri} as {answers.alias}",
        timestamp=answers.asked_at.partition(".")[0].removesuffix("Z"),
        skipped=str(_count(answers, Standing.LATER)),
        **numbers,
    )
    properties = _element(suite, "properties")
    for name, value in (
        ("model", answers.model),
        ("version", str(answers.version)),
        ("alias", answers.alias),
        ("policy", answers.policy),
        ("policy_digest", answers.policy_digest),
        ("portal", answers.portal),
    ):
        _element(properties, "property", name=name, value=value)
    for gate in answers.gates:
        _case(suite, answers, gate)
    ET.indent(suites)
    body = ET.tostring(suites, encoding="us-ascii", xml_declaration=False).decode("ascii")
    return unspoken(f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n', "&#35;")


def _count(answers: Answers, standing: Standing) -> int:
    return sum(gate.standing is standing for gate in answers.gates)


def _case(suite: ET.Element, answers: Answers, gate: Gate) -> None:
    case = _element(
        suite,
        "testcase",
        classname=f"{answers.model} as {answers.alias}",
        name=f"{gate.title} ({gate.id})",
        time="0",
    )
    if gate.standing in _OUTCOMES:
        tag, kind = _OUTCOMES[gate.standing]
        outcome = _element(case, tag, message=gate.reason, **({"type": kind} if kind else {}))
        if gate.is_in_the_way:
            lines = (f"Required: {gate.required}", f"Observed: {gate.observed}", gate.reason)
            outcome.text = "\n".join(shown(line) for line in (gate.asks, *lines))


def _element(parent: ET.Element | None, tag: str, **attributes: str) -> ET.Element:
    safe = {name: for_xml(value) for name, value in attributes.items()}
    return ET.Element(tag, safe) if parent is None else ET.SubElement(parent, tag, safe)
