"""The one line: what it sets up, what it leaves alone, and what it refuses."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import groundwire
from groundwire.errors import ConfigurationError, UnknownPlugin
from groundwire.model import RagChain, Score
from groundwire.settings import capture_of, read_environment

APP = """
import json, sys
import groundwire

class Judge:
    name, version = "faithfulness", "1"
    def evaluate(self, chain):
        return groundwire.Score(0.25, "unfaithful", 'not supported: "' + chain.answer + '"')

@groundwire.retriever
def kb(query):
    return ["The Eiffel Tower is 330 metres tall."]

def chat(prompt):
    import openai, httpx2
    message = {"role": "assistant", "content": "It is 350 metres tall."}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=body))
    client = openai.OpenAI(api_key="sk-secret", http_client=httpx2.Client(transport=transport))
    return client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": prompt}])

def rag():
    question = "How tall is the Eiffel Tower?"
    return chat(f"Context: {kb(question)[0]}\\n\\nQuestion: {question}").choices[0].message.content
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a small application in a process of its own: the global provider can be set only once."""
    import os

    clean = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", APP + code],
        capture_output=True,
        text=True,
        env={**clean, **environment},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def spans_in(path: Path) -> list[dict[str, Any]]:
    return [
        {**span, "attributes": {a["key"]: next(iter(a["value"].values())) for a in span.get("attributes", ())}}
        for line in path.read_text().splitlines()
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    groundwire.shutdown()


# --- a process without a provider -----------------------------------------------------------------------------------


def test_a_first_script_gets_its_verdict_in_its_own_terminal() -> None:
    done = run("groundwire.instrument()\nprint(rag())")
    assert done.stdout == "It is 350 metres tall.\n"
    assert "unfaithful" in done.stderr or "faithfulness" in done.stderr
    assert "350" in done.stderr


def test_traces_in_a_file_are_complete_and_linked(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    run(f"groundwire.instrument(export={str(path)!r}, evaluators=[Judge()], service_name='shop')\nrag()")
    spans = {span["name"]: span for span in spans_in(path)}
    assert set(spans) == {"retrieval kb", "chat gpt-4o-mini", "evaluate faithfulness"}
    chat = spans["chat gpt-4o-mini"]
    assert chat["attributes"]["gen_ai.evaluation.faithfulness.score.label"] == "unfaithful"
    assert chat["links"][0]["traceId"] == spans["retrieval kb"]["traceId"]
    assert "sk-secret" not in path.read_text()
    assert '"shop"' in path.read_text()


def test_scored_content_never_leaves_the_process(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    run(
        f"groundwire.instrument(export={str(path)!r}, evaluators=[Judge()])\nrag()",
        OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="NO_CONTENT",
    )
    text = path.read_text()
    assert "metres" not in text  # digits would be found in ids and times
    assert "Tower" not in text
    chat = next(span for span in spans_in(path) if span["name"].startswith("chat"))
    assert chat["attributes"]["gen_ai.evaluation.faithfulness.score.value"] == 0.25


def test_capture_off_looks_at_no_content(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    run(f"groundwire.instrument(export={str(path)!r}, capture='off')\nrag()")
    assert "Tower" not in path.read_text()
    assert "evaluation" not in path.read_text()
    assert "gen_ai.usage.input_tokens" in path.read_text()


def test_instrument_again_replaces_the_settings(tmp_path: Path) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    run(
        f"groundwire.instrument(export={str(first)!r}, evaluators=[])\nrag()\n"
        f"groundwire.instrument(export={str(second)!r}, evaluators=[])\nrag()\n"
        "groundwire.shutdown()\nrag()\ngroundwire.shutdown()"
    )
    assert len(spans_in(first)) == len(spans_in(second)) == 2


def test_spans_of_the_application_join_when_it_has_no_provider(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    run(
        f"groundwire.instrument(export={str(path)!r}, evaluators=[])\n"
        "from opentelemetry import trace\n"
        "with trace.get_tracer('app').start_as_current_span('request'): rag()"
    )
    spans = {span["name"]: span for span in spans_in(path)}
    assert spans["chat gpt-4o-mini"]["parentSpanId"] == spans["request"]["spanId"]
    assert spans["request"]["attributes"]["groundwire.request.tokens"] == "15"


def test_nothing_connects_before_the_first_span() -> None:
    run(
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse; socket.create_connection = refuse\n"
        "groundwire.instrument(export=['otlp', 'grpc://127.0.0.1:9', 'http://127.0.0.1:9'])\n"
        "import os; os._exit(0)"
    )


def test_an_unreachable_endpoint_costs_the_application_nothing() -> None:
    done = run(
        "import time, logging\nlogging.disable(logging.CRITICAL)\n"
        "groundwire.instrument(export='http://127.0.0.1:9', evaluators=[])\n"
        "t = time.perf_counter(); print(rag()); groundwire.flush(0.5); print('done')\nimport os; os._exit(0)"
    )
    assert done.stdout.splitlines()[0] == "It is 350 metres tall."


# --- an application with a provider of its own ----------------------------------------------------------------------


class Judge:
    name, version = "faithfulness", "1"

    def evaluate(self, chain: RagChain) -> Score:
        return Score(0.25, "unfaithful", "because")


@pytest.fixture
def own() -> tuple[TracerProvider, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def ask() -> None:
    with groundwire.retrieval("How tall is it?", name="kb") as r:
        r.documents = ["The Eiffel Tower is 330 metres tall."]
    _chat("Context: The Eiffel Tower is 330 metres tall.\n\nQuestion: How tall is it?")


def _chat(prompt: str) -> None:
    import httpx2
    import openai

    message = {"role": "assistant", "content": "It is 350 metres tall."}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini"}
    body |= {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=body))
    with httpx2.Client(transport=transport) as http:
        client = openai.OpenAI(api_key="sk", http_client=http)
        client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": prompt}])


def test_an_existing_provider_gets_scores_as_evaluate_spans(own: Any) -> None:
    provider, exporter = own
    groundwire.instrument(tracer_provider=provider, evaluators=[Judge()], providers=["openai"])
    ask()
    groundwire.flush()
    spans = {span.name: span for span in exporter.get_finished_spans()}
    child, answer = spans["evaluate faithfulness"], spans["chat gpt-4o-mini"]
    assert child.parent.span_id == answer.context.span_id
    assert child.attributes["gen_ai.evaluation.score.value"] == 0.25
    assert "gen_ai.evaluation.faithfulness.score.value" not in answer.attributes


def test_scoring_again_gives_the_evaluate_span_the_same_id(own: Any) -> None:
    from groundwire.records import from_readable
    from groundwire.scoring import evaluation_span_id

    provider, exporter = own
    groundwire.instrument(tracer_provider=provider, evaluators=[Judge()], providers=["openai"])
    ask()
    groundwire.flush()
    spans = {span.name: from_readable(span) for span in exporter.get_finished_spans()}
    answer = spans["chat gpt-4o-mini"]
    expected = evaluation_span_id(answer.trace_id, answer.span_id, "faithfulness", "1")
    assert spans["evaluate faithfulness"].span_id == expected


def test_a_processor_placed_by_hand_does_the_scoring() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(groundwire.ScoringSpanProcessor(SimpleSpanProcessor(exporter)))
    groundwire.instrument(tracer_provider=provider, providers=["openai"])
    ask()
    provider.force_flush()
    answers = [s for s in exporter.get_finished_spans() if s.name.startswith("chat")]
    assert answers[0].attributes["gen_ai.evaluation.faithfulness.score.label"] == "unfaithful"
    names = [s.name for s in exporter.get_finished_spans()]
    assert names.count("evaluate faithfulness") == 1
    provider.shutdown()


def test_an_explicit_export_beside_an_existing_provider_takes_only_our_spans(own: Any, tmp_path: Path) -> None:
    provider, exporter = own
    path = tmp_path / "traces.jsonl"
    groundwire.instrument(tracer_provider=provider, export=str(path), evaluators=[Judge()], providers=["openai"])
    with provider.get_tracer("the application").start_as_current_span("GET /"):
        ask()
    groundwire.flush()
    assert {s["name"] for s in spans_in(path)} == {"retrieval kb", "chat gpt-4o-mini", "evaluate faithfulness"}
    assert "GET /" in [s.name for s in exporter.get_finished_spans()]


# --- mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"evaluators": ["faithfullness"]}, "unknown evaluator 'faithfullness'; installed: .*faithfulness"),
        ({"evaluators": [object()]}, "is no evaluator"),
        ({"evaluators": ["faithfulness", "faithfulness"]}, "two evaluators have the same name"),
        ({"providers": ["opena1"]}, "unknown provider 'opena1'; installed: .*openai"),
        ({"exclude": ["nope"]}, "unknown provider 'nope'"),
        ({"export": "jaeger"}, "cannot export to 'jaeger'; use 'console', 'otlp'"),
        ({"export": "http://"}, "no host in 'http://'"),
        ({"export": "http://[::1"}, "no host in"),
        ({"export": "/no/such/folder/t.jsonl"}, "cannot write traces to /no/such/folder/t.jsonl: No such file"),
        ({"sample": 2}, "between 0 and 1"),
        ({"capture": "some"}, "must be 'full', 'scored' or 'off'"),
    ],
)
def test_mistakes_raise_at_once_and_say_what_would_do(settings: dict[str, Any], message: str) -> None:
    settings.setdefault("export", "console")
    with pytest.raises(ConfigurationError, match=message):
        groundwire.instrument(**settings)


def test_unknown_names_are_of_one_kind_of_error() -> None:
    with pytest.raises(UnknownPlugin):
        groundwire.evaluate(answer="x", evaluators=["nope"])


# --- the environment ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "mode"),
    [
        ("", None),
        ("NO_CONTENT", "scored"),
        ("no_content", "scored"),
        ("SPAN_ONLY", "full"),
        ("span_and_event", "full"),
        ("EVENT_ONLY", "scored"),
        ("true", "full"),
        ("false", "scored"),
        ("nonsense", None),
    ],
)
def test_the_capture_variable_is_read(value: str, mode: str | None) -> None:
    assert read_environment({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": value}).capture == mode


def test_the_stricter_of_code_and_environment_holds() -> None:
    strict = read_environment({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "NO_CONTENT"})
    assert capture_of("full", strict) == "scored"
    assert capture_of("off", strict) == "off"
    assert capture_of(None, read_environment({})) == "full"


# --- without tracing ------------------------------------------------------------------------------------------------


def test_evaluate_needs_no_tracing() -> None:
    scores = groundwire.evaluate(
        question="How tall is the Eiffel Tower?",
        passages=["The Eiffel Tower is 330 metres tall.", {"text": "It was completed in 1889.", "id": "d2"}],
        answer="The Eiffel Tower is 350 metres tall.",
    )
    assert set(scores) == {"faithfulness", "context_relevance", "answer_relevance"}
    judged = scores["faithfulness"]
    assert isinstance(judged, groundwire.Score)
    assert judged.label == "unfaithful"
    assert "350" in judged.explanation


def test_evaluate_without_passages_is_skipped_with_its_reason() -> None:
    judged = groundwire.evaluate(answer="The tower is tall.", evaluators=["faithfulness"])["faithfulness"]
    assert judged == groundwire.Skipped("no_passages", judged.detail if isinstance(judged, groundwire.Skipped) else "")


def test_a_fork_while_prices_load_leaves_the_child_working(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    run(
        f"groundwire.instrument(export={str(path)!r}, evaluators=[])\n"
        "import os, signal, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    signal.alarm(20)\n"
        "    rag(); groundwire.flush(); os._exit(0)\n"
        "_, status = os.waitpid(child, 0)\n"
        "assert status == 0, status\n"
        "rag()"
    )
    chats = [span for span in spans_in(path) if span["name"].startswith("chat")]
    assert len(chats) == 2
    assert all("gen_ai.usage.cost" in chat["attributes"] for chat in chats)


# --- a script without a root span -----------------------------------------------------------------------------------


def _links(own: Any) -> list[str]:
    """Names of the spans that the last answer is linked to."""
    _, exporter = own
    spans = list(exporter.get_finished_spans())
    names = {span.context.span_id: span.name for span in spans}
    answer = [span for span in spans if span.name.startswith("chat")][-1]
    return sorted(names[link.context.span_id] for link in answer.links)


def test_retrievals_gathered_in_tasks_are_linked_and_earlier_ones_are_not(own: Any) -> None:
    import asyncio

    provider, _ = own
    groundwire.instrument(tracer_provider=provider, evaluators=[], providers=["openai"])
    tower = "The Eiffel Tower is 330 metres tall."

    @groundwire.workflow
    def request() -> None:
        with groundwire.retrieval("q", name="inside a request") as r:
            r.documents = [tower]

    async def find(name: str) -> None:
        async with groundwire.retrieval("q", name=name) as r:
            r.documents = [f"About the {name}: {tower}"]

    async def gathered() -> None:
        await asyncio.gather(find("height"), find("builder"))
        _chat(f"Context:\nAbout the height: {tower}\n\nAbout the builder: {tower}\n\nQuestion: How tall?")

    request()
    asyncio.run(gathered())
    assert _links(own) == ["retrieval builder", "retrieval height"]


def test_of_two_retrievals_of_the_same_passage_the_latest_is_linked(own: Any) -> None:
    provider, _ = own
    groundwire.instrument(tracer_provider=provider, evaluators=[], providers=["openai"])
    for name in ("first", "second"):
        with groundwire.retrieval("q", name=name) as r:
            r.documents = ["The Eiffel Tower is 330 metres tall."]
    _chat("Context: The Eiffel Tower is 330 metres tall.\n\nQuestion: How tall is it?")
    assert _links(own) == ["retrieval second"]


def test_an_answer_inside_a_request_is_linked_to_nothing(own: Any) -> None:
    provider, _ = own
    groundwire.instrument(tracer_provider=provider, evaluators=[], providers=["openai"])
    ask()
    groundwire.workflow(ask)()
    assert _links(own) == []


def test_a_service_that_is_named_anew_is_so_named_however_often() -> None:
    code = """
import groundwire
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

def named(name):
    exporter = InMemorySpanExporter()
    groundwire.instrument(export=exporter, evaluators=[], providers=[], service_name=name)
    groundwire.workflow(lambda: None)()
    groundwire.flush()
    return [span.resource.attributes["service.name"] for span in exporter.get_finished_spans()]

assert [named(name) for name in ("a", "b", "c", "a")] == [["a"], ["b"], ["c"], ["a"]]
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
