"""The gates as SARIF 2.1.0: one rule for each gate, one result for each that stands in the way.

The format: OASIS, Static Analysis Results Interchange Format 2.1.0. What code scanning services ask
for beyond it is kept too: each result lies at a relative path and carries a stable fingerprint.
Gates that pass give no result, because such services show every result as an alert.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final
from urllib.parse import quote

from app.ci.answers import Answers, Gate, Standing
from app.ci.words import unspoken

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(answers: Answers) -> str:
    """The report as a JSON document in ASCII."""
    places = {gate.id: place for place, gate in enumerate(answers.gates)}
    run = {
        "tool": {
            "driver": {
                "name": "Countersign",
                "informationUri": answers.portal,
                "rules": [_rule(gate) for gate in answers.gates],
            }
        },
        "automationDetails": {"id": f"countersign/{answers.model}/{answers.alias}/"},
        "invocations": [
            {
                "executionSuccessful": True,
                "endTimeUtc": answers.asked_at,
                "toolExecutionNotifications": [
                    {
                        "level": "note",
                        "message": {"text": gate.reason},
                        "associatedRule": {"id": gate.id, "index": places[gate.id]},
                    }
                    for gate in answers.gates
                    if gate.standing is Standing.LATER
                ],
            }
        ],
        "results": [_result(answers, gate, places[gate.id]) for gate in answers.in_the_way],
        "properties": {
            "model": answers.model,
            "version": answers.version,
            "alias": answers.alias,
            "policy": answers.policy,
            "policyDigest": answers.policy_digest,
            "standing": {gate.id: gate.standing for gate in answers.gates},
        },
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return unspoken(json.dumps(document, indent=2) + "\n", "\\u0023")


def _rule(gate: Gate) -> dict[str, Any]:
    return {
        "id": gate.id,
        "shortDescription": {"text": gate.title},
        "fullDescription": {"text": gate.asks},
        "help": {"text": f"{gate.asks}. Required: {gate.required}."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["release gate"]},
    }


def _result(answers: Answers, gate: Gate, place: int) -> dict[str, Any]:
    path = f"models/{quote(answers.model, safe='', errors='replace')}/{answers.version}"
    who = f"{answers.model}\n{answers.alias}\n{gate.id}".encode(errors="replace")
    return {
        "ruleId": gate.id,
        "ruleIndex": place,
        "kind": "fail",
        "level": "error",
        "message": {
            "text": f"{answers.uri} as {answers.alias}: {gate.title} is "
            f"{'missing' if gate.standing is Standing.MISSING else 'not passed'}. {gate.reason}"
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": path},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [
                    {
                        "name": answers.model,
                        "fullyQualifiedName": answers.uri,
                        "kind": "resource",
                    }
                ],
            }
        ],
        "partialFingerprints": {
            "primaryLocationLineHash": f"{hashlib.sha256(who).hexdigest()[:16]}:1"
        },
        "properties": {
            "standing": gate.standing,
            "required": gate.required,
            "observed": gate.observed,
            "producedBy": gate.produced_by,
            "verified": gate.is_verified,
        },
    }
