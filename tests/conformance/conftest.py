"""Full collections cost 0.2 s with all SDKs imported: what they left is out of the collector's sight."""

import gc
from collections.abc import Iterator

import pytest

from groundwire.pricing import PRICES


@pytest.fixture(scope="session", autouse=True)
def _quick_collections() -> Iterator[None]:
    PRICES.load()
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
