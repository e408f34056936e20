"""The inventory as a file: tried row by row, imported whole or not, and out again unchanged."""

from __future__ import annotations

import csv
import io
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from catalog.registry.inventory.file import COLUMNS, LARGEST_BYTES, MOST_ROWS, read
from catalog.registry.inventory.plan import Plan
from catalog.registry.inventory.spreadsheet import neutral, restored
from catalog.registry.inventory.standing import Standing
from catalog.registry.tables import InventoryChangeRow, ModelRow
from catalog.use_cases.use_cases import Described
from ledger.errors import Invalid, Refused
from tests.cast import DOMAIN, House

ALICE = "alice@norrland.example"
HEADING = ",".join(COLUMNS)


def stocked(house: House) -> None:
    """Two models, one of them live, and a use case."""
    house.credit()
    house.mlflow.register("fraud")
    house.mirror()
    house.portal.use_cases.propose(
        Described("Lending, all of it", "Loans.", DOMAIN, house.carol.id), by=house.grace
    )


def tried(house: House, text: str) -> Plan:
    return house.portal.inventory_import.dry_run(text.encode(), by=house.grace)


def wrong(house: House, text: str) -> list[tuple[int, str]]:
    """The rows and columns a dry run finds fault with; each with a remedy."""
    plan = tried(house, text)
    assert all(one.said and one.remedy for one in plan.problems)
    return [(one.row, one.column) for one in plan.problems]


def test_a_dry_run_says_row_by_row_what_would_change_and_changes_nothing(house: House) -> None:
    stocked(house)
    before = house.records()
    plan = tried(
        house,
        "Name,Owner,Domain,Task,Tier,Regulatory class,Stage,Use case\r\n"
        f'credit-pd,{ALICE},{DOMAIN},,1,High,Production,"LENDING,  all of it"\r\n'
        "fraud,ALICE@norrland.example,Cards,regression,3,Minimal,Proposal,\r\n",
    )
    assert plan.problems == ()
    assert [(one.row, one.model, one.column, one.before, one.after) for one in plan.changes] == [
        (2, "credit-pd", "tier", "", "1"),
        (2, "credit-pd", "regulatory_class", "", "High"),
        (2, "credit-pd", "stage", "", "Production"),
        (2, "credit-pd", "use_case", "", "Lending, all of it"),
        (3, "fraud", "owner", "", ALICE),
        (3, "fraud", "domain", "", "Cards"),
        (3, "fraud", "task", "", "regression"),
        (3, "fraud", "tier", "", "3"),
        (3, "fraud", "regulatory_class", "", "Minimal"),
        (3, "fraud", "stage", "", "Proposal"),
    ]
    assert (plan.rows, plan.models, plan.may_run) == (2, 2, True)
    assert house.model().tier == ""
    assert house.records() == before


def test_an_import_is_one_act_with_the_digest_of_its_file(house: House) -> None:
    stocked(house)
    data = f"name,tier,owner\ncredit-pd,1,{ALICE}\nfraud,3,{ALICE}\n".encode()
    plan = house.portal.inventory_import.run(data, by=house.grace)
    assert (house.model().tier, house.model("fraud").owner_id) == ("1", house.alice.id)
    (record,) = house.records("inventory:import")
    assert record.digests["file"] == plan.digest
    assert record.digests["changes"].startswith("sha256:")
    assert (record.facts["rows"], record.facts["models"]) == ("2", "2")
    assert "credit-pd" not in record.body
    with house.portal.store.read() as session:
        kept = session.exec(select(InventoryChangeRow)).all()
    assert {one.model_id for one in kept} == {house.model().id, house.model("fraud").id}
    fraud = next(one for one in kept if one.model_id == house.model("fraud").id)
    assert json.loads(fraud.after) == {"tier": "3", "owner": ALICE}
    assert house.portal.inventory_import.dry_run(data, by=house.grace).changes == ()


def test_one_wrong_row_keeps_all_of_a_file_out(house: House) -> None:
    stocked(house)
    data = b"name,tier\ncredit-pd,1\nfraud,9\n"
    with pytest.raises(Invalid) as refusal:
        house.portal.inventory_import.run(data, by=house.grace)
    assert refusal.value.code == "rows-wrong"
    assert "Row 3, tier" in refusal.value.message
    assert house.model().tier == ""
    (record,) = house.records("inventory:import")
    assert (record.outcome, record.reason) == ("refused", "rows-wrong")


def test_what_goes_out_comes_in_again_and_changes_nothing(house: House) -> None:
    stocked(house)
    house.mlflow.register("=cmd|' /C calc'!A0", "A hostile name.")
    house.mlflow.register("'-quoted", "Another.")
    house.mirror()
    (use_case,) = house.portal.use_cases.open_ones(by=house.grace)
    house.portal.models.classify(
        house.model("=cmd|' /C calc'!A0").id,
        by=house.grace,
        owner_id=house.alice.id,
        domain="@risk, all",
        task="regression",
        standing=Standing("2", "Limited", "Development", use_case),
    )
    house.portal.use_cases.close(use_case, "Not needed.", by=house.grace)
    data = house.portal.inventory_import.export(by=house.erik)
    plan = house.portal.inventory_import.dry_run(data, by=house.grace)
    assert (plan.rows, plan.changes, plan.problems) == (4, (), ())
    cells = [cell for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    (record,) = house.records("inventory:export")
    assert (record.actor, record.facts["rows"]) == (house.erik.id, "4")
    one_domain = house.portal.inventory_import.export(by=house.erik, domain=DOMAIN)
    assert one_domain.decode().count("\r\n") == 2


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8))
def test_a_cell_made_harmless_reads_as_it_was_and_is_no_formula(cell: str) -> None:
    out = neutral(cell)
    assert restored(out) == cell
    assert not out.startswith(("=", "+", "-", "@", "\t"))


@pytest.mark.parametrize("cell", ["=1", "-5", "@x", "+1", "'=1", "''@", "'plain", "plain"])
def test_only_what_would_be_computed_is_quoted(cell: str) -> None:
    assert restored(neutral(cell)) == cell
    assert (neutral(cell) != cell) == (cell not in {"'plain", "plain"})


# -- rows that are wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name,tier\nnothing,1\n", [(2, "name")]),
        ("name,tier\n,1\n", [(2, "name")]),
        ("name,tier\ncredit-pd,1\ncredit-pd,2\n", [(3, "name")]),
        ("name,tier\ncredit-pd,1\ncredit-pd,1\n", [(3, "name")]),
        ("name,tier\ncredit-pd,one\n", [(2, "tier")]),
        ("name,regulatory_class\ncredit-pd,high\n", [(2, "regulatory_class")]),
        ("name,stage\ncredit-pd,Retired\n", [(2, "stage")]),
        ("name,stage\nfraud,Production\n", [(2, "stage")]),
        ("name,stage\nfraud,Done\n", [(2, "stage")]),
        ("name,owner\nfraud,nobody@norrland.example\n", [(2, "owner")]),
        ("name,use_case\nfraud,Nothing\n", [(2, "use_case")]),
        ("name,task\nfraud,guessing\n", [(2, "task")]),
        ("name,domain\nfraud," + "x" * 81 + "\n", [(2, "domain")]),
        ("name,domain\nfraud," + "x" * 1001 + "\n", [(2, "domain")]),
        ("name,domain\nfraud,a\x00b\n", [(2, "domain")]),
        ("name,server\ncredit-pd,elsewhere\n", [(2, "name")]),
        ("name,tier\ncredit-pd\n", [(2, "")]),
        ("name,tier\ncredit-pd,1,2\n", [(2, "")]),
        ('name,tier\n"credit-pd,1\n', [(2, "")]),
        ('name,tier\n"credit"-pd,1\nfraud,1\n', [(2, "")]),
        ("name,tier,stage\ncredit-pd,9,Done\nfraud,8,\n", [(2, "stage"), (2, "tier"), (3, "tier")]),
    ],
)
def test_a_wrong_row_is_told_by_its_number_and_column_with_a_remedy(
    small_house: House, text: str, expected: list[tuple[int, str]]
) -> None:
    stocked(small_house)
    assert wrong(small_house, text) == expected


def test_two_models_of_one_name_are_told_apart_by_where_they_lie(small_house: House) -> None:
    stocked(small_house)
    with small_house.portal.store.write() as session:
        here = session.get_one(ModelRow, small_house.model("fraud").id)
        session.add(ModelRow(**{**here.model_dump(), "id": "mdl_other", "server": "other"}))
    assert wrong(small_house, "name,tier\nfraud,1\n") == [(2, "name")]
    plan = tried(small_house, "name,server,tier\nfraud,other,1\nfraud,main,2\n")
    assert [one.model_id for one in plan.changes] == [
        "mdl_other",
        small_house.portal.models.find("fraud", by=small_house.grace, server="main").id,
    ]


def test_a_closed_use_case_takes_no_more_models(small_house: House) -> None:
    stocked(small_house)
    (use_case,) = small_house.portal.use_cases.open_ones(by=small_house.grace)
    small_house.portal.use_cases.close(use_case, "Done.", by=small_house.grace)
    assert wrong(small_house, 'name,use_case\nfraud,"Lending, all of it"\n') == [(2, "use_case")]


# -- files that are no files -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        "\ufeffname,tier\r\ncredit-pd,1\r\n".encode(),
        b"name;tier\r\ncredit-pd;1\r\n",
        b"name,tier\rcredit-pd,1\r",
        b"NAME , Tier\ncredit-pd, 1 \n",
        b'"name","tier"\n"credit-pd","1"\n\n,\n',
        b"tier,name\n1,credit-pd",
    ],
    ids=["bom", "semicolons", "carriage returns", "spaces", "quotes and empty rows", "no end"],
)
def test_what_spreadsheets_write_is_read(small_house: House, data: bytes) -> None:
    stocked(small_house)
    plan = small_house.portal.inventory_import.dry_run(data, by=small_house.grace)
    assert plan.problems == ()
    assert [(one.model, one.after) for one in plan.changes] == [("credit-pd", "1")]


def test_a_line_end_inside_quotes_belongs_to_the_cell() -> None:
    lines, problems = read(b'name,domain\r\n"a\r\nb",x\r\nc,y\r\n')
    assert problems == []
    assert [(line.row, line["name"]) for line in lines] == [(2, "a\r\nb"), (3, "c")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "bad-heading"),
        (b"\n\n", "bad-heading"),
        (b"tier\n1\n", "bad-heading"),
        (b"name,colour\n", "bad-heading"),
        (b"name,tier,tier\n", "bad-heading"),
        (b'"name,tier\n', "bad-file"),
        ("name,tier\nMüller,1\n".encode("latin-1"), "not-utf-8"),
        ("name,tier\na,1\n".encode("utf-16"), "not-utf-8"),
        (b"PK\x03\x04\x00\xff", "not-utf-8"),
        (b"name\n" + b"x" * LARGEST_BYTES, "too-large"),
        (b"name\n" + b"x" * (10 * 1024 * 1024), "too-large"),
        (b"name\n" + b"x\n" * (MOST_ROWS + 1), "too-many-rows"),
        (b"name\n" + b"\n" * (MOST_ROWS + 1), "too-many-rows"),
    ],
)
def test_what_is_no_file_of_the_inventory_is_refused_with_a_remedy(data: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read(data)
    assert (refusal.value.code, bool(refusal.value.hint)) == (code, True)


def test_a_heading_of_commas_alone_keeps_no_processor_busy() -> None:
    began = time.process_time()
    with pytest.raises(Invalid) as refusal:
        read(b"," * 120_000)
    assert refusal.value.code == "bad-heading"
    assert time.process_time() - began < 2


def test_the_file_of_somebody_who_may_not_import_is_not_read(house: House) -> None:
    with pytest.raises(Refused):
        house.portal.inventory_import.run(b"no inventory at all", by=house.alice)
    assert len(house.records("inventory:import", outcome="refused")) == 1


def test_one_enormous_cell_is_told_like_any_other_wrong_row() -> None:
    _lines, problems = read(b"name\n" + b"x" * 200_000 + b"\n")
    assert [(one.row, bool(one.remedy)) for one in problems] == [(2, True)]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_words(data: bytes) -> None:
    try:
        read(b"name,tier\n" + data)
    except Invalid:
        return


# -- who -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alice", "bob", "carol", "dave", "erik"])
def test_only_governance_imports_and_only_the_auditor_beside_it_exports(
    small_house: House, name: str
) -> None:
    desk, by = small_house.portal.inventory_import, small_house.who(name)
    with pytest.raises(Refused):
        desk.dry_run(b"name\n", by=by)
    with pytest.raises(Refused):
        desk.run(b"name\n", by=by)
    if name == "erik":
        assert desk.export(by=by)
    else:
        with pytest.raises(Refused):
            desk.export(by=by)
