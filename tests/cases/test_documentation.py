"""The Python of docs/datasets.md and docs/testing.md does what the pages say."""

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def examples(page: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_the_experiment_does_what_the_page_says() -> None:
    (example,) = examples("datasets.md")
    names: dict[str, Any] = {"__name__": "documentation"}
    exec(compile(example, "datasets.md", "exec", dont_inherit=True), names)
    assert len(names["result"]) == 2


def test_the_assertions_do_what_the_page_says() -> None:
    names: dict[str, Any] = {"__name__": "documentation"}
    for example in examples("testing.md"):
        exec(compile(example, "testing.md", "exec", dont_inherit=True), names)
    names["test_height"]()
    with pytest.raises(AssertionError) as caught:
        names["assert_faithful"](
            "The Eiffel Tower is 350 metres tall.", names["PASSAGES"], "How tall is the Eiffel Tower?"
        )
    said = (DOCS / "testing.md").read_text(encoding="utf-8").partition("AssertionError: ")[2]
    shown = re.sub(r"0\.\d\d", "0.00", said.partition("\n```")[0])
    assert re.sub(r"0\.\d\d", "0.00", str(caught.value)) == shown
