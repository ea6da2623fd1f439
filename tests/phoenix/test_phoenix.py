"""Scores in a real Phoenix: traces go in over OTLP, are read back over REST, scored, and annotated there."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from groundwire.answers import answers
from groundwire.chain import chains
from groundwire.cli import main
from groundwire.errors import SinkError
from groundwire.model import SpanRecord
from groundwire.traces import joined, open_sink, open_source
from traces.test_otlp_proto import message

pytestmark = pytest.mark.phoenix

RECORDING = Path(__file__).parent.parent / "recordings" / "openinference.jsonl"


@pytest.fixture(scope="module")
def spans(phoenix: Any) -> list[SpanRecord]:
    """The spans that Phoenix has."""
    found = list(joined(open_source(str(RECORDING))))
    headers = {"content-type": "application/x-protobuf"}
    httpx.post(f"{phoenix.url}/v1/traces", content=message(found), headers=headers, trust_env=False).raise_for_status()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        answer = httpx.get(f"{phoenix.url}/v1/projects/default/spans", params={"limit": 1000}, trust_env=False)
        if answer.is_success and len(answer.json()["data"]) == len(found):
            return found
        time.sleep(0.2)
    raise AssertionError("Phoenix did not take the spans")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def annotations(phoenix: Any, target: str, ids: set[str]) -> list[dict[str, Any]]:
    answer = httpx.get(
        f"{phoenix.url}/v1/projects/default/{target}_annotations",
        params={f"{target}_ids": sorted(ids), "limit": 1000}, trust_env=False,
    )  # fmt: skip
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def documents(phoenix: Any, span_id: str) -> list[dict[str, Any]]:
    """Annotations of documents, which only GraphQL gives."""
    query = "{ getSpanByOtelId(spanId: %s) { documentEvaluations { name label score documentPosition } } }"
    answer = httpx.post(f"{phoenix.url}/graphql", json={"query": query % json.dumps(span_id)}, trust_env=False)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["data"]["getSpanByOtelId"]["documentEvaluations"]
    return found


def test_traces_read_from_phoenix_hold_the_same_answers(phoenix: Any, spans: list[SpanRecord]) -> None:
    source = open_source(f"phoenix+{phoenix.url}")
    read = list(joined(source))

    def told(chain: Any) -> tuple[Any, ...]:
        return chain.question, chain.answer, chain.model, [(p.id, p.text, p.in_prompt) for p in chain.passages]

    assert source.problems == []
    assert list(map(told, chains(read).chains)) == list(map(told, chains(spans).chains))


def test_scores_stand_on_spans_traces_and_documents(
    phoenix: Any, spans: list[SpanRecord], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored = tmp_path / "scored.jsonl"
    assert run("score", str(RECORDING), "-o", str(scored)) == 0
    for _ in range(2):  # sending again replaces
        assert run("score", f"phoenix+{phoenix.url}", "-o", f"phoenix+{phoenix.url}") == 0
    capsys.readouterr()
    expected = list(answers(s for s in joined(open_source(str(scored)))))

    on_spans = annotations(phoenix, "span", {a.chain.span_id for a in expected})
    assert {(a["span_id"], a["name"], a["result"]["label"]) for a in on_spans} == {
        (a.chain.span_id, c.name, c.label) for a in expected for c in a.checks.values() if c.value is not None
    }
    assert len(on_spans) == sum(c.value is not None for a in expected for c in a.checks.values())
    assert {a["annotator_kind"] for a in on_spans} == {"CODE"}
    assert all(a["result"]["explanation"] for a in on_spans if a["name"] == "faithfulness")
    on_traces = annotations(phoenix, "trace", {a.chain.trace_id for a in expected})
    assert {(a["trace_id"], a["name"]) for a in on_traces} == {
        (a.chain.trace_id, c.name) for a in expected for c in a.checks.values() if c.value is not None
    }
    retrievals = [s for s in spans if s.attributes.get("openinference.span.kind") == "RETRIEVER"]
    on_documents = {s.span_id: documents(phoenix, s.span_id) for s in retrievals}
    assert all(on_documents.values())
    for found in on_documents.values():
        assert {d["name"] for d in found} == {"context_relevance"}
        assert {d["label"] for d in found} <= {"relevant", "irrelevant"}
        assert len({d["documentPosition"] for d in found}) == len(found)


def test_spans_that_phoenix_does_not_have_are_told_and_the_rest_is_annotated(
    phoenix: Any, spans: list[SpanRecord], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    scored = tmp_path / "scored.jsonl"
    assert run("score", str(RECORDING), "-o", str(scored)) == 0
    capsys.readouterr()
    here = list(joined(open_source(str(scored))))
    elsewhere = [replace(s, trace_id="f" * 31 + s.trace_id[0], span_id=s.span_id[::-1],
                         parent_id=s.parent_id and s.parent_id[::-1]) for s in here]  # fmt: skip
    sink = open_sink(f"phoenix+{phoenix.url}")
    sink.write([*here, *elsewhere])

    with pytest.raises(SinkError, match=r"has taken \d+ annotations, but not those on \d+ spans or traces"):
        sink.close()


def test_phoenix_without_such_a_project_names_those_it_has(phoenix: Any, spans: list[SpanRecord]) -> None:
    assert run("score", f"phoenix+{phoenix.url}?project=nowhere") == 2
