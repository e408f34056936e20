"""The house stands as it was drawn: every room has its place, and reading stays light."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from app.migrate import TABLES
from app.settings import ROOT

CONFIGURED = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
# Rooms that stand outside: nobody in the house imports them.
OUTSIDE = {"benchmarks", "migrations", "tests"}


def test_every_package_of_the_root_has_its_place_in_the_drawing() -> None:
    # Streamlit runs pages as scripts: their folder is a room without being a package.
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {"pages"}
    drawing = CONFIGURED["importlinter"]
    layers = drawing["contracts"][0]["layers"]
    assert packages - OUTSIDE == set(drawing["root_packages"]) == set(layers)


def test_every_module_of_columns_is_known_to_the_migrations() -> None:
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for room in ("ledger", "auth", "catalog")
        for path in (ROOT / room).rglob("tables.py")
    }
    assert modules == set(TABLES)


def test_putting_the_portal_together_loads_neither_mlflow_nor_shap() -> None:
    program = (
        "import sys, app.portal, app.session, app.screens, app.api; "
        "print([name for name in ('mlflow', 'shap', 'sklearn') if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "path",
    ["Makefile", ".ci/run", "pyproject.toml", "requirements/run.lock", "requirements/dev.lock"],
)
def test_what_installs_countersign_names_no_registry(path: str) -> None:
    assert "://" not in (ROOT / path).read_text()


def test_make_says_what_it_can_do() -> None:
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("run", "test", "check", "bench", "lock", "help", "format"):
        assert f"make {target} " in said


def test_a_machine_without_python_is_told_what_to_install(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("make", "sh"):
        (tools / name).symlink_to(Path("/usr/bin") / name)
    said = subprocess.run(
        ["make", f"VENV={tmp_path / 'venv'}", str(tmp_path / "venv" / ".made")],
        cwd=ROOT,
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2
    assert "No Python 3.11 or newer with venv was found." in said.stderr
