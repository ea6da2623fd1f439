"""Full collections cost 0.2 s with all SDKs imported: what they left is out of the collector's sight."""

import gc
from collections.abc import Iterator

import pytest

from groundwire.pricing import PRICES

_MANY = 20_000


@pytest.fixture(scope="session", autouse=True)
def _quick_collections() -> Iterator[None]:
    PRICES.load()
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _still_quick_collections(_quick_collections: None) -> None:
    if len(gc.get_objects()) > _MANY:  # an SDK imported more of itself
        gc.collect()
        gc.freeze()
