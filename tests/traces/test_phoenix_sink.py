"""Annotations for Phoenix, by a stand-in that answers as arize-phoenix 20.26.1 did; the real one: tests/phoenix."""

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

import stored
from groundwire.errors import SinkError
from groundwire.model import SpanRecord
from groundwire.scoring import evaluate, evaluation_record
from groundwire.traces import open_sink
from groundwire.traces.phoenix_sink import PhoenixAnnotations
from groundwire_evaluators.context_relevance import ContextRelevance
from groundwire_evaluators.faithfulness import Faithfulness


def scored() -> list[SpanRecord]:
    from groundwire.answers import answers

    spans = stored.request()
    [answer] = answers(spans)
    evaluators = (Faithfulness(tier="lexical"), ContextRelevance(tier="lexical"))
    return [*spans, *(evaluation_record(evaluate(answer.chain, e), answer.span) for e in evaluators)]


class Phoenix:
    """Knows some spans and traces, and refuses what it does not know, as the real one does."""

    def __init__(self, spans: set[str], traces: set[str], documents: int = 3) -> None:
        self.taken: dict[str, list[dict[str, Any]]] = {}
        self.requests: list[httpx.Request] = []
        self.transport = httpx.MockTransport(self._answer)
        self._spans, self._traces, self._documents = spans, traces, documents

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        rows = json.loads(request.content)["data"]
        assert request.url.params["sync"] == "true"
        target = request.url.path.removeprefix("/v1/")
        if target == "trace_annotations":
            missing = {row["trace_id"] for row in rows} - self._traces
        else:
            missing = {row["span_id"] for row in rows} - self._spans
        if missing:
            kind = "Traces" if target == "trace_annotations" else "Spans"
            return httpx.Response(404, text=f"{kind} with IDs {', '.join(missing)} do not exist.")
        if target == "document_annotations":
            for row in rows:
                if row["identifier"]:
                    return httpx.Response(422, text="Non-empty identifier is not supported")
                if row["document_position"] >= self._documents:
                    return httpx.Response(
                        422,
                        text=f"Document position {row['document_position']} is out of bounds for span {row['span_id']} "
                        f"(max: {self._documents - 1})",
                    )
        self.taken.setdefault(target, []).extend(rows)
        return httpx.Response(200, json={"data": [{"id": "x"} for _ in rows]})


def sent(phoenix: Phoenix, spans: list[SpanRecord]) -> PhoenixAnnotations:
    sink = PhoenixAnnotations("phoenix+http://phoenix:6006", transport=phoenix.transport)
    sink.write(spans)
    sink.close()
    return sink


def test_scores_become_annotations_of_span_trace_and_documents() -> None:
    phoenix = Phoenix({stored.CHAT, stored.RETRIEVAL}, {stored.TRACE})
    sink = sent(phoenix, scored())

    on_span = {row["name"]: row for row in phoenix.taken["span_annotations"]}
    assert set(on_span) == {"faithfulness", "context_relevance"}
    faithfulness = on_span["faithfulness"]
    assert faithfulness["span_id"] == stored.CHAT
    assert faithfulness["annotator_kind"] == "CODE"
    assert faithfulness["identifier"] == "groundwire"
    assert faithfulness["result"].keys() == {"score", "label", "explanation"}
    assert faithfulness["metadata"]["model"] == "lexical"
    assert {row["trace_id"] for row in phoenix.taken["trace_annotations"]} == {stored.TRACE}
    assert [(r["span_id"], r["document_position"]) for r in phoenix.taken["document_annotations"]] == [
        (stored.RETRIEVAL, 0), (stored.RETRIEVAL, 1), (stored.RETRIEVAL, 2),
    ]  # fmt: skip
    assert phoenix.taken["document_annotations"][2]["result"]["label"] == "irrelevant"
    assert sink.sent == {"span": 2, "trace": 2, "document": 3}


def test_judgement_of_a_model_is_one_of_a_model() -> None:
    asked = {"groundwire.evaluation.model": "gpt-4o", "groundwire.evaluation.input_tokens": 9}
    judged = [
        replace(s, attributes={**s.attributes, **asked}) if s.name == "evaluate faithfulness" else s for s in scored()
    ]  # fmt: skip
    phoenix = Phoenix({stored.CHAT, stored.RETRIEVAL}, {stored.TRACE})
    sent(phoenix, judged)

    kinds = {row["name"]: row["annotator_kind"] for row in phoenix.taken["span_annotations"]}
    assert kinds == {"faithfulness": "LLM", "context_relevance": "CODE"}


def test_what_phoenix_does_not_have_is_told_and_the_rest_is_taken() -> None:
    other = [replace(s, trace_id="e" * 32, span_id="e" + s.span_id[1:], parent_id=s.parent_id and "e" + s.parent_id[1:])
             for s in scored()]  # fmt: skip
    phoenix = Phoenix({stored.CHAT, stored.RETRIEVAL}, {stored.TRACE})

    with pytest.raises(SinkError, match=r"taken 7 annotations, but not those on 3 spans or traces.*it is not there"):
        sent(phoenix, [*other, *scored()])
    assert len(phoenix.taken["span_annotations"]) == 2


def test_document_that_phoenix_does_not_count_is_told() -> None:
    phoenix = Phoenix({stored.CHAT, stored.RETRIEVAL}, {stored.TRACE}, documents=2)

    with pytest.raises(SinkError, match="out of bounds"):
        sent(phoenix, scored())
    assert len(phoenix.taken["document_annotations"]) == 2


@pytest.mark.parametrize("status", [401, 500])
def test_refusal_is_one_clear_line(status: int) -> None:
    sink = PhoenixAnnotations(
        "phoenix+http://phoenix:6006",
        transport=httpx.MockTransport(lambda request: httpx.Response(status, text="no\n  way")),
    )
    sink.write(scored())

    with pytest.raises(SinkError, match=f"refuses span annotations: HTTP {status} no way"):
        sink.close()


def test_nobody_there_is_one_clear_line() -> None:
    sink = open_sink("phoenix+http://127.0.0.1:1")
    sink.write(scored())

    with pytest.raises(SinkError, match=r"no Phoenix at http://127\.0\.0\.1:1"):
        sink.close()


def test_address_that_is_none_is_told() -> None:
    with pytest.raises(SinkError, match=r"phoenix\+http://host:6006"):
        open_sink("phoenix+http://")
