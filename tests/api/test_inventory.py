"""The inventory through the API: classified, imported and exported, by who may."""

from __future__ import annotations

from catalog.use_cases.use_cases import Described
from tests.api.test_release_story import client
from tests.cast import DOMAIN, House


def test_a_pipeline_tries_a_file_then_imports_it_and_reads_it_back(small_house: House) -> None:
    small_house.credit()
    grace = client(small_house, small_house.grace)
    data = b"name,tier,regulatory_class\ncredit-pd,1,High\n"
    tried = grace.post("/inventory/import", content=data).json()
    assert (tried["dry_run"], tried["models"], tried["problems"]) == (True, 1, [])
    assert small_house.model().tier == ""
    done = grace.post("/inventory/import?dry_run=false", content=data).json()
    assert (done["dry_run"], done["digest"]) == (False, tried["digest"])
    assert grace.get("/models/credit-pd").json()["tier"] == "1"
    out = grace.get("/inventory/export")
    assert out.headers["content-type"].startswith("text/csv")
    again = grace.post("/inventory/import", content=out.content).json()
    assert (again["changes_total"], again["problems_total"]) == (0, 0)


def test_a_wrong_file_is_refused_whole(small_house: House) -> None:
    small_house.credit()
    grace = client(small_house, small_house.grace)
    answer = grace.post("/inventory/import?dry_run=false", content=b"name,tier\ncredit-pd,7\n")
    assert (answer.status_code, answer.json()["error"]) == (422, "rows-wrong")
    too_large = grace.post("/inventory/import", content=b"x" * (10 * 1024 * 1024))
    assert too_large.status_code == 413


def test_others_neither_import_nor_classify(small_house: House) -> None:
    small_house.credit()
    alice = client(small_house, small_house.alice)
    assert alice.post("/inventory/import", content=b"name\n").status_code == 403
    assert alice.get("/inventory/export").status_code == 403
    answer = alice.put("/models/credit-pd/classification", json={"tier": "3"})
    assert answer.status_code == 403
    assert client(small_house).post("/inventory/import", content=b"name\n").status_code == 401


def test_a_model_is_classified_and_what_is_left_out_stays(small_house: House) -> None:
    small_house.credit()
    grace = client(small_house, small_house.grace)
    said = {"tier": "2", "stage": "Production"}
    answer = grace.put("/models/credit-pd/classification", json=said).json()
    assert (answer["tier"], answer["stage"], answer["domain"]) == ("2", "Production", DOMAIN)
    wrong = grace.put("/models/credit-pd/classification", json={"tier": "9"})
    assert (wrong.status_code, wrong.json()["error"]) == (422, "bad-tier")
    nobody = grace.put("/models/credit-pd/classification", json={"owner": "x@y.example"})
    assert nobody.status_code == 404


def test_use_cases_are_listed_with_their_models(small_house: House) -> None:
    model = small_house.credit()
    use_case = small_house.portal.use_cases.propose(
        Described("Lending", "Loans.", DOMAIN, small_house.carol.id, "High"), by=small_house.grace
    )
    grace = client(small_house, small_house.grace)
    said = {"use_case_id": use_case.id, "regulatory_class": "Minimal"}
    assert grace.put("/models/credit-pd/classification", json=said).status_code == 200
    carol = client(small_house, small_house.carol)
    listed = carol.get("/use-cases").json()
    assert (listed["total"], listed["use_cases"][0]["name"]) == (1, "Lending")
    (under,) = carol.get(f"/use-cases/{use_case.id}").json()["models"]
    assert under["id"] == model.id
    assert "A lower class than its AI use case" in under["gaps"]
    assert carol.get("/use-cases/uc_none").status_code == 404
