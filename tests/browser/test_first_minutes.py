"""What a stranger gets from one command: a door within minutes, and soon a bank behind it."""

from __future__ import annotations

import stat

from app.demo.loader import PASSWORDS
from app.demo.organisation import PEOPLE
from tests.browser.conftest import Demo
from tests.stack import DEMO_SECONDS, DOOR_SECONDS, environment_of


def test_the_sign_in_page_comes_within_five_minutes_and_the_demo_within_three_more(
    demo: Demo,
) -> None:
    assert demo.door_seconds <= DOOR_SECONDS
    assert demo.demo_seconds - demo.door_seconds <= DEMO_SECONDS


def test_the_demo_is_in_mlflow_itself(demo: Demo) -> None:
    client = demo.stack.mlflow
    assert len([one for one in client.search_registered_models() if _is_ours(one.tags)]) >= 8
    assert len([one for one in client.search_model_versions() if "author" in one.tags]) >= 25
    assert client.get_registered_model("credit-pd").aliases == {"champion": "4"}


def _is_ours(tags: dict[str, str]) -> bool:
    return tags.get("countersign.demo") == "true"


def test_the_passwords_are_told_to_the_operator_alone(demo: Demo) -> None:
    kept = demo.stack.folder / PASSWORDS
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert set(demo.stack.passwords) == {one.email for one in PEOPLE}
    assert not any(word in demo.stack.program.said for word in demo.stack.passwords.values())
    for one in PEOPLE:
        assert one.email in demo.stack.program.said


def test_neither_the_portal_nor_mlflow_is_given_mlflows_password(demo: Demo) -> None:
    seen = {"portal": False, "worker": False, "server": False}
    for number, command in demo.stack.processes().items():
        has = "hush-hush" in environment_of(number).values()
        if "countersign portal" in command:
            seen["portal"] |= True
            assert not has
        elif "mlflow" in command and "server" in command:
            seen["server"] |= True
            assert not has
        elif "countersign worker" in command:
            seen["worker"] |= has
    assert all(seen.values()), seen
