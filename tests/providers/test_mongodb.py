"""MongoDB: searches in joined pipelines, and cursors that have nothing yet."""

from typing import Any

import pytest
from pymongo.synchronous.command_cursor import CommandCursor

from conformance.cases import decoded
from conformance.harness import traced
from conformance.mongodb_cases import NEAREST, QUERY, TEXTS, WORDS, Wired, open_collection
from groundwire_instrumentation.mongodb import PROVIDER

JOINED = {"coll": "mountains", "pipeline": WORDS}


@pytest.mark.parametrize(
    ("pipeline", "top_k"),
    [
        ([*NEAREST, {"$unionWith": JOINED}, {"$match": {"query": "mine"}}, {"$limit": 1}], 1),
        ([{"$match": {"page": 1}}, {"$limit": 5}, {"$unionWith": JOINED}], 5),
        ([{"$unionWith": {"coll": "hills", "pipeline": [{"$unionWith": JOINED}]}}], None),
        ([{"$lookup": {"from": "mountains", "as": "found", "pipeline": WORDS}}], None),
    ],
)
def test_a_search_in_a_joined_pipeline_is_a_retrieval(pipeline: Any, top_k: int | None) -> None:
    with traced(PROVIDER) as tracing:
        assert [row["text"] for row in open_collection("answer", lambda: None).aggregate(pipeline)] == TEXTS
        attributes = tracing.span.attributes or {}
    assert attributes["gen_ai.retrieval.query.text"] == QUERY
    assert attributes.get("gen_ai.retrieval.top_k") == top_k


@pytest.mark.parametrize(
    "pipeline", [[], [{"$match": {"$search": 1}}], [{"$unionWith": "hills"}], [{"$unionWith": {"coll": "hills"}}]]
)
def test_other_pipelines_are_none(pipeline: Any) -> None:
    with traced(PROVIDER) as tracing:
        assert len(list(open_collection("answer", lambda: None).aggregate(pipeline))) == 2
        assert tracing.spans == []


def test_a_cursor_that_has_nothing_yet_does_not_say_that_nothing_was_found() -> None:
    class Later(Wired):
        id = 7

        def _aggregate(self, *_: Any, **__: Any) -> Any:
            cursor: Any = CommandCursor(self, {"id": self.id, "ns": "library.mountains", "firstBatch": []}, None)
            cursor._killed = True  # nobody is there to be told that it is not wanted any more
            return cursor

    with traced(PROVIDER) as tracing:
        collection: Any = Later(open_collection("answer", lambda: None).database, "mountains")
        collection.aggregate(NEAREST, batchSize=0)
        assert "gen_ai.retrieval.documents" not in (tracing.span.attributes or {})
        tracing.clear()
        Later.id = 0
        collection.aggregate(NEAREST)
        assert decoded(tracing.span.attributes)["gen_ai.retrieval.documents"] == []
