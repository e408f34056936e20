"""One loaded demo and one browser for all stories; each has models and requests of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from app.demo.organisation import ALICE, Person
from catalog.assurance.explanations import ExplanationState
from catalog.assurance.runner import ExplainResult
from tests import stack as stacks
from tests.browser.visits import Scheme, Visitor, a_browser, in_a_tab, person
from tests.stack import DEMO_SECONDS, DOOR_SECONDS, Stack, until

# The first story waits for the demo, on the slowest machine the product promises anything for.
_LONGEST = DOOR_SECONDS + DEMO_SECONDS + 120


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.timeout(_LONGEST))


@dataclass(frozen=True)
class Demo:
    """The loaded demo, and how long a stranger would have waited for it."""

    stack: Stack
    door_seconds: float
    demo_seconds: float


# Not for the session: its programs would go on beside all other tests.
@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """What `make run` gives a stranger: MLflow, portal, worker, and Norrland Bank inside."""
    folder = tmp_path_factory.mktemp("demo")
    secrets = {"MLFLOW_TRACKING_USERNAME": "demo", "MLFLOW_TRACKING_PASSWORD": "hush-hush"}
    with stacks.running(folder, MIRROR_SECONDS="5", **secrets) as stack:
        door = stack.wait_for_the_door()
        complete = stack.wait_for_the_demo()
        print(f"The sign-in page came after {door:.1f} s, the demo after {complete:.1f} s.")
        yield Demo(stack, door, complete)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    # Not for the session: while a browser is open its event loop runs, and others need theirs.
    with a_browser() as browser:
        yield browser


@pytest.fixture(scope="package")
def explained(demo: Demo) -> ExplainResult:
    """What drives the live version of credit-pd: somebody had it explained, as every team does."""
    desks = demo.stack.portal
    person = desks.people.by_email(ALICE.email)
    assert person
    alice = desks.people.actor(person.id)
    version = desks.models.version(desks.models.find("credit-pd", by=alice), 4)
    desks.explanations.request(version.id, by=alice)

    def result() -> ExplainResult | None:
        found = desks.explanations.of(version.id, by=alice)
        assert found
        assert found.state is not ExplanationState.FAILED, found.problem
        return found.result

    return until(result, "the live version has been explained", within=240)


Visit = Callable[..., Visitor]


@pytest.fixture(scope="package")
def _signed_in() -> dict[str, Visitor]:
    """Who came in already: a browser that has read the page once opens it at half the price."""
    return {}


@pytest.fixture
def visit(demo: Demo, chromium: Browser, _signed_in: dict[str, Visitor]) -> Iterator[Visit]:
    """Lets somebody of the demo in, at a page; at the end nobody's browser may have complained."""
    with visits(chromium, demo.stack.url, demo.stack.passwords, _signed_in) as come:
        yield come


@contextmanager
def visits(
    chromium: Browser, url: str, passwords: Mapping[str, str], signed_in: dict[str, Visitor]
) -> Iterator[Visit]:
    """Lets people in at a portal; at the end nobody's browser may have complained."""
    here: list[Visitor] = []

    def come(who: Person, at: str = "/", *, width: int = 1440, scheme: Scheme = "light") -> Visitor:
        made = signed_in.get(who.email)
        if made is None:
            password = passwords[who.email]
            made = person(chromium, url, who.email, password, at=at, width=width, scheme=scheme)
            signed_in[who.email] = made
        else:
            if made in here:
                made = in_a_tab(made.context, url)
            made.name = who.name
            made.sits_down(width, scheme)
            made.open(at)
        here.append(made)
        return made

    yield come
    complaints = [f"{one.name}: {words}" for one in here for words in one.complaints]
    for one in here:
        if one in signed_in.values():
            one.gets_up()
        else:
            one.page.close()
    assert complaints == []
