"""Pinecone over gRPC: what is searched in several namespaces, over REST, and asked for as futures."""

from typing import Any

import pytest

from conformance.cases import decoded
from conformance.harness import traced
from conformance.pinecone_cases import BARE, CALLS, open_grpc_index
from groundwire_instrumentation.pinecone import PROVIDER


@pytest.mark.parametrize(
    "call", [c for c in CALLS if c[0] in ("query_namespaces", "search", "search_records")], ids=lambda c: str(c[0])
)
def test_every_other_search_of_an_index_over_grpc_is_one_retrieval(call: Any) -> None:
    _, search, asked, documents = call
    with traced(PROVIDER) as tracing:
        index = open_grpc_index("answer", lambda: None)
        search(index)
        index.close()
        attributes = decoded(tracing.span.attributes)
    assert attributes.items() >= asked.items()
    assert attributes["gen_ai.retrieval.documents"] == documents


def test_a_query_in_the_pool_of_its_index_is_a_child_of_who_asked() -> None:
    with traced(PROVIDER) as tracing:
        index = open_grpc_index("answer", lambda: None)
        with tracing.tracer.start_as_current_span("app") as app:
            asked = [index.query_async(id="e", top_k=2, namespace="alps") for _ in range(3)]
            assert [len(future.result(10).matches) for future in asked] == [2, 2, 2]
        index.close()
        spans = [span for span in tracing.spans if span.name == "retrieval alps"]
        assert len(spans) == 3
        assert [span.parent for span in spans] == [app.get_span_context()] * 3
        assert decoded(spans[0].attributes)["gen_ai.retrieval.documents"] == BARE


def test_namespaces_asked_for_as_a_future_are_one_retrieval() -> None:
    with traced(PROVIDER) as tracing:
        index = open_grpc_index("answer", lambda: None)
        query = {"vector": [0.25, 0.5], "namespaces": ["alps", "empty"], "metric": "cosine", "top_k": 2}
        assert len(index.query_namespaces_async(**query).result(10).matches) == 2
        index.close()
        assert tracing.span.name == "retrieval alps,empty"
