import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwire.judge import adapting, waiting


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cache of its own for every test, no key of the machine's, nothing learned from the test before."""
    monkeypatch.setenv("GROUNDWIRE_CACHE_DIR", str(tmp_path / "cache"))
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_BASE_URL")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(waiting, "_FIRST_S", 0.01)
    adapting._manners.clear()
    yield
    adapting._manners.clear()
