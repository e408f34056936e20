"""What a version was saved with: Python and packages, from the small files MLflow writes for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# In the order they are believed: what stands in the first is not looked up in the next.
FILES: Final = ("requirements.txt", "python_env.yaml", "conda.yaml", "MLmodel")
LARGEST_BYTES: Final = 256 * 1024
_MOST_LINES: Final = 1_000
_LONGEST: Final = 120
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*(.*)")
# None of these looks beyond its line: a file of empty lines would be read once for each of them.
_PYTHON: Final = re.compile(
    r"""^[ \t]*(?:-[ \t]*)?python[ \t]*(?::|={1,2})[ \t]*['"]?([\d.]+)""", re.MULTILINE
)
_MLFLOW: Final = re.compile(r"""^mlflow_version:[ \t]*['"]?([\w.+-]+)""", re.MULTILINE)
_CONDA: Final = re.compile(r"^[ \t]+-[ \t]+(?!pip[ \t]*:)(\S.*)$", re.MULTILINE)


def environment(files: Mapping[str, str]) -> dict[str, str]:
    """Packages and their versions by name, from whichever of the files were there."""
    found: dict[str, str] = {}
    listed = files.get("requirements.txt")
    if listed is None:
        listed = "\n".join(_CONDA.findall(files.get("conda.yaml", "")))
    for line in listed.splitlines()[:_MOST_LINES]:
        name, version = _package(line)
        if name and name != "python":
            found.setdefault(name, version)
    for file in ("python_env.yaml", "conda.yaml"):
        python = _PYTHON.search(files.get(file, ""))
        if python and "python" not in found:
            found["python"] = python.group(1)
    mlflow = _MLFLOW.search(files.get("MLmodel", ""))
    if mlflow:
        found.setdefault("mlflow", f"=={mlflow.group(1)}")
    return found


def _package(line: str) -> tuple[str, str]:
    """One line of requirements as name and version; options and comments are none."""
    plain = line.partition(" #")[0].strip()
    if plain[:1] in {"'", '"'} and plain[:1] == plain[-1:]:
        plain = plain[1:-1].strip()
    if not plain or plain.startswith(("#", "-")):
        return "", ""
    if "://" in plain.partition(";")[0] or "@" in plain:
        # An address may hold a password, and is no version.
        name = plain.partition("@")[0].strip() if " @" in plain else "one more"
        return _name(name), "from an address"
    told = _REQUIREMENT.fullmatch(plain)
    if told is None:
        return "", ""
    version = " ".join(told.group(3).split()) or "any version"
    return _name(told.group(1)), _printable(f"{told.group(2) or ''}{version}".replace("= =", "=="))


def _name(name: str) -> str:
    """As packages are compared: small letters, one kind of hyphen (PEP 503)."""
    return _printable(re.sub(r"[-_.]+", "-", name).lower())


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text[:_LONGEST])
