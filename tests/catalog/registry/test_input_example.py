"""The input example of a version: read strictly, kept, shown as a table, or why there is none."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from alembic import command
from hypothesis import given
from hypothesis import strategies as st

from app import migrate
from auth.actors import Scope
from auth.permissions import Role
from catalog.registry.input_example import (
    LARGEST_EXAMPLE_BYTES,
    TOLD,
    Table,
    laid_out,
    seen_example,
    strict,
    tabular,
)
from catalog.registry.mirror.seen import SeenExample
from catalog.registry.search import marks
from catalog.registry.strict_json import DEEPEST
from ledger.errors import Invalid, NotFound, Unavailable
from ledger.store import Store
from tests.api.test_release_story import client
from tests.cast import House

NAMED = "input_example.json"
SPLIT = '{"columns": ["income", "grade"], "data": [[41.5, "A"], [null, "B"]]}'
ADDRESS = "/models/credit-pd/versions/{}/input-example"


def log(house: House, example: str | None, named: str = NAMED) -> None:
    """A version saved with an example, or without one."""
    about = f"saved_input_example_info: {{artifact_path: {json.dumps(named)}}}\n"
    files = {"MLmodel": "flavors: {python_function: {}}\n" + (about if example is not None else "")}
    if example is not None and "/" not in named:
        files[named] = example
    if "credit-pd" not in house.mlflow.names:
        house.mlflow.register("credit-pd")
    house.mlflow.log("credit-pd", files=files)
    house.mirror()


def test_an_example_is_read_when_the_version_is_opened_and_kept(house: House) -> None:
    log(house, SPLIT)
    found = house.portal.input_examples.of(house.version(1))
    assert found is not None
    assert (found.state, found.told) == ("read", None)
    assert found.table == Table(("income", "grade"), ((41.5, "A"), (None, "B")))
    assert found.digest.startswith("sha256:")
    assert found.read_at == house.clock.now()


@pytest.mark.parametrize(
    ("example", "named", "state"),
    [
        (None, NAMED, "none"),
        (SPLIT, "../other/input_example.json", "foreign"),
        (SPLIT, "rows.pkl", "foreign"),
        ("[" + "1," * LARGEST_EXAMPLE_BYTES + "1]", NAMED, "too-large"),
        ("{'income': 1}", NAMED, "unreadable"),
    ],
)
def test_without_an_example_to_show_a_sentence_says_why_and_what_to_do(
    small_house: House, example: str | None, named: str, state: str
) -> None:
    log(small_house, example, named)
    found = small_house.portal.input_examples.of(small_house.version(1))
    assert found is not None
    assert (found.state, found.body, found.table) == (state, "", None)
    assert found.told is not None
    assert found.told.said.endswith(".")
    assert found.told.remedy.endswith(".")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b'{"a": 1, "a": 2}',
        b"[NaN]",
        b"[1e999]",
        b"[-Infinity]",
        b"[" + b"9" * 200 + b"]",
        b'["\\ud800"]',
        b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1),
        b"[" * 30_000,
        b'{"data": [[1]]} and more',
        pickle.dumps({"income": 1}),
        b" " * (LARGEST_EXAMPLE_BYTES + 1),
    ],
)
def test_what_is_not_plain_json_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        strict(raw)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        # A lone half of a character is refused above.
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
        max_leaves=8,
    )
)
def test_whatever_json_was_saved_stays_what_it_was_and_can_be_laid_out(value: object) -> None:
    written = strict(json.dumps(value).encode())
    assert json.loads(written) == value
    assert json.loads(laid_out(written)) == value
    table = tabular(written)
    assert table is None or all(len(row) == len(table.fields) for row in table.rows)


@pytest.mark.parametrize(
    ("body", "table"),
    [
        ('{"data": [[1, 2]]}', Table(("[0]", "[1]"), ((1, 2),))),
        ('{"income": 1, "grade": "A"}', Table(("income", "grade"), ((1, "A"),))),
        ('{"income": [1, 2]}', Table(("income",), ((1,), (2,)))),
        ('[{"a": 1}, {"b": 2}]', Table(("a", "b"), ((1, None), (None, 2)))),
        ("[[1, 2], [3, 4]]", Table(("[0]", "[1]"), ((1, 2), (3, 4)))),
        ('["one", "two"]', Table(("[0]",), (("one",), ("two",)))),
        ('{"messages": [{"role": "user", "content": "x"}]}', None),
        ('{"columns": ["a"], "data": [[1, 2]]}', None),
        ('{"columns": ["a"], "data": [[[1]]]}', None),
        ('{"a": [1], "b": [1, 2]}', None),
        ("[]", None),
        ("{}", None),
    ],
)
def test_each_shape_that_mlflow_saves_is_shown_as_rows_where_it_has_rows(
    body: str, table: Table | None
) -> None:
    assert tabular(body) == table


@pytest.mark.parametrize(
    ("problem", "state"),
    [
        (Invalid("large", hint="less", code="artifact-too-large"), "too-large"),
        (NotFound("gone"), "not-given"),
        (Unavailable("away"), "not-given"),
        (OSError("broken"), "not-given"),
    ],
)
def test_no_trouble_with_an_example_keeps_a_version_from_being_opened(
    problem: Exception, state: str
) -> None:
    def fetch(_name: str) -> Path | None:
        raise problem

    assert seen_example(NAMED, fetch).state == state
    assert state in TOLD


def test_a_link_to_a_file_of_the_worker_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text('{"password": "x"}')
    (tmp_path / NAMED).symlink_to(tmp_path / "secret")
    assert seen_example(NAMED, lambda name: tmp_path / name) == SeenExample("not-given")


def test_the_example_is_told_over_the_api_and_only_to_those_who_may_read(
    small_house: House,
) -> None:
    log(small_house, SPLIT)
    log(small_house, None)
    olga = small_house.join("olga", Role.MODEL_OWNER, Scope("domain", "Cards"))
    grace = client(small_house, small_house.grace)
    told = grace.get(ADDRESS.format(1)).json()
    assert (told["state"], told["example"]) == ("read", json.loads(SPLIT))
    told = grace.get(ADDRESS.format(2)).json()
    assert (told["state"], told["example"]) == ("none", None)
    assert told["detail"]
    assert told["hint"]
    assert client(small_house, olga).get(ADDRESS.format(1)).status_code == 404


def test_versions_that_were_known_before_examples_were_kept_are_read_once_more(
    small_house: House,
) -> None:
    log(small_house, SPLIT)
    store: Store = small_house.portal.store
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM input_example")
    with migrate._turn(store), migrate._alone(store) as connection:
        marks.remove(connection)
        command.downgrade(migrate._config(connection), "0016")
    assert store.rows("SELECT is_detailed FROM model_version") == [(1,)]
    migrate.to_head(store)
    small_house.mirror()
    found = small_house.portal.input_examples.of(small_house.version(1))
    assert found is not None
    assert found.state == "read"
