"""The index: kept in step by the database, whoever writes; facets counted exactly; snippets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlmodel import Session

from auth.actors import Actor, Scope
from auth.permissions import Role
from catalog.registry.search.indexer import BATCH, Indexer
from catalog.registry.search.questions import FACETS, Found, Question, Range
from catalog.registry.search.stems import stem
from catalog.registry.search.words import Document, asked, index, marked, words_in
from ledger.errors import Invalid
from ledger.store import Store
from tests.cast import SYSTEM, House
from tests.fakes import auc

WORDS = ("churn", "fraud", "credit", "pricing", "demand")


def find(house: House, text: str = "", by: Actor | None = None, **chosen: set[str]) -> Found:
    narrowed = {facet: frozenset(values) for facet, values in chosen.items()}
    return house.portal.finder.find(Question(text, narrowed), by=by or SYSTEM, limit=100)


def names(house: House, text: str = "", **chosen: set[str]) -> list[str]:
    return [hit.model.name for hit in find(house, text, None, **chosen).hits]


@pytest.fixture
def stock(house: House) -> House:
    """Twenty models in four domains, with two owners, tags, aliases and numbers."""
    for place in range(20):
        name = f"{WORDS[place % 5]}-{place:02d}"
        house.mlflow.register(
            name, f"Predicts {WORDS[(place + 1) % 5]} of customers.", team=f"team{place % 3}"
        )
        house.mlflow.log(name, metrics=[auc(0.5 + place / 50)])
        if place % 2:
            house.mlflow.point(name, "champion", 1)
    house.mirror()
    for place in range(16):
        house.portal.models.classify(
            house.model(f"{WORDS[place % 5]}-{place:02d}").id,
            by=house.grace,
            owner_id=(house.alice, house.bob)[place % 2].id,
            domain=("Lending", "Cards", "Retail", "Energy")[place % 4],
            task="binary classification",
        )
    house.index()
    return house


# -- facets ----------------------------------------------------------------------------------------


def test_every_count_is_how_many_models_choosing_the_value_leaves(stock: House) -> None:
    for text in ("", "churn", "customers"):
        found = find(stock, text)
        for facet in FACETS:
            for value, count in found.facets[facet]:
                assert find(stock, text, None, **{facet: {value}}).total == count, (
                    text,
                    facet,
                    value,
                )


def test_a_facet_counts_what_the_others_leave_and_not_what_it_chose_itself(stock: House) -> None:
    found = find(stock, "", domain={"Lending"}, live={"champion"})
    models = find(stock).hits
    live = Counter(hit.model.domain for hit in models if hit.is_live and hit.model.domain)
    assert dict(found.facets["domain"]) == dict(live)
    lending = sum(hit.model.domain == "Lending" and hit.is_live for hit in models)
    assert dict(found.facets["live"]) == ({"champion": lending} if lending else {})
    assert found.total == lending


def test_several_values_of_a_facet_add_up_and_facets_narrow_each_other(stock: House) -> None:
    both = find(stock, "", domain={"Lending", "Cards"}).total
    assert both == sum(find(stock, "", domain={one}).total for one in ("Lending", "Cards"))
    narrowed = find(stock, "", domain={"Lending", "Cards"}, owner={"Alice Norrland"})
    assert narrowed.total == sum(
        hit.model.domain in {"Lending", "Cards"} and hit.owner == "Alice Norrland"
        for hit in find(stock).hits
    )
    assert find(stock, "", domain={"No such"}).total == 0


def test_what_is_measured_narrows_by_its_limits(stock: House) -> None:
    def between(least: float | None, most: float | None) -> int:
        question = Question(range=Range("roc_auc", least, most))
        return stock.portal.finder.find(question, by=SYSTEM).total

    assert between(0.5, 0.58) == 5
    assert between(0.9, None) == 0
    assert between(None, 0.5) == 1
    assert stock.portal.finder.metrics(by=SYSTEM) == ["roc_auc"]


def test_a_person_counts_only_what_they_may_see(stock: House) -> None:
    vera = stock.join("vera", Role.VIEWER, Scope("domain", "Energy"))
    found = find(stock, "", by=vera)
    assert dict(found.facets["domain"]) == {"Energy": 4}
    assert found.total == 4


def test_an_address_that_asks_nonsense_is_refused_in_words() -> None:
    with pytest.raises(Invalid, match="cannot be narrowed"):
        Question(chosen={"colour": frozenset({"red"})})
    with pytest.raises(Invalid, match="At most"):
        Question(chosen={"domain": frozenset(map(str, range(51)))})


# -- in step ---------------------------------------------------------------------------------------


def test_whatever_changes_a_model_is_found_after_it(stock: House) -> None:
    stock.mlflow.describe("churn-00", "Now about turbines.")
    stock.mirror()
    assert names(stock, "turbines") == ["churn-00"]
    stock.mlflow.unset("fraud-01", "champion")
    stock.mirror()
    assert "fraud-01" not in names(stock, "", live={"champion"})
    stock.mlflow.delete("credit-02")
    stock.mirror()
    assert "credit-02" not in names(stock)
    assert find(stock, "", domain={"Retail"}).total == 3


def test_a_changed_classification_and_name_of_its_owner_are_found(stock: House) -> None:
    model = stock.model("demand-19")
    stock.portal.models.classify(
        model.id, by=stock.grace, owner_id=stock.bob.id, domain="Forestry", task="regression"
    )
    stock.index()
    assert names(stock, "forestry") == ["demand-19"]
    with stock.portal.store.write() as session:
        session.connection().exec_driver_sql(
            "UPDATE principal SET name = 'Robert Björk' WHERE name = 'Bob Norrland'"
        )
    stock.index()
    assert "demand-19" in names(stock, "bjork")


def test_a_mark_stands_in_the_transaction_of_its_change(house: House) -> None:
    house.credit()
    assert not house.portal.indexer.waiting()
    with (
        pytest.raises(RuntimeError, match="changed my mind"),
        house.portal.store.write() as session,
    ):
        session.connection().exec_driver_sql("UPDATE model SET domain = 'Elsewhere'")
        raise RuntimeError("changed my mind")
    assert not house.portal.indexer.waiting()
    with house.portal.store.write() as session:
        session.connection().exec_driver_sql("UPDATE model SET domain = 'Elsewhere'")
    assert house.portal.indexer.waiting()


def test_no_search_on_postgresql_walks_over_the_marks_that_a_first_index_took(
    postgres_store: Store,
) -> None:
    indexer = Indexer(postgres_store)
    indexer.mark(f"mdl_{number}" for number in range(BATCH + 1))
    assert indexer.run(by=Actor.system("mirror")) == BATCH + 1
    ((held,),) = postgres_store.rows("SELECT pg_relation_size('search_mark')")
    assert held == 0


class Interrupted(Store):
    """A store in which something else happens before the next transaction begins."""

    before: Callable[[], object] | None = None

    @contextmanager
    def write(self) -> Iterator[Session]:
        if self.before is not None:
            before, self.before = self.before, None
            before()
        with super().write() as session:
            yield session


@pytest.fixture
def interrupted(stock: House) -> Iterator[Interrupted]:
    store = Interrupted(stock.portal.store.url.render_as_string(hide_password=False))
    yield store
    store.close()


def describe(house: House, name: str, description: str) -> None:
    with house.portal.store.write() as session:
        session.connection().exec_driver_sql(
            f"UPDATE model SET description = '{description}' WHERE name = '{name}'"  # noqa: S608
        )


def test_what_changes_after_it_was_read_is_never_indexed_as_it_was(
    stock: House, interrupted: Interrupted
) -> None:
    describe(stock, "churn-00", "Now about turbines.")

    def meanwhile() -> None:
        describe(stock, "churn-00", "Now about harbours.")

    interrupted.before = meanwhile
    assert Indexer(interrupted).run(by=Actor.system("mirror")) == 1
    assert names(stock, "harbours") == ["churn-00"]
    assert names(stock, "turbines") == []


def test_an_indexer_that_was_overtaken_writes_nothing_over_what_is_newer(
    stock: House, interrupted: Interrupted
) -> None:
    describe(stock, "churn-00", "Now about turbines.")

    def meanwhile() -> None:
        describe(stock, "churn-00", "Now about harbours.")
        stock.index()

    interrupted.before = meanwhile
    assert Indexer(interrupted).run(by=Actor.system("mirror")) == 0
    assert names(stock, "harbours") == ["churn-00"]
    assert names(stock, "turbines") == []


def test_a_model_marked_more_often_than_is_read_at_once_is_indexed(stock: House) -> None:
    describe(stock, "churn-00", "Now about turbines.")
    stock.portal.indexer.mark([stock.model("churn-00").id, stock.model("fraud-01").id] * BATCH)
    stock.index()
    assert not stock.portal.indexer.waiting()
    assert names(stock, "turbines") == ["churn-00"]


# -- words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("chrun", "churn"), ("fruad", "fraud"), ("creditt", "credit"), ("demnad", "demand")],
)
def test_a_slip_is_corrected_to_a_word_that_stands_in_a_model(
    stock: House, typed: str, meant: str
) -> None:
    found = find(stock, typed)
    assert found.correction is not None
    assert (found.correction.meant, found.correction.is_applied) == (meant, True)
    assert [hit.model.id for hit in found.hits] == [hit.model.id for hit in find(stock, meant).hits]


def test_what_was_typed_is_searched_for_when_asked(stock: House) -> None:
    found = stock.portal.finder.find(Question("chrun", verbatim=True), by=SYSTEM)
    assert found.total == 0
    assert found.correction is not None
    assert not found.correction.is_applied


def test_a_correction_tells_no_word_of_a_model_that_is_hidden(stock: House) -> None:
    stock.mlflow.describe("churn-00", "About zymurgy.")
    stock.mirror()
    assert find(stock, "zymurgi").total == 1
    vera = stock.join("vera", Role.VIEWER, Scope("domain", "Energy"))
    hidden = find(stock, "zymurgj", by=vera)
    assert (hidden.total, hidden.correction) == (0, None)


def test_other_words_for_the_same_are_found_below_the_word_itself(stock: House) -> None:
    assert set(names(stock, "attrition")) == set(names(stock, "churn"))
    stock.mlflow.register("attrition-21", "Who leaves.")
    stock.mirror()
    assert names(stock, "attrition")[0] == "attrition-21"


def test_the_last_word_is_found_as_far_as_it_is_typed(stock: House) -> None:
    assert set(names(stock, "chu")) == set(names(stock, "churn"))
    assert find(stock, "chu ").total != 8 or not names(stock, "chu ")
    assert "fraud-01" in names(stock, "predicti fra")


def test_snippets_mark_what_was_asked_for_and_keep_every_letter(stock: House) -> None:
    stock.mlflow.describe("churn-00", "<b>Customers</b> & churning " + "x " * 400 + "end")
    stock.mirror()
    (hit,) = (hit for hit in find(stock, "churned").hits if hit.model.name == "churn-00")
    assert hit.snippet is not None
    assert ("churning", True) in hit.snippet.parts
    assert "".join(text for text, _ in hit.snippet.parts).startswith("<b>Customers</b> & churning")
    assert hit.name[0] == ("churn", True)


def test_text_is_taken_apart_and_put_together_again() -> None:
    text = "Ärger mit CreditRisk_v2: naïve!\x00"
    assert "".join(part for part, _ in marked(text, frozenset({"credit"}), "")) == text
    assert words_in("CreditRisk naïve ÄRGER") == ["credit", "risk", "naive", "arger"]
    assert stem("predictions") == stem("predicting") == "predict"


def test_a_token_is_letters_and_digits_whatever_is_typed() -> None:
    hostile = "a\" OR 1:* NEAR(x) & !y | 'z' <-> \\ \x00 {name}: ^b -c"
    question = asked(hostile)
    kept = index(Document(hostile, hostile, hostile, hostile, hostile)).tokens
    assert all(token.isalnum() for token in kept.split())
    assert all(word.isalnum() for word in question.words)
    assert len(asked("word " * 1000).words) == 1
    assert len(asked(" ".join(map(str, range(100)))).words) == 8
