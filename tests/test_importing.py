"""A library that another thread of the application is importing while it is instrumented."""

import importlib
import sys
import threading
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from conformance.harness import traced
from groundwire import Document, Operation, Provider, Request, Response

SCROLLS = Provider(
    name="scrolls",
    module="scrolls",
    distribution="scrolls",
    operations=(
        Operation(
            "retrieval",
            ("scrolls.shelf:find",),
            lambda _, arguments: Request(query=arguments["query"]),
            lambda found: Response(documents=[Document(text) for text in found]),
        ),
    ),
)


def test_its_import_goes_on_as_without_us_and_its_calls_are_traced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "scrolls"
    package.mkdir()
    (package / "__init__.py").write_text("import scrolls.desk\n")
    (package / "desk.py").write_text("import time\ntime.sleep(0.3)\nfrom scrolls.shelf import find\n")
    (package / "shelf.py").write_text("import scrolls.desk\n\ndef find(query):\n    return [query]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    failed: list[BaseException] = []

    def importing() -> None:
        try:
            importlib.import_module("scrolls")
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=importing)
    try:
        thread.start()
        while "scrolls.desk" not in sys.modules:
            sleep(0.001)
        with traced(SCROLLS) as tracing:
            thread.join()
            assert failed == []
            library: Any = sys.modules["scrolls.shelf"]
            until = monotonic() + 5
            while not tracing.spans and monotonic() < until:
                library.find("tower")
                sleep(0.005)
            assert tracing.spans[0].name == "retrieval"
    finally:
        for name in ("scrolls", "scrolls.desk", "scrolls.shelf"):
            sys.modules.pop(name, None)
