"""Makes sure of what pip cannot bring: a browser and PostgreSQL. Run before the suite."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests import postgres

_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A closed network may swallow a connection instead of refusing it.
_DOWNLOAD_SECONDS: Final = 600
_APT: Final = "apt-get"


def browser() -> Path | None:
    """The Chromium the suite drives: the machine's own, else the one Playwright brought."""
    for name in _BROWSERS:
        if found := shutil.which(name):
            return Path(found)
    chosen = os.environ.get("PLAYWRIGHT_BROWSERS_PATH", "")
    folder = Path(chosen) if chosen else Path.home() / ".cache" / "ms-playwright"
    brought = sorted(folder.glob("chromium-*/chrome-linux*/chrome"))
    return brought[-1] if brought else None


def main() -> int:
    """Install what is missing, or say how to. Returns the exit code."""
    is_root = os.geteuid() == 0
    if browser() is None:
        _try(
            [sys.executable, "-m", "playwright", "install"]
            + (["--with-deps"] if is_root else [])
            + ["chromium"]
        )
    if browser() is None and is_root:
        _install("chromium")
    if postgres.binaries() is None and is_root:
        _install("postgresql")
    remedies = []
    if browser() is None:
        remedies.append(
            "The suite needs a browser, and none was found or could be installed.\n"
            "  As root: apt-get install chromium. Or: .venv/bin/playwright install chromium"
        )
    if postgres.binaries() is None:
        remedies.append(
            "The suite needs PostgreSQL's server programs, and none were found.\n"
            "  As root: apt-get install postgresql"
        )
    for remedy in remedies:
        print(remedy, file=sys.stderr)
    return 2 if remedies else 0


def _install(package: str) -> None:
    _try([_APT, "update", "-qq"])
    _try([_APT, "install", "-y", "-qq", "--no-install-recommends", package])


def _try(command: list[str]) -> None:
    print("$ " + " ".join(command), flush=True)
    try:
        subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_DOWNLOAD_SECONDS,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"  {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
