"""Applications of three libraries each, in processes of their own: one tree, one cost, one scored answer a question."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groundwire.demo.answers import RecordedAnswer
from groundwire.demo.server import EMBEDDING_MODEL, ReplayServer
from jaeger.asking import HEIGHTS, NOTES, question

pytestmark = pytest.mark.jaeger

ASKING = Path(__file__).with_name("asking.py")
LABEL = "gen_ai.evaluation.faithfulness.score.label"
USD_A_MILLION = {"gpt-4o-mini-2024-07-18": (0.15, 0.60), "claude-sonnet-4-5-20250929": (3.0, 15.0)}
"""Of tokens in and out, from the price lists of their makers."""
MODELS = {
    "haystack_ollama": "llama3.2",
    "langchain_qdrant_openai": "gpt-4o-mini-2024-07-18",
    "llama_index_chroma_anthropic": "claude-sonnet-4-5-20250929",
}
STREAMED = ("streamed", "async streamed", "elsewhere", "interleaved, one", "interleaved, other")
WRONG = "two at once, other"


def said(way: str) -> str:
    mountain, metres = HEIGHTS[way]
    return f"{mountain} is {metres + 1000 * (way == WRONG)} metres high."


@pytest.fixture(scope="module", params=[(e, m) for e in MODELS for m in ("--instrument", "groundwire run")], ids=str)
def asked(request: pytest.FixtureRequest, jaeger: Any) -> Iterator[dict[str, Any]]:
    """Trees by the way in which they were asked for, and what the server says it answered."""
    example, mode = request.param
    model = MODELS[example]
    answers = [
        RecordedAnswer(f"a{n}", n, question(way), tuple(NOTES[2 * n : 2 * n + 2]), said(way), model, ())
        for n, way in enumerate(HEIGHTS)
    ]
    service = f"{example} {mode}"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "GROUNDWIRE_", "OPENAI_"))}
    with ReplayServer(answers) as server:
        variables = {
            "OPENAI_BASE_URL": server.url,
            "OPENAI_API_KEY": "recorded",
            "ANTHROPIC_BASE_URL": server.root,
            "ANTHROPIC_API_KEY": "recorded",
            "OLLAMA_HOST": server.root,
            "EMBEDDING_MODEL": EMBEDDING_MODEL,
            "NO_PROXY": "127.0.0.1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": jaeger.otlp_http,
            "OTEL_SERVICE_NAME": service,
            "ANONYMIZED_TELEMETRY": "False",
            "HAYSTACK_TELEMETRY_ENABLED": "False",
        }
        command = [sys.executable, str(ASKING), example, "--instrument"]
        if mode == "groundwire run":
            command = [str(Path(sys.executable).with_name("groundwire")), "run", str(ASKING), example, "--as-it-is"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, env=clean | variables)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        trees: dict[str, list[list[dict[str, Any]]]] = {}
        for trace in jaeger.traces(service):
            if not any(operation(span) == "invoke_workflow" for span in trace["spans"]):
                assert {operation(span) for span in trace["spans"]} == {"embeddings"}, "the notes' own"
                continue
            text = json.dumps([tags(span) for span in trace["spans"]])
            (way,) = [way for way in HEIGHTS if f"high is {HEIGHTS[way][0]}?" in text]
            trees.setdefault(way, []).append(trace["spans"])
        framework = "llama_index" if example.startswith("llama_index") else example.partition("_")[0]
        store = next((store for store in ("qdrant", "chroma") if store in example), None)
        about = {"example": example, "framework": framework, "store": store, "model": model, "service": service}
        yield about | {"trees": trees, "replies": server.replies}


@pytest.fixture(params=HEIGHTS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tree(asked: dict[str, Any], way: str) -> list[dict[str, Any]]:
    (spans,) = asked["trees"][way]
    return list(spans)


def test_a_question_is_one_tree(tree: list[dict[str, Any]]) -> None:
    ids = {span["spanID"] for span in tree}
    assert len(ids) == len(tree)
    (root,) = [span for span in tree if parent(span) is None]
    assert operation(root) == "invoke_workflow"
    assert {parent(span) for span in tree} - {None} <= ids
    assert [s["operationName"] for s in tree if any(t["key"] == "error" and t["value"] for t in s["tags"])] == []


def test_the_model_is_called_once_with_its_tokens_and_one_cost(
    asked: dict[str, Any], way: str, tree: list[dict[str, Any]]
) -> None:
    (chat,) = spans_of(tree, "chat")
    (reply,) = [reply for reply in asked["replies"] if reply.entry.question == question(way)]
    found = tags(chat)
    assert found["gen_ai.response.model"] == asked["model"]
    assert found["gen_ai.usage.input_tokens"] == reply.input_tokens > 0
    assert found["gen_ai.usage.output_tokens"] == reply.output_tokens > 0
    assert said(way) in found["gen_ai.output.messages"]
    assert ("gen_ai.response.time_to_first_chunk" in found) == (way in STREAMED)
    counted = {s["spanID"] for s in tree if "gen_ai.usage.output_tokens" in tags(s) and operation(s) != "embeddings"}
    assert counted == {chat["spanID"]}
    (root,) = [span for span in tree if parent(span) is None]
    priced = {s["spanID"] for s in tree if "gen_ai.usage.cost" in tags(s)}
    if asked["model"] not in USD_A_MILLION:
        assert priced == set()
        assert "groundwire.request.cost" not in tags(root)
        return
    given, made = USD_A_MILLION[asked["model"]]
    cost = pytest.approx((reply.input_tokens * given + reply.output_tokens * made) / 1e6)
    assert priced == {chat["spanID"]}
    assert found["gen_ai.usage.cost"] == cost
    assert tags(root)["groundwire.request.cost"] == cost


def test_passages_are_told_once(asked: dict[str, Any], way: str, tree: list[dict[str, Any]]) -> None:
    retrievals = {span["spanID"]: span for span in spans_of(tree, "retrieval")}
    outer = [span for span in retrievals.values() if not any(a in retrievals for a in ancestors(span, tree))]
    fans = way == "pool" and asked["example"].startswith("langchain")  # LlamaIndex's fans out inside of a retriever
    assert len(outer) == (2 if fans else 1)
    inner = [span for span in retrievals.values() if span not in outer]
    assert {tags(span)["gen_ai.provider.name"] for span in outer} == {asked["framework"]}
    if asked["store"]:
        assert {tags(span)["gen_ai.provider.name"] for span in inner} == {asked["store"]}
        assert len(inner) == (2 if way == "pool" else 1)
    else:
        assert not inner
    for span in retrievals.values():
        documents = json.loads(tags(span)["gen_ai.retrieval.documents"])
        assert documents
        assert {document["content"] for document in documents} <= set(NOTES)
    (relevance,) = [tags(s) for s in tree if s["operationName"] == "evaluate context_relevance"]
    passages = [e["text"] for e in json.loads(relevance["groundwire.evaluation.evidence"])]
    assert len(passages) == len(set(passages)) == 2
    assert set(passages) <= set(NOTES)


def test_the_answer_is_scored_once_and_found_by_its_score(
    asked: dict[str, Any], way: str, tree: list[dict[str, Any]], jaeger: Any
) -> None:
    (chat,) = spans_of(tree, "chat")
    evaluations = spans_of(tree, "evaluate")
    assert sorted(s["operationName"] for s in evaluations) == [
        "evaluate answer_relevance", "evaluate context_relevance", "evaluate faithfulness",
    ]  # fmt: skip
    assert {parent(span) for span in evaluations} == {chat["spanID"]}
    label = "unfaithful" if way == WRONG else "faithful"
    assert tags(chat)[LABEL] == label
    found = {trace["traceID"] for trace in jaeger.traces(asked["service"], {LABEL: label})}
    assert chat["traceID"] in found
    if way == WRONG:
        assert found == {chat["traceID"]}


def test_no_question_is_missing_and_the_server_was_asked_once_each(asked: dict[str, Any]) -> None:
    assert set(asked["trees"]) == set(HEIGHTS)
    assert sorted(reply.entry.question for reply in asked["replies"]) == sorted(map(question, HEIGHTS))


def tags(span: dict[str, Any]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in span["tags"]}


def operation(span: dict[str, Any]) -> Any:
    return tags(span).get("gen_ai.operation.name")


def spans_of(spans: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [span for span in spans if operation(span) == name]


def parent(span: dict[str, Any]) -> str | None:
    return next((r["spanID"] for r in span["references"] if r["refType"] == "CHILD_OF"), None)


def ancestors(span: dict[str, Any], spans: list[dict[str, Any]]) -> Iterator[str]:
    by_id = {one["spanID"]: one for one in spans}
    above = parent(span)
    while above in by_id:
        yield str(above)
        above = parent(by_id[above])
