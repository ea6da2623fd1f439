"""Beside another instrumentor: a call is one span, whoever came first, and its answer is scored."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import groundwire
from groundwire.beside import Other, active, installed
from groundwire.cli import run
from groundwire.plugins import provider

OURS, THEIRS = "groundwire", "openinference.instrumentation.openai"
PASSAGE = "The Eiffel Tower is 330 metres tall."


def ask() -> None:
    message = {"role": "assistant", "content": "It is 350 metres tall."}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini"}
    body |= {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=body))
    with groundwire.retrieval("How tall is it?", name="kb") as r:
        r.documents = [PASSAGE]
    with httpx2.Client(transport=transport) as http:
        client = openai.OpenAI(api_key="sk", http_client=http)
        prompt = f"Context: {PASSAGE}\n\nQuestion: How tall is it?"
        client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": prompt}])


class Seen:
    """What came out of the application's provider."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def instrument(self, **settings: Any) -> None:
        settings = {"evaluators": ["faithfulness"], "providers": ["openai"]} | settings
        groundwire.instrument(tracer_provider=self.provider, **settings)

    def calls(self) -> list[str]:
        """Who made the spans of one asked question; there must be one score of it."""
        self.exporter.clear()
        groundwire.workflow(name="request")(ask)()
        groundwire.flush()
        spans = self.exporter.get_finished_spans()
        scores = [s for s in spans if s.name == "evaluate faithfulness"]
        assert [dict(s.attributes or {})["gen_ai.evaluation.score.label"] for s in scores] == ["unfaithful"]
        kinds = [(s, dict(s.attributes or {})) for s in spans]
        return [
            s.instrumentation_scope.name
            for s, a in kinds
            if s.instrumentation_scope and (a.get("gen_ai.operation.name") == "chat" or "llm.model_name" in a)
        ]


@pytest.fixture
def seen() -> Iterator[Seen]:
    yield Seen()
    groundwire.shutdown()
    if OpenAIInstrumentor().is_instrumented_by_opentelemetry:
        OpenAIInstrumentor().uninstrument()


def test_ours_stands_aside_for_one_that_came_first(seen: Seen) -> None:
    OpenAIInstrumentor().instrument(tracer_provider=seen.provider)
    seen.instrument()
    assert seen.calls() == [THEIRS]


def test_ours_stands_aside_for_one_that_comes_after(seen: Seen) -> None:
    seen.instrument()
    assert seen.calls() == [OURS]
    OpenAIInstrumentor().instrument(tracer_provider=seen.provider)
    assert seen.calls() == [THEIRS]


def test_ours_comes_back_when_the_other_goes(seen: Seen, caplog: pytest.LogCaptureFixture) -> None:
    seen.instrument()
    with caplog.at_level(logging.INFO, "groundwire.instrument"):
        for _ in range(2):
            OpenAIInstrumentor().instrument(tracer_provider=seen.provider)
            assert seen.calls() == [THEIRS]
            OpenAIInstrumentor().uninstrument()
            assert seen.calls() == [OURS]
    assert caplog.messages == ["openai is traced by OpenAIInstrumentor of " + THEIRS + ": ours stands aside"] * 2


def test_after_uninstrument_the_other_is_left_alone(seen: Seen) -> None:
    seen.instrument()
    OpenAIInstrumentor().instrument(tracer_provider=seen.provider)
    groundwire.uninstrument()
    OpenAIInstrumentor().uninstrument()
    ask()
    assert seen.exporter.get_finished_spans() == ()


def test_a_file_of_calls_has_the_other_s_in_place_of_ours(seen: Seen, tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    OpenAIInstrumentor().instrument(tracer_provider=seen.provider)
    seen.instrument(export=str(path))
    with seen.provider.get_tracer("the application").start_as_current_span("GET /"):
        ask()
    groundwire.shutdown()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    spans = [s for line in lines for r in line["resourceSpans"] for scope in r["scopeSpans"] for s in scope["spans"]]
    assert {s["name"] for s in spans} == {"retrieval kb", "ChatCompletion", "evaluate faithfulness"}
    (answer,) = [s for s in spans if s["name"] == "ChatCompletion"]
    assert "gen_ai.evaluation.faithfulness.score.label" in {a["key"] for a in answer["attributes"]}


def test_one_that_breaks_while_it_starts_changes_nothing(seen: Seen) -> None:
    seen.instrument()

    class Broken(Instruments):
        libraries = ("openai >= 1",)

        def _instrument(self, **kwargs: Any) -> None:
            raise LookupError("theirs")

    with pytest.raises(LookupError, match="theirs"):
        Broken().instrument(skip_dep_check=True)
    assert seen.calls() == [OURS]


# --- which of them count --------------------------------------------------------------------------------------------


class Instruments(BaseInstrumentor):
    libraries: tuple[str, ...] = ()

    def instrumentation_dependencies(self) -> tuple[str, ...]:
        return self.libraries

    def _instrument(self, **kwargs: Any) -> None: ...

    def _uninstrument(self, **kwargs: Any) -> None: ...


def started(libraries: tuple[str, ...], module: str = "theirs.instrumentation") -> BaseInstrumentor:
    kind = type("Theirs", (Instruments,), {"libraries": libraries, "__module__": module})
    instrumentor: BaseInstrumentor = kind()
    instrumentor.instrument(skip_dep_check=True)
    return instrumentor


@pytest.mark.parametrize(
    ("libraries", "name"),
    [
        (("openai>=1,<4",), "openai"),
        (("Qdrant.Client >= 1.7",), "qdrant"),
        (("botocore ~= 1.0",), "bedrock"),
        (("httpx", "chromadb[all]"), "chroma"),
    ],
)
def test_a_library_is_told_by_its_distribution_or_module(libraries: tuple[str, ...], name: str) -> None:
    theirs = started(libraries)
    try:
        assert any(other.traces(provider(name)) for other in active())
        assert not any(other.traces(provider("voyageai")) for other in active())
    finally:
        theirs.uninstrument()
    assert not any(other.traces(provider(name)) for other in active())


def test_instrumentors_of_statements_stay_beside_ours() -> None:
    # They make a span of an Elasticsearch request, without what was found.
    theirs = started(("elasticsearch >= 6.0",), "opentelemetry.instrumentation.elasticsearch")
    try:
        assert not any(other.traces(provider("elasticsearch")) for other in active())
    finally:
        theirs.uninstrument()


def test_one_that_cannot_say_what_it_is_for_harms_nobody(seen: Seen) -> None:
    class Unsure(Instruments):
        def instrumentation_dependencies(self) -> tuple[str, ...]:
            raise LookupError

    Unsure().instrument(skip_dep_check=True)
    try:
        seen.instrument()
        assert seen.calls() == [OURS]
    finally:
        Unsure().uninstrument()


# --- doctor ---------------------------------------------------------------------------------------------------------


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    run(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert not [problem for problem in found["problems"] if "openinference" in problem]
    (library,) = [each for each in found["libraries"] if each["name"] == "openai"]
    return dict(library)


def test_the_doctor_says_who_is_installed_and_who_traces(seen: Seen, capsys: pytest.CaptureFixture[str]) -> None:
    library = told(capsys)
    assert library["aside_for"] is None
    assert library["others"][0].startswith("openinference-instrumentation-openai ")
    OpenAIInstrumentor().instrument(tracer_provider=seen.provider)
    assert told(capsys)["aside_for"] == f"OpenAIInstrumentor of {THEIRS}"
    run(["doctor"])
    assert f"not by us: OpenAIInstrumentor of {THEIRS} traces it, and its answers are scored" in capsys.readouterr().out


def test_installed_ones_are_told_without_importing_them() -> None:
    (theirs,) = [other for other in installed() if other.module == THEIRS]
    assert theirs == Other(theirs.name, THEIRS, frozenset({"openai"}))


@pytest.mark.parametrize("library", ["langchain", "langchain-core"])
def test_an_instrumentor_may_name_the_library_or_the_package_that_it_comes_in(library: str) -> None:
    other = Other("theirs", "theirs", frozenset({library}))
    assert other.traces(provider("langchain"))
    assert not other.traces(provider("langgraph"))
