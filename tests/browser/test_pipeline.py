"""A pipeline meets the whole portal: the port at which people sign in is the one it calls."""

from __future__ import annotations

import json
import subprocess
import sys

from app.demo.organisation import ALICE
from app.settings import ROOT
from tests.browser.conftest import Demo
from tests.stack import plain_environment


def test_a_pipeline_asks_the_gates_at_the_address_at_which_people_sign_in(demo: Demo) -> None:
    asked = subprocess.run(
        [
            *(sys.executable, "-m", "countersign", "gate", "models:/credit-pd/1"),
            *("--alias", "champion", "--format", "json"),
        ],
        cwd=ROOT,
        env=plain_environment()
        | {"COUNTERSIGN_URL": demo.stack.url, "COUNTERSIGN_TOKEN": demo.stack.token(ALICE.email)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    told = json.loads(asked.stdout)
    assert (told["model"], told["version"]) == ("credit-pd", 1)
    assert asked.returncode == (0 if told["passes"] else 1)
    assert asked.stderr == ""
