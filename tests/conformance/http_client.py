"""httpx or httpx2: SDKs went from one to the other, each at a version of its own."""

import importlib
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

from packaging.requirements import Requirement


def http_of(*distributions: str) -> Any:
    """The client library under the first of these SDKs that is installed.

    Raises:
        ImportError: none of them is.
    """
    for distribution in distributions:
        try:
            wanted = [r for r in map(Requirement, requires(distribution) or ()) if "extra" not in str(r.marker)]
        except PackageNotFoundError:
            continue
        return importlib.import_module("httpx2" if any(r.name == "httpx2" for r in wanted) else "httpx")
    raise ImportError(f"none of {', '.join(distributions)} is installed", name=distributions[0])
