"""What stands on every answer of the portal, and what it never answers at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from auth.sign_in import (
    OneAddress,
    Origin,
    SecurityHeaders,
    is_local_path,
    portal_policy,
    sha256_source,
)

OURS = "https://countersign.example"
SCRIPT = "window.prerenderReady = false"


async def _anything(request: Request) -> Response:
    answer = HTMLResponse(f"here: {request.url.path}")
    answer.set_cookie("plain", "1")
    answer.set_cookie("already", "1", secure=True)
    return answer


@contextmanager
def portal(public_url: str) -> Iterator[httpx.Client]:
    """A stand-in for the screens behind the real door frame."""
    app = Starlette(
        routes=[Route("/{path:path}", _anything, methods=["GET", "POST"])],
        middleware=[
            Middleware(
                SecurityHeaders,
                policy=portal_policy((SCRIPT,)),
                secure=public_url.startswith("https"),
            ),
            Middleware(OneAddress, origin=Origin(public_url)),
        ],
    )
    with TestClient(app, base_url=public_url, follow_redirects=False) as client:
        yield client


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    with portal(OURS) as client:
        yield client


def test_every_answer_says_what_a_browser_may_do_with_it(browser: httpx.Client) -> None:
    for path in ("/", "/model?name=x", "/_stcore/metrics"):
        headers = browser.get(path).headers

        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["strict-transport-security"].startswith("max-age=31536000")
        assert "camera=()" in headers["permissions-policy"]
        assert headers["content-security-policy"] == portal_policy((SCRIPT,))


def test_only_the_scripts_we_ship_may_run() -> None:
    rules = dict(rule.split(" ", 1) for rule in portal_policy((SCRIPT,)).split("; ") if " " in rule)

    assert rules["script-src"] == f"'self' 'wasm-unsafe-eval' {sha256_source(SCRIPT)}"
    assert rules["default-src"] == "'self'"
    assert rules["object-src"] == "'none'"
    assert rules["frame-ancestors"] == "'self'"
    assert rules["form-action"] == "'self'"


def test_cookies_stay_on_https_where_people_come_by_https(browser: httpx.Client) -> None:
    cookies = browser.get("/").headers.get_list("set-cookie")

    assert len(cookies) == 2
    assert [cookie.lower().count("; secure") for cookie in cookies] == [1, 1]


def test_on_plain_http_cookies_are_not_marked_secure() -> None:
    with portal("http://127.0.0.1:8501") as browser:
        answer = browser.get("/")

    assert "strict-transport-security" not in answer.headers
    assert "secure" not in answer.headers.get_list("set-cookie")[0].lower()


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/metrics",
        "/_stcore/metrics/",
        "/model/_stcore/metrics",
        "/_stcore/agent/interact",
        "/_stcore/agent/mcp",
        "/_stcore/agent/openapi.json",
        "/%5Fstcore/metrics",
    ],
)
def test_streamlits_figures_and_agent_doors_are_closed(browser: httpx.Client, path: str) -> None:
    assert browser.get(path).status_code == 404
    assert browser.post(path).status_code == 404


def test_a_browser_that_came_by_another_name_of_this_machine_is_led_to_the_right_one() -> None:
    with portal("http://127.0.0.1:8501") as browser:
        answer = browser.get("/model?name=x", headers=_navigating("localhost:8501"))

    assert answer.status_code == 307
    assert answer.headers["location"] == "http://127.0.0.1:8501/model?name=x"


def test_a_browser_at_a_foreign_name_is_told_the_address(browser: httpx.Client) -> None:
    answer = browser.get("/", headers=_navigating("evil.example"))

    assert answer.status_code == 421
    assert OURS in answer.text
    assert "evil.example" not in answer.text


def test_programs_are_not_asked_by_which_name_they_came(browser: httpx.Client) -> None:
    assert browser.get("/healthz", headers={"host": "10.0.0.7:8501"}).status_code == 200


def test_what_a_proxy_says_about_the_address_is_not_believed() -> None:
    with portal("http://127.0.0.1:8501") as browser:
        answer = browser.get(
            "/",
            headers={
                **_navigating("localhost:8501"),
                "x-forwarded-host": "evil.example",
                "x-forwarded-proto": "https",
            },
        )

    assert answer.headers["location"] == "http://127.0.0.1:8501/"


@pytest.mark.parametrize("public", ["https://a.example", "https://a.example:443"])
def test_the_usual_port_may_be_written_or_left_out(public: str) -> None:
    assert Origin(public).path_of("https://a.example/model?name=x") == "/model?name=x"
    assert Origin(public).path_of("https://a.example:443/model") == "/model"
    assert Origin(public).path_of("http://a.example/model") is None
    assert Origin(public).path_of("https://a.example:444/model") is None


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "evil",
        "",
        "/\t/evil.example",
        "/\n/evil.example",
        "/api/v1/models",
        "/auth/logout",
        "/idp/end_session",
        "/oauth2callback?code=x",
        "/_stcore/health",
        "/modèle",
    ],
)
def test_no_other_place_counts_as_a_screen_to_come_back_to(path: str) -> None:
    assert not is_local_path(path)


def _navigating(host: str) -> dict[str, str]:
    return {"host": host, "sec-fetch-mode": "navigate"}
