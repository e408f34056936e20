"""Records in words, and as a copy that is taken away."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from app.panels.trail import Names, as_csv, as_json, table
from ledger.trail import Record

NOW = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)
NAMES = Names({"per_bob": "Bob <i>O</i>"}, {"mdl_1": "credit-pd"}, {"req_1": "RR-2026-0001"})


def record(outcome: str = "done", reason: str = "ok") -> Record:
    return Record(
        sequence=1204,
        act="release:approve",
        actor="per_bob",
        resource="request:req_1",
        outcome=outcome,
        reason=reason,
        at=NOW,
        facts={"alias": "champion"},
        digests={"policy": "sha256:0123456789abcdef"},
        commitments={"reason": "sha256:fedcba9876543210"},
        body='{"act":"release:approve"}',
        texts={"reason": "=evil"},
    )


def test_a_record_is_told_in_words_and_names_cannot_act_as_markup() -> None:
    drawn = table([record()], NAMES)
    assert "1,204" in drawn
    assert "Approved a release" in drawn
    assert "RR-2026-0001" in drawn
    assert "<i>O</i>" not in drawn


def test_a_refusal_stands_out_with_its_reason() -> None:
    drawn = table([record("refused", "requester")], NAMES)
    assert "cs-row-fail" in drawn
    assert "They asked for it themselves" in drawn


def test_what_is_not_known_by_name_keeps_its_id() -> None:
    assert NAMES.resource("token:tok_1") == "token tok_1"
    assert NAMES.resource("trail:*") == "the audit trail"


def test_a_copy_holds_the_exact_bytes_of_each_record() -> None:
    assert json.loads(as_json([record()]))[0]["record"] == record().body
    assert record().body.replace('"', '""') in as_csv([record()])
