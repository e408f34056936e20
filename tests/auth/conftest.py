"""The cast, for the tests of this folder."""

from __future__ import annotations

from tests.cast import (
    _postgres_cast as _postgres_cast,
)
from tests.cast import (
    _sqlite_cast as _sqlite_cast,
)
from tests.cast import (
    house as house,
)
from tests.cast import (
    peopled_url as peopled_url,
)
from tests.cast import (
    small_house as small_house,
)
