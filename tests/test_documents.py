"""What the documents claim is there, and nothing in the tree names a machine or a registry."""

from __future__ import annotations

import importlib
import re
import subprocess
from pathlib import Path

import pytest

from app.screens import PAGES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LAWS = re.findall(
    r"^\| (Who|When|How|What|Which)([^|]*)\? \| `([^`]+)` \| `([^`]+)` \|$", README, re.MULTILINE
)
LINKS = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def tracked() -> list[Path]:
    command = ["git", "ls-files"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_the_readme_names_twelve_laws() -> None:
    assert len(LAWS) == 12


@pytest.mark.parametrize(("place", "proof"), [(law[2], law[3]) for law in LAWS])
def test_a_law_of_the_readme_is_where_it_says(place: str, proof: str) -> None:
    file, _, name = place.partition(":")
    found: object = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    for part in name.split("."):
        found = getattr(found, part)
    assert callable(found)
    assert (ROOT / proof).is_file()


def test_every_link_between_documents_leads_somewhere() -> None:
    documents = [path for path in tracked() if path.suffix == ".md"]
    broken = [
        f"{path.relative_to(ROOT)} -> {link}"
        for path in documents
        for link in LINKS.findall(path.read_text(encoding="utf-8"))
        if not (path.parent / link).exists()
    ]
    assert broken == []


def test_every_screen_of_the_table_has_its_page() -> None:
    assert {Path(screen.path).name for screen in PAGES} == {
        path.name for path in (ROOT / "pages").glob("*.py")
    }


def test_no_file_names_a_package_registry() -> None:
    address = re.compile(
        r"https?://[^\s\"')]*/simple|--(extra-)?index-url|files\.pythonhosted|pypi\.org/packages"
    )
    carrying = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.suffix in {".lock", ".toml", ".txt", ".json", ".cfg", ".yaml", ".yml", ".sh", ""}
        and address.search(path.read_text(encoding="utf-8", errors="ignore"))
    ]
    assert carrying == []


def test_every_decision_record_has_its_headings() -> None:
    for path in (ROOT / "docs" / "decisions").glob("*.md"):
        words = path.read_text(encoding="utf-8")
        for heading in ("Context", "Decision", "Kept by"):
            assert f"**{heading}.**" in words, f"{path.name} lacks {heading}"
