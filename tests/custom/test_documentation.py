"""The examples of docs/evaluators.md, executed in their order, as a reader would type them."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import groundwire

PAGE = Path(__file__).parents[2] / "docs" / "evaluators.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
PLAIN = [example for example in EXAMPLES if "groundwire_evaluators.adapters" not in example]
ADAPTERS = {
    re.search(r"adapters\.(\w+)", example)[1]: example  # type: ignore[index]
    for example in EXAMPLES
    if "groundwire_evaluators.adapters" in example
}
LIBRARIES = {"lettucedetect": "lettucedetect", "nli": "transformers", "ragas": "ragas", "deepeval": "deepeval"}


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.chdir(tmp_path)  # deepeval leaves a folder where it runs


def test_the_page_has_examples() -> None:
    assert len(PLAIN) >= 5
    assert set(ADAPTERS) == set(LIBRARIES)


def test_every_example_does_what_the_page_says() -> None:
    names: dict[str, Any] = {"__name__": "documentation"}
    for example in PLAIN:
        exec(compile(example, str(PAGE), "exec", dont_inherit=True), names)
    assert {"brief", "judged_tone", "Brevity", "Batched"} <= set(names)


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("adapter", LIBRARIES)
def test_an_adapter_is_made_as_the_page_says_or_says_what_is_missing(adapter: str) -> None:
    code = compile(ADAPTERS[adapter], str(PAGE), "exec", dont_inherit=True)
    names: dict[str, Any] = {"__name__": "documentation"}
    library = LIBRARIES[adapter]
    if find_spec(library) is not None:
        exec(code, names)
        made = [value for value in names.values() if isinstance(value, groundwire.Evaluator) and value.name]
        assert any(type(value).__module__.endswith(f"adapters.{adapter}") for value in made)
    elif library in ("ragas", "deepeval"):
        with pytest.raises(ModuleNotFoundError, match=library):  # the metric is made by its own library
            exec(code, names)
    else:
        with pytest.raises(groundwire.MissingLibrary, match=f"pip install {library}"):
            exec(code, names)
