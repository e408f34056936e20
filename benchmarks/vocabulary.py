"""Words for invented models: those of the documentation that is installed beside Countersign.

Nothing of it is kept in this repository; the same lock file gives the same words.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Final

PACKAGES: Final = ("numpy", "scipy", "pandas", "sklearn")
MOST_WORDS: Final = 24_000
_TOLD: Final = re.compile(r'"""(.*?)"""|#([^\n]*)', re.DOTALL)
_WORD: Final = re.compile(r"[a-z]{3,16}")


@cache
def vocabulary() -> tuple[str, ...]:
    """Words of docstrings and comments, the most common first."""
    counted: Counter[str] = Counter()
    for root in (Path(os.__file__).parent, *map(_root, PACKAGES)):
        for path in sorted(root.rglob("*.py")):
            if "site-packages" in path.relative_to(root).parts:
                continue
            for quoted, remark in _TOLD.findall(path.read_text("utf-8", errors="ignore")):
                counted.update(_WORD.findall((quoted + remark).lower()))
    ranked = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    return tuple(word for word, times in ranked[:MOST_WORDS] if times > 1)


def _root(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        msg = f"{package} is not installed"
        raise RuntimeError(msg)
    return Path(found.origin).parent
