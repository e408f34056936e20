"""The cast, for the tests of this folder."""

from __future__ import annotations

from tests.cast import _postgres_cast, _sqlite_cast, house, peopled_url, small_house

__all__ = ["_postgres_cast", "_sqlite_cast", "house", "peopled_url", "small_house"]
