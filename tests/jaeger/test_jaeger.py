"""Traces and scores in a real Jaeger: sent over OTLP, found and read through its query API, scored there again."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

pytestmark = pytest.mark.jaeger

LABEL = "gen_ai.evaluation.faithfulness.score.label"
VALUE = "gen_ai.evaluation.faithfulness.score.value"
SERVICE = "groundwire-demo"


def groundwire(*arguments: str) -> str:
    """The command line, in a process of its own."""
    command = [sys.executable, "-c", "from groundwire.cli import main; main()", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, env=os.environ | {"NO_COLOR": "1"})
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def demo(jaeger: Any, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the demo says of its answers, whose traces went to Jaeger over HTTP."""
    out = tmp_path_factory.mktemp("demo") / "traces.jsonl"
    printed = groundwire("demo", "--endpoint", jaeger.otlp_http, "--n", "12", "--json", "--out", str(out))
    answers: list[dict[str, Any]] = json.loads(printed)["answers"]
    return answers


def test_every_answer_is_found_by_its_service(jaeger: Any, demo: list[dict[str, Any]]) -> None:
    assert SERVICE in jaeger.services()
    found = {trace["traceID"] for trace in jaeger.traces(SERVICE)}
    assert {answer["trace_id"] for answer in demo} <= found
    assert len({answer["trace_id"] for answer in demo}) == 12


def test_answers_are_found_by_the_label_of_their_score(jaeger: Any, demo: list[dict[str, Any]]) -> None:
    labels = {answer["label"] for answer in demo}
    assert {"faithful", "unfaithful"} <= labels
    for label in labels:
        found = {trace["traceID"] for trace in jaeger.traces(SERVICE, {LABEL: label})}
        assert found == {answer["trace_id"] for answer in demo if answer["label"] == label}
    assert not jaeger.traces(SERVICE, {LABEL: "no such label"})


def test_answer_spans_have_what_the_genai_view_reads(jaeger: Any, demo: list[dict[str, Any]]) -> None:
    for answer in demo:
        (chat,) = spans_of(jaeger.trace(answer["trace_id"]), "chat")
        tags = tags_of(chat)
        assert tags["gen_ai.provider.name"]
        assert tags["gen_ai.request.model"] == "recorded"
        assert tags["gen_ai.response.model"] == answer["model"]
        assert tags["gen_ai.usage.input_tokens"] > 0
        assert tags["gen_ai.usage.output_tokens"] > 0
        (asked,) = messages(tags["gen_ai.input.messages"])
        assert asked["role"] == "user"
        assert answer["question"] in asked["parts"][0]["content"]
        (said,) = messages(tags["gen_ai.output.messages"])
        assert said["role"] == "assistant"
        assert said["parts"] == [{"type": "text", "content": answer["answer"]}]
        assert tags[VALUE] == pytest.approx(answer["faithfulness"])
        assert {tag["type"] for tag in chat["tags"] if tag["key"] == VALUE} == {"float64"}


def test_retrieval_spans_have_the_passages(jaeger: Any, demo: list[dict[str, Any]]) -> None:
    for answer in demo:
        (retrieval,) = spans_of(jaeger.trace(answer["trace_id"]), "retrieval")
        tags = tags_of(retrieval)
        assert tags["gen_ai.provider.name"] == "qdrant"
        assert tags["gen_ai.data_source.id"] == "passages"
        assert tags["gen_ai.retrieval.top_k"] == 3
        documents = json.loads(tags["gen_ai.retrieval.documents"])
        assert len(documents) == 3
        assert all(document["content"] and isinstance(document["score"], float) for document in documents)


def test_a_trace_is_one_tree_with_its_scores_in_it(jaeger: Any, demo: list[dict[str, Any]]) -> None:
    for answer in demo:
        spans = jaeger.trace(answer["trace_id"])
        (root,) = spans_of(spans, "invoke_workflow")
        (chat,) = spans_of(spans, "chat")
        assert parent_of(root) is None
        assert {parent_of(s) for o in ("embeddings", "retrieval", "chat") for s in spans_of(spans, o)} == {
            root["spanID"]
        }
        evaluations = spans_of(spans, "evaluate")
        assert {parent_of(span) for span in evaluations} == {chat["spanID"]}
        values = {tags_of(span)["gen_ai.evaluation.name"]: tags_of(span) for span in evaluations}
        assert values["faithfulness"]["gen_ai.evaluation.score.value"] == pytest.approx(answer["faithfulness"])
        assert values["faithfulness"]["gen_ai.evaluation.score.label"] == answer["label"]
        assert "gen_ai.evaluation.score.value" in values["context_relevance"]


def test_traces_arrive_over_grpc_too(jaeger: Any, tmp_path: Path) -> None:
    printed = groundwire(
        "demo", "--endpoint", jaeger.otlp_grpc, "--n", "2", "--json", "--out", str(tmp_path / "traces.jsonl")
    )
    for answer in json.loads(printed)["answers"]:
        (chat,) = spans_of(jaeger.trace(answer["trace_id"]), "chat")
        assert tags_of(chat)[LABEL] == answer["label"]


@pytest.fixture
def foreign(jaeger: Any) -> str:
    """Trace id of a RAG answer that another SDK traced and nobody has scored, sent over gRPC."""
    provider = TracerProvider(resource=Resource.create({"service.name": "kitchen"}))
    exporter = OTLPSpanExporter(endpoint=jaeger.otlp_grpc.removeprefix("grpc://"), insecure=True)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("somebody-else")
    passage = "Bake bratwurst at 400 degrees Fahrenheit for 20 to 25 minutes, turning them half-way."
    question = "How long does a bratwurst bake in the oven?"
    with tracer.start_as_current_span("GET /answer") as root:
        with tracer.start_as_current_span("retrieval recipes") as span:
            documents = [{"id": "d1", "score": 0.9, "content": passage}]
            span.set_attribute("gen_ai.operation.name", "retrieval")
            span.set_attribute("gen_ai.retrieval.documents", json.dumps(documents))
        with tracer.start_as_current_span("chat some-model") as span:
            prompt = f"Context:\n{passage}\n\nQuestion: {question}"
            span.set_attribute("gen_ai.operation.name", "chat")
            span.set_attribute("gen_ai.provider.name", "somebody")
            span.set_attribute("gen_ai.request.model", "some-model")
            span.set_attribute("gen_ai.input.messages", text_message("user", prompt))
            span.set_attribute("gen_ai.output.messages", text_message("assistant", "Bratwurst bakes for 90 minutes."))
    provider.shutdown()
    return f"{root.get_span_context().trace_id:032x}"


def test_what_another_sdk_sent_is_scored_through_the_query_api(jaeger: Any, foreign: str) -> None:
    before = jaeger.trace(foreign)
    assert len(before) == 3
    source = f"jaeger+{jaeger.query_url}?service=kitchen"
    sink = f"otlp+{jaeger.otlp_http}"
    groundwire("score", source, "-o", sink)

    after = jaeger.trace(foreign)
    (chat,) = spans_of(after, "chat")
    new = [span for span in after if span["spanID"] not in {s["spanID"] for s in before}]
    assert {span["operationName"] for span in new} >= {"evaluate faithfulness", "evaluate context_relevance"}
    assert {parent_of(span) for span in new} == {chat["spanID"]}
    (faithfulness,) = (tags_of(s) for s in new if s["operationName"] == "evaluate faithfulness")
    assert faithfulness["gen_ai.evaluation.score.label"] == "unfaithful"
    assert "90" in faithfulness["gen_ai.evaluation.explanation"]
    found = jaeger.traces("kitchen", {"gen_ai.evaluation.score.label": "unfaithful"})
    assert foreign in {trace["traceID"] for trace in found}

    groundwire("score", source, "-o", sink)
    again = {span["spanID"] for span in jaeger.trace(foreign)}
    assert again == {span["spanID"] for span in after}, "scoring again writes the same spans"


def test_what_was_scored_live_gets_the_same_score_from_jaeger(
    jaeger: Any, demo: list[dict[str, Any]], tmp_path: Path
) -> None:
    out = tmp_path / "scored.jsonl"
    groundwire("score", f"jaeger+{jaeger.query_url}?service={SERVICE}&limit=1000", "-o", str(out))
    stored: dict[str, float] = {}
    for line in out.read_text(encoding="utf-8").splitlines():
        for span in (s for r in json.loads(line)["resourceSpans"] for c in r["scopeSpans"] for s in c["spans"]):
            if span["name"] == "evaluate faithfulness":
                values = {a["key"]: a["value"] for a in span["attributes"]}
                stored[span["traceId"]] = values["gen_ai.evaluation.score.value"]["doubleValue"]
    for answer in demo:
        assert stored[answer["trace_id"]] == pytest.approx(answer["faithfulness"], abs=1e-9)


def tags_of(span: dict[str, Any]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in span["tags"]}


def spans_of(spans: list[dict[str, Any]], operation: str) -> list[dict[str, Any]]:
    return [span for span in spans if tags_of(span).get("gen_ai.operation.name") == operation]


def parent_of(span: dict[str, Any]) -> str | None:
    return next((r["spanID"] for r in span["references"] if r["refType"] == "CHILD_OF"), None)


def messages(value: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(value)
    assert all({"role", "parts"} <= set(message) for message in found)
    return found


def text_message(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])
