"""Qdrant, beyond the conformance suite: the local store, what payloads look like, and older clients."""

import asyncio
import inspect
import json
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from pydantic_core import PydanticSerializationError
from qdrant_client import AsyncQdrantClient, QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

import groundwire
from groundwire_instrumentation import qdrant

CONTENT = "gen_ai.retrieval.documents"
QUERY = "gen_ai.retrieval.query.text"
TOP_K = "gen_ai.retrieval.top_k"
HIGHER = "groundwire.retrieval.higher_is_better"
TWO_D = models.VectorParams(size=2, distance=models.Distance.DOT)
ALL = models.Filter(must_not=[models.HasIdCondition(has_id=[99])])

OLD = {"search", "search_batch", "search_groups", "recommend", "recommend_batch", "recommend_groups"} | {
    "discover",
    "discover_batch",
    "query",
    "query_batch",
}

_OPTIONS = inspect.signature(QdrantClient).parameters
REMOTE: dict[str, Any] = {"check_compatibility": False} if "check_compatibility" in _OPTIONS else {}

infers = pytest.mark.skipif("cloud_inference" not in _OPTIONS, reason="servers infer since 1.13")
older = pytest.mark.skipif(not hasattr(QdrantClient, "search"), reason="gone since 1.16")


class Tracing:
    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.instrument()

    def instrument(self, **settings: Any) -> None:
        groundwire.instrument(tracer_provider=self.provider, evaluators=[], providers=["qdrant"], **settings)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    @property
    def span(self) -> ReadableSpan:
        (span,) = self.spans
        return span

    @property
    def attributes(self) -> dict[str, Any]:
        return dict(self.span.attributes or {})

    @property
    def documents(self) -> Any:
        return json.loads(self.attributes[CONTENT])


@pytest.fixture
def tracing() -> Iterator[Tracing]:
    try:
        yield Tracing()
    finally:
        groundwire.shutdown()


def store(*payloads: Any) -> QdrantClient:
    """A local store of points 1, 2 ..., each less like [1, 0] than the one before."""
    client = QdrantClient(":memory:", force_disable_check_same_thread=True)
    client.create_collection("docs", TWO_D)
    points = [models.PointStruct(id=i, vector=[1.0 / i, 1.0], payload=p) for i, p in enumerate(payloads, start=1)]
    client.upsert("docs", points)
    return client


@pytest.fixture
def docs() -> QdrantClient:
    return store({"text": "one", "group": "x"}, {"text": "two", "group": "y"}, {"text": "three", "group": "x"})


# --- spans ----------------------------------------------------------------------------------------------------------


def test_a_query_is_one_whole_span(docs: QdrantClient, tracing: Tracing) -> None:
    docs.query_points("docs", [1.0, 0.0], limit=2)
    span = tracing.span
    assert (span.name, span.kind, span.status.status_code) == (
        "retrieval docs",
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )
    documents = [
        {"id": "1", "score": 1.0, "content": "one", "metadata": {"group": "x"}},
        {"id": "2", "score": 0.5, "content": "two", "metadata": {"group": "y"}},
    ]
    assert tracing.documents == documents
    assert {k: v for k, v in tracing.attributes.items() if k != CONTENT} == {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.provider.name": "qdrant",
        "gen_ai.data_source.id": "docs",
        TOP_K: 2,
        HIGHER: True,
    }


@pytest.mark.parametrize(
    ("distance", "higher"),
    [("Cosine", True), ("Dot", True), ("Euclid", False), ("Manhattan", False)],
)
def test_the_order_of_points_says_whether_more_is_better(distance: str, higher: bool, tracing: Tracing) -> None:
    client = QdrantClient(":memory:")
    client.create_collection("docs", models.VectorParams(size=2, distance=models.Distance(distance)))
    points = [models.PointStruct(id=n, vector=[1.0, float(n)], payload={"g": n % 2}) for n in (1, 2, 3, 4)]
    client.upsert("docs", points)
    client.query_points("docs", [1.0, 1.0], limit=3)
    assert tracing.attributes[HIGHER] is higher
    client.query_points_groups("docs", "g", [1.0, 1.0], limit=2, group_size=2)
    client.query_batch_points("docs", [models.QueryRequest(query=[1.0, 1.0], limit=n) for n in (1, 2)])
    client.retrieve("docs", [1, 2])
    told = [(span.attributes or {}).get(HIGHER) for span in tracing.spans]
    assert told == [higher, higher, higher, None]


def test_a_batch_is_one_span_with_the_documents_of_every_request(docs: QdrantClient, tracing: Tracing) -> None:
    requests = [
        models.QueryRequest(query=[1.0, 0.0], limit=1, with_payload=True),
        models.QueryRequest(query=[-1.0, 0.0], limit=2, with_payload=["text"]),
    ]
    docs.query_batch_points("docs", requests)
    assert [d["content"] for d in tracing.documents] == ["one", "three", "two"]
    assert TOP_K not in tracing.attributes  # they differ


def test_the_requests_of_a_batch_may_come_from_a_generator(docs: QdrantClient, tracing: Tracing) -> None:
    requests: Any = (models.QueryRequest(query=[1.0, 0.0], limit=1, with_payload=True) for _ in range(2))
    assert len(docs.query_batch_points("docs", requests=requests)) == 2
    assert [d["content"] for d in tracing.documents] == ["one", "one"]


def test_groups_are_listed_one_after_the_other(docs: QdrantClient, tracing: Tracing) -> None:
    docs.query_points_groups("docs", "group", [1.0, 0.0], limit=2, group_size=2)
    assert [d["content"] for d in tracing.documents] == ["one", "three", "two"]


def test_what_is_looked_up_for_a_group_is_among_its_documents(tracing: Tracing) -> None:
    client = store({"group": 1}, {"group": 1})
    client.create_collection("whole", TWO_D)
    client.upsert("whole", [models.PointStruct(id=1, vector=[1.0, 1.0], payload={"text": "the whole"})])
    lookup = models.WithLookup(collection="whole", with_payload=True)
    client.query_points_groups("docs", "group", [1.0, 0.0], with_lookup=lookup, with_payload=False)
    assert tracing.documents == [
        {"id": "1", "score": 1.0},
        {"id": "2", "score": 0.5},
        {"id": "1", "content": "the whole"},
    ]


def test_fetching_by_id_is_a_retrieval(docs: QdrantClient, tracing: Tracing) -> None:
    docs.retrieve("docs", [2])
    assert tracing.documents == [{"id": "2", "content": "two", "metadata": {"group": "y"}}]
    assert TOP_K not in tracing.attributes


def test_scrolling_with_a_filter_is_a_retrieval(docs: QdrantClient, tracing: Tracing) -> None:
    records, following = docs.scroll("docs", scroll_filter=ALL, limit=2)
    assert (len(records), following) == (2, 3)
    assert [d["content"] for d in tracing.documents] == ["one", "two"]


def test_paging_through_the_store_is_no_retrieval(docs: QdrantClient, tracing: Tracing) -> None:
    docs.scroll("docs", limit=2)
    docs.scroll("docs", scroll_filter=None, offset=3)
    assert tracing.spans == ()


def test_nothing_else_is_traced(docs: QdrantClient, tracing: Tracing) -> None:
    docs.upsert("docs", [models.PointStruct(id=4, vector=[0.0, 1.0], payload={})])
    docs.set_payload("docs", {"seen": True}, [4])
    docs.count("docs")
    docs.facet("docs", "group")
    docs.search_matrix_pairs("docs", sample=2, limit=2)
    docs.delete("docs", [4])
    docs.get_collections()
    assert tracing.spans == ()


def test_copying_a_store_makes_no_spans(docs: QdrantClient, tracing: Tracing) -> None:
    docs.migrate(QdrantClient(":memory:"))
    assert tracing.spans == ()


# --- the text of a query --------------------------------------------------------------------------------------------

TEXT = models.Document(text="how high", model="m")


def _remote() -> QdrantClient:
    body = {"status": "ok", "time": 0, "result": {"points": []}}
    wire = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    return QdrantClient("https://x.cloud.qdrant.io:6333", cloud_inference=True, transport=wire, **REMOTE)


@infers
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"query": TEXT}, "how high"),
        ({"query": models.NearestQuery(nearest=TEXT)}, "how high"),
        ({"query": models.RecommendQuery(recommend=models.RecommendInput(positive=[TEXT, 7]))}, "how high"),
        ({"query": models.RecommendQuery(recommend=models.RecommendInput(positive=[7, TEXT]))}, "how high"),
        (
            {"query": models.DiscoverQuery(discover=models.DiscoverInput(target=TEXT, context=[]))},
            "how high",
        ),
        (
            {
                "query": models.FusionQuery(fusion=models.Fusion.RRF),
                "prefetch": [
                    models.Prefetch(query=TEXT, using="dense"),
                    models.Prefetch(query=models.Document(text="how high", model="bm25"), using="sparse"),
                    models.Prefetch(query=[1.0, 2.0]),
                ],
            },
            "how high",
        ),
        ({"query": TEXT, "prefetch": models.Prefetch(prefetch=models.Prefetch(query=TEXT))}, "how high"),
        (
            {"query": TEXT, "prefetch": models.Prefetch(query=models.Document(text="what", model="m"))},
            "how high\nwhat",
        ),
        ({"query": models.Document(text="bad \ud800", model="m")}, "bad ?"),
        ({"query": "6b1b36cb-1234-4f6e-8a1a-0123456789ab"}, None),  # the id of a point
        ({"query": 7}, None),
        ({"query": [1.0, 2.0]}, None),
        ({"query": [[1.0, 2.0], [3.0, 4.0]]}, None),
        ({"query": models.SparseVector(indices=[1], values=[1.0])}, None),
        ({"query": models.SampleQuery(sample=models.Sample.RANDOM)}, None),
        ({}, None),
    ],
)
def test_the_text_of_a_query_is_told_where_there_is_one(
    tracing: Tracing, arguments: dict[str, Any], text: str | None
) -> None:
    try:
        _remote().query_points("docs", **arguments)
    except PydanticSerializationError:
        assert "\ud800" in arguments["query"].text  # never sent, but told
    assert tracing.attributes.get(QUERY) == text
    assert tracing.attributes["server.address"] == "x.cloud.qdrant.io"
    assert tracing.attributes["server.port"] == 6333


@pytest.mark.skipif(not hasattr(models, "TextQuery"), reason="full-text queries are new in 1.20")
@pytest.mark.parametrize("as_object", [True, False])
def test_a_full_text_query_is_told(tracing: Tracing, as_object: bool) -> None:
    text: Any = models.TextQueryInput(query="how high") if as_object else "how high"
    _remote().query_points("docs", models.TextQuery(text=text), using="body")
    assert tracing.attributes[QUERY] == "how high"


@pytest.mark.skipif(not hasattr(models, "RelevanceFeedbackQuery"), reason="relevance feedback is new in 1.17")
def test_the_text_of_a_query_with_feedback_is_told(tracing: Tracing) -> None:
    weights = models.NaiveFeedbackStrategyParams(a=1.0, b=1.0, c=1.0)
    asked = models.RelevanceFeedbackInput(
        target=TEXT,
        feedback=[models.FeedbackItem(example=7, score=0.5)],
        strategy=models.NaiveFeedbackStrategy(naive=weights),
    )
    _remote().query_points("docs", models.RelevanceFeedbackQuery(relevance_feedback=asked))
    assert tracing.attributes[QUERY] == "how high"


# --- payloads -------------------------------------------------------------------------------------------------------

_NODE = json.dumps({"id_": "n", "text": "a node of LlamaIndex", "metadata": {}})


@pytest.mark.parametrize(
    ("payload", "text", "metadata"),
    [
        ({"document": "D"}, "D", None),
        ({"text": "T", "document": "file.pdf"}, "T", {"document": "file.pdf"}),
        ({"page_content": "P", "metadata": {"source": "s"}}, "P", {"source": "s"}),
        ({"page-content": "P"}, "P", None),
        ({"content": "C", "meta": {"page": 1}}, "C", {"page": 1}),
        ({"chunk": "C", "n": 1}, "C", {"n": 1}),
        ({"body": "B"}, "B", None),
        ({"metadata": {"text": "deep", "page": 1}}, "deep", {"metadata": {"text": "deep", "page": 1}}),
        ({"_node_content": _NODE, "page": 1}, "a node of LlamaIndex", {"page": 1}),
        ({"_node_content": "no JSON"}, "no JSON", None),
        ({"absatz": "Der Fuji ist hoch.", "url": "https://fuji"}, "Der Fuji ist hoch.", {"url": "https://fuji"}),
        ({"url": "https://fuji", "page": 1}, None, {"url": "https://fuji", "page": 1}),
        ({"text": None, "content": 7}, None, {"text": None, "content": 7}),
        ({"text": ""}, "", None),
        ({}, None, None),
        (None, None, None),
    ],
)
def test_the_text_is_found_in_the_payload(tracing: Tracing, payload: Any, text: str | None, metadata: Any) -> None:
    store(payload).query_points("docs", [1.0, 0.0])
    (document,) = tracing.documents
    assert document.get("content") == text
    assert document.get("metadata") == metadata


def test_odd_values_in_a_payload_are_told_as_the_application_gets_them(tracing: Tracing) -> None:
    odd = {"text": "T", "when": datetime(2026, 1, 2, tzinfo=UTC), "who": UUID(int=1), "deep": [None, {"x": b"y"}]}
    (found,) = store(odd).query_points("docs", [1.0, 0.0]).points
    (document,) = tracing.documents
    assert {"text": document["content"], **document["metadata"]} == found.payload


def test_lone_surrogates_in_a_payload_can_be_exported(tracing: Tracing) -> None:
    store({"text": "bad \ud800", "\udfff": "\udc00"}).query_points("docs", [1.0, 0.0])
    tracing.attributes[CONTENT].encode()
    assert tracing.documents[0]["content"] == "bad ?"


def test_ids_are_texts(tracing: Tracing) -> None:
    client = store({})
    client.upsert("docs", [models.PointStruct(id=str(UUID(int=7)), vector=[0.0, 1.0])])
    client.query_points("docs", [1.0, 0.0])
    assert [d["id"] for d in tracing.documents] == ["1", "00000000-0000-0000-0000-000000000007"]


def test_huge_documents_are_cut_inside_valid_json(tracing: Tracing) -> None:
    text = "ü" * 1_000_000
    store({"text": text}, {"text": "short"}).query_points("docs", [1.0, 0.0])
    assert len(tracing.attributes[CONTENT]) <= 256 * 1024
    first, second = tracing.documents
    assert text.startswith(first["content"])
    assert first["groundwire.original_length"] == len(text)
    assert first["groundwire.sha256"] == sha256(text.encode()).hexdigest()
    assert second == {"id": "2", "score": 0.5, "content": "short"}


# --- what the application gets --------------------------------------------------------------------------------------


def test_results_are_what_they_are_untraced(docs: QdrantClient, tracing: Tracing) -> None:
    def calls() -> list[Any]:
        return [
            docs.query_points("docs", [1.0, 0.0]),
            docs.query_points_groups("docs", "group", [1.0, 0.0]),
            docs.query_batch_points("docs", [models.QueryRequest(query=[1.0, 0.0], with_payload=True)]),
            docs.retrieve("docs", [1]),
            docs.scroll("docs", ALL),
        ]

    traced = calls()
    assert len(tracing.spans) == 5
    groundwire.shutdown()
    untraced = calls()
    assert traced == untraced
    assert list(map(type, traced)) == list(map(type, untraced))


def _fails(call: Any) -> Exception:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("it did not fail")


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.query_points("nowhere", [1.0, 0.0]),
        lambda c: c.query_points("docs", [1.0, 0.0, 0.0]),
        lambda c: c.query_points("docs", [1.0, 0.0], using="no such vector"),
        lambda c: c.query_points("docs", unknown=1),
        lambda c: c.query_points(),
        lambda c: c.query_batch_points("docs", [7]),
        lambda c: c.retrieve("nowhere", [1]),
    ],
)
def test_an_error_is_the_application_s_and_on_the_span(docs: QdrantClient, tracing: Tracing, call: Any) -> None:
    error = _fails(lambda: call(docs))
    span = tracing.span
    assert span.status.status_code is StatusCode.ERROR
    assert tracing.attributes["error.type"] == type(error).__qualname__
    groundwire.shutdown()
    untraced = _fails(lambda: call(docs))
    assert type(error) is type(untraced)
    assert error.args == untraced.args


def test_an_error_of_the_server_is_on_the_span(tracing: Tracing) -> None:
    wire = httpx.MockTransport(lambda _: httpx.Response(404, json={"status": {"error": "Not found"}}))
    client = QdrantClient("http://localhost:6333", transport=wire, **REMOTE)
    with pytest.raises(UnexpectedResponse):
        client.query_points("docs", [1.0, 0.0])
    assert tracing.attributes["error.type"] == "UnexpectedResponse"
    assert "Not found" in str(tracing.span.status.description)


def test_suppressed_calls_have_no_span(docs: QdrantClient, tracing: Tracing) -> None:
    token = otel_context.attach(otel_context.set_value("suppress_instrumentation", True))
    try:
        docs.query_points("docs", [1.0, 0.0])
    finally:
        otel_context.detach(token)
    assert tracing.spans == ()


def test_after_uninstrument_nothing_is_traced(docs: QdrantClient, tracing: Tracing) -> None:
    groundwire.uninstrument()
    docs.query_points("docs", [1.0, 0.0])
    assert tracing.spans == ()
    assert not hasattr(vars(QdrantClient)["query_points"], "__wrapped__")


@pytest.mark.parametrize("capture", ["scored", "off"])
def test_content_is_left_off_unless_it_is_captured(tracing: Tracing, capture: Any) -> None:
    tracing.instrument(capture=capture)
    store({"text": "one"}).query_points("docs", [1.0, 0.0])
    assert CONTENT not in tracing.attributes


def test_queries_in_threads_are_spans_of_their_own(docs: QdrantClient, tracing: Tracing) -> None:
    tracer = tracing.provider.get_tracer("app")

    def one(limit: int) -> int:
        with tracer.start_as_current_span(str(limit)):
            return len(docs.query_points("docs", [1.0, 0.0], limit=limit).points)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, [1, 2, 3] * 4)) == [1, 2, 3] * 4
    apps = {s.context.span_id: s.name for s in tracing.spans if s.name.isdigit()}
    calls = [s for s in tracing.spans if s.parent is not None]
    assert len(calls) == 12
    for span in calls:
        assert span.parent is not None
        assert str((span.attributes or {})[TOP_K]) == apps[span.parent.span_id]


async def test_asynchronous_clients_are_traced_alike(tracing: Tracing) -> None:
    client = AsyncQdrantClient(":memory:")
    await client.create_collection("docs", TWO_D)
    await client.upsert("docs", [models.PointStruct(id=1, vector=[1.0, 1.0], payload={"text": "one"})])
    await asyncio.gather(*(client.query_points("docs", [1.0, 0.0], limit=n) for n in (1, 2, 3)))
    await client.retrieve("docs", [1])
    assert [(s.attributes or {}).get(TOP_K) for s in tracing.spans] == [1, 2, 3, None]
    for span in tracing.spans:
        assert json.loads(str((span.attributes or {})[CONTENT]))[0]["content"] == "one"


# --- versions -------------------------------------------------------------------------------------------------------


def test_methods_of_other_versions_are_passed_over(caplog: pytest.LogCaptureFixture, tracing: Tracing) -> None:
    with caplog.at_level(logging.DEBUG, "groundwire"):
        tracing.instrument()
    absent = {r.getMessage().split()[2].rpartition(".")[2] for r in caplog.records if "in this version" in r.msg}
    assert absent <= OLD
    assert not [r for r in caplog.records if r.levelno > logging.DEBUG]


@older
def test_searches_of_older_clients_are_traced(docs: QdrantClient, tracing: Tracing) -> None:
    client: Any = docs
    client.search("docs", [1.0, 0.0], limit=1)
    client.search_batch("docs", [models.SearchRequest(vector=[1.0, 0.0], limit=1, with_payload=True)])
    client.search_groups("docs", [1.0, 0.0], "group", limit=1, group_size=1)
    client.recommend("docs", positive=[2], limit=1)
    client.recommend_batch("docs", [models.RecommendRequest(positive=[2], limit=1, with_payload=True)])
    client.recommend_groups("docs", "group", positive=[2], limit=1, group_size=1)
    client.discover("docs", target=2, limit=1)
    client.discover_batch("docs", [models.DiscoverRequest(target=2, limit=1, with_payload=True)])
    assert len(tracing.spans) == 8
    for span in tracing.spans:
        (document,) = json.loads(str((span.attributes or {})[CONTENT]))
        assert document["content"] == "one"
        assert (span.attributes or {})[TOP_K] == 1


def test_the_query_of_fastembed_clients_is_read() -> None:
    operation = next(o for o in qdrant.PROVIDER.operations if "qdrant_client:QdrantClient.query" in o.targets)
    asked = operation.request(None, {"collection_name": "docs", "query_text": "how high"})
    assert (asked.query, asked.top_k, asked.data_source) == ("how high", 10, "docs")
    several = operation.request(None, {"collection_name": "docs", "query_texts": ["a", "b"], "limit": 3})
    assert (several.query, several.top_k) == (["a", "b"], 3)
    found = SimpleNamespace(id=1, document="D", metadata={"document": "D", "page": 1}, score=0.5)
    document = groundwire.Document("D", "1", 0.5, {"document": "D", "page": 1})
    assert operation.response([found]).documents == [document]
    assert operation.response([[found], []]).documents == [[document], []]
