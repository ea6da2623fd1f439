"""Chroma, beyond the conformance suite: real embedded stores, and the HTTP clients against a server of ours."""

import asyncio
import json
import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import chromadb
import pytest
from chromadb import K, Knn, Rrf, Search
from chromadb.api.models.Collection import Collection
from chromadb.errors import ChromaError, NotFoundError
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import groundwire
from conformance.chroma_cases import Lengths
from groundwire_instrumentation import chroma

CONTENT = "gen_ai.retrieval.documents"
QUERY = "gen_ai.retrieval.query.text"


class Tracing:
    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.instrument()

    def instrument(self, **settings: Any) -> None:
        groundwire.instrument(tracer_provider=self.provider, evaluators=[], providers=["chroma"], **settings)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    @property
    def span(self) -> ReadableSpan:
        (span,) = self.spans
        return span

    @property
    def documents(self) -> Any:
        return json.loads(str((self.span.attributes or {})[CONTENT]))


@pytest.fixture
def tracing() -> Iterator[Tracing]:
    try:
        yield Tracing()
    finally:
        groundwire.shutdown()


@pytest.fixture
def store() -> Any:
    return chromadb.EphemeralClient()


@pytest.fixture
def peaks(store: Any) -> Collection:
    collection: Collection = store.create_collection(f"peaks-{uuid4().hex}", embedding_function=Lengths())
    collection.add(
        ids=["a", "b", "c"],
        documents=["one", "one two", "one two three four"],
        metadatas=[{"page": 1, "lang": "en"}, {"page": 2}, {"page": 3}],
    )
    return collection


# --- spans ----------------------------------------------------------------------------------------------------------


def test_a_query_is_one_whole_span(peaks: Collection, tracing: Tracing) -> None:
    peaks.query(query_texts=["two words"], n_results=2)
    span = tracing.span
    assert (span.name, span.kind, span.status.status_code) == (
        f"retrieval {peaks.name}",
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )
    documents = [
        {"id": "b", "score": 0.0, "content": "one two", "metadata": {"page": 2}},
        {"id": "a", "score": 1.0, "content": "one", "metadata": {"page": 1, "lang": "en"}},
    ]
    attributes = dict(span.attributes or {})
    assert json.loads(str(attributes.pop(CONTENT))) == documents
    assert attributes == {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.provider.name": "chroma",
        "gen_ai.data_source.id": peaks.name,
        "gen_ai.retrieval.top_k": 2,
        "groundwire.retrieval.higher_is_better": False,
        QUERY: "two words",
    }


def test_a_store_on_disk_is_traced(tracing: Tracing, tmp_path: Path) -> None:
    collection = chromadb.PersistentClient(str(tmp_path)).create_collection("disk", embedding_function=None)
    collection.add(ids=["a"], embeddings=[[1.0]], documents=["A"])
    collection.query(query_embeddings=[[1.0]])
    assert tracing.documents == [{"id": "a", "score": 0.0, "content": "A"}]
    assert (tracing.span.attributes or {})["gen_ai.retrieval.top_k"] == 10


def test_several_queries_of_one_call_are_one_span(peaks: Collection, tracing: Tracing) -> None:
    peaks.query(query_texts=["x", "w x y z"], n_results=1)
    assert [d["id"] for d in tracing.documents] == ["a", "c"]
    assert (tracing.span.attributes or {})[QUERY] == "x\nw x y z"


def test_a_query_by_vector_has_no_text(peaks: Collection, tracing: Tracing) -> None:
    peaks.query(query_embeddings=[[2.0, 1.0]], n_results=1)
    assert QUERY not in (tracing.span.attributes or {})
    assert tracing.documents[0]["id"] == "b"


@pytest.mark.parametrize(
    ("include", "document"),
    [
        ([], {"id": "b"}),
        (["embeddings"], {"id": "b"}),
        (["distances"], {"id": "b", "score": 0.0}),
        (["documents"], {"id": "b", "content": "one two"}),
        (["metadatas"], {"id": "b", "metadata": {"page": 2}}),
    ],
)
def test_what_was_not_included_is_left_out(
    peaks: Collection, tracing: Tracing, include: Any, document: dict[str, Any]
) -> None:
    peaks.query(query_embeddings=[[2.0, 1.0]], n_results=1, include=include)
    assert tracing.documents == [document]


def test_a_query_that_finds_nothing_has_no_documents(peaks: Collection, tracing: Tracing) -> None:
    peaks.query(query_texts="x", where={"page": 99})
    assert tracing.documents == []


@pytest.mark.parametrize(
    "selector", [{"ids": ["b"]}, {"ids": "b"}, {"where": {"page": 2}}, {"where_document": {"$contains": "one two"}}]
)
def test_getting_by_id_or_filter_is_a_retrieval(peaks: Collection, tracing: Tracing, selector: dict[str, Any]) -> None:
    peaks.get(**selector, limit=1)
    assert tracing.documents == [{"id": "b", "content": "one two", "metadata": {"page": 2}}]
    assert QUERY not in (tracing.span.attributes or {})
    assert (tracing.span.attributes or {})["gen_ai.retrieval.top_k"] == 1


def test_listing_the_store_is_no_retrieval(peaks: Collection, tracing: Tracing) -> None:
    peaks.get()
    peaks.get(limit=2, offset=1, include=["documents"])
    with pytest.raises(NotImplementedError):  # embedded
        peaks.search(Search().limit(2, offset=1))
    assert tracing.spans == ()
    with pytest.raises(NotImplementedError):
        peaks.search([Search().limit(2), Search().where(K("page") == 2)])
    assert tracing.span.name == f"retrieval {peaks.name}"


def test_nothing_else_is_traced(peaks: Collection, tracing: Tracing) -> None:
    peaks.add(ids=["d"], documents=["four words are here"])
    peaks.update(ids=["d"], documents=["three words here"])
    peaks.upsert(ids=["e"], documents=["five"])
    peaks.delete(ids=["d"])
    peaks.count()
    peaks.peek()
    peaks.modify(metadata={"topic": "numbers"})
    assert tracing.spans == ()


def test_what_an_embedding_function_does_is_a_child_of_the_query(store: Any, tracing: Tracing) -> None:
    class Traced(Lengths):
        def __call__(self, input: Any) -> Any:
            with tracing.provider.get_tracer("app").start_as_current_span("embeddings"):
                return super().__call__(input)

    collection = store.create_collection(f"traced-{uuid4().hex}", embedding_function=Traced())
    collection.add(ids=["a"], documents=["A"], embeddings=[[1.0, 1.0]])
    collection.query(query_texts="x")
    embeddings, query = tracing.spans
    assert embeddings.name == "embeddings"
    assert embeddings.parent == query.context


# --- what the application gets --------------------------------------------------------------------------------------


def test_results_are_what_they_are_untraced(peaks: Collection, tracing: Tracing) -> None:
    def calls() -> list[Any]:
        return [
            peaks.query(query_texts="x", include=["documents", "distances", "metadatas"]),
            peaks.get(ids="a"),
        ]

    traced = calls()
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
        lambda c: c.query(query_embeddings=[[1.0, 2.0, 3.0]]),
        lambda c: c.query(query_texts="x", n_results=0),
        lambda c: c.query(),
        lambda c: c.query(query_texts=[1]),
        lambda c: c.get(ids=[7]),
        lambda c: c.query(unknown=1),
        lambda c: c.search(Search().rank(Knn(query="x"))),  # not for embedded stores
        lambda c: c.search(7),
    ],
)
def test_an_error_is_the_application_s_and_on_the_span(peaks: Collection, tracing: Tracing, call: Any) -> None:
    error = _fails(lambda: call(peaks))
    span = tracing.span
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == type(error).__qualname__
    groundwire.shutdown()
    untraced = _fails(lambda: call(peaks))
    assert type(error) is type(untraced)
    assert error.args == untraced.args


def test_a_collection_that_is_gone_gives_an_error_span(store: Any, peaks: Collection, tracing: Tracing) -> None:
    store.delete_collection(peaks.name)
    with pytest.raises(NotFoundError):
        peaks.query(query_embeddings=[[1.0, 2.0]])
    assert (tracing.span.attributes or {})["error.type"] == "NotFoundError"
    assert CONTENT not in (tracing.span.attributes or {})


def test_a_collection_made_before_is_traced_and_made_meanwhile_is_not_after(tracing: Tracing, store: Any) -> None:
    meanwhile = store.create_collection(f"m-{uuid4().hex}", embedding_function=Lengths())
    meanwhile.add(ids=["a"], documents=["A"])
    meanwhile.query(query_texts="x")
    assert len(tracing.spans) == 1
    groundwire.uninstrument()
    meanwhile.query(query_texts="x")
    assert len(tracing.spans) == 1
    assert not hasattr(vars(Collection)["query"], "__wrapped__")


def test_suppressed_calls_have_no_span(peaks: Collection, tracing: Tracing) -> None:
    token = otel_context.attach(otel_context.set_value("suppress_instrumentation", True))
    try:
        peaks.query(query_texts="x")
    finally:
        otel_context.detach(token)
    assert tracing.spans == ()


@pytest.mark.parametrize("capture", ["scored", "off"])
def test_content_is_left_off_unless_it_is_captured(peaks: Collection, tracing: Tracing, capture: Any) -> None:
    tracing.instrument(capture=capture)
    peaks.query(query_texts="x")
    assert set(tracing.span.attributes or {}) == {
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.data_source.id",
        "gen_ai.retrieval.top_k",
        "groundwire.retrieval.higher_is_better",
    }


def test_queries_in_threads_are_spans_of_their_own(peaks: Collection, tracing: Tracing) -> None:
    tracer = tracing.provider.get_tracer("app")

    def one(number: int) -> list[str]:
        with tracer.start_as_current_span(str(number)):
            found: list[str] = peaks.query(query_texts="x " * number, n_results=1)["ids"][0]
            return found

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, [1, 2, 4] * 4)) == [["a"], ["b"], ["c"]] * 4
    apps = {s.context.span_id: s.name for s in tracing.spans if s.name.isdigit()}
    for span in tracing.spans:
        if span.parent is not None:
            words = str((span.attributes or {})[QUERY]).split()
            assert str(len(words)) == apps[span.parent.span_id]
    assert len(tracing.spans) == 24


# --- odd content ----------------------------------------------------------------------------------------------------


def test_huge_documents_are_cut_inside_valid_json(store: Any, tracing: Tracing) -> None:
    texts = ["a" * 1_000_000, 'b"\n' * 400_000, "short"]
    collection = store.create_collection(f"huge-{uuid4().hex}", embedding_function=None)
    collection.add(ids=["a", "b", "c"], embeddings=[[1.0], [2.0], [3.0]], documents=texts)
    collection.query(query_embeddings=[[1.0]], n_results=3)
    assert len(str((tracing.span.attributes or {})[CONTENT])) <= 256 * 1024
    first, second, third = tracing.documents
    for row, text in ((first, texts[0]), (second, texts[1])):
        assert text.startswith(row["content"])
        assert row["groundwire.original_length"] == len(text)
        assert row["groundwire.sha256"] == sha256(text.encode()).hexdigest()
    assert third == {"id": "c", "score": 4.0, "content": "short"}


def test_lone_surrogates_in_a_query_can_be_exported(peaks: Collection, tracing: Tracing) -> None:
    peaks.query(query_texts="bad \ud800 text", n_results=1)
    assert (tracing.span.attributes or {})[QUERY] == "bad ? text"


def test_metadata_of_every_kind_is_kept(store: Any, tracing: Tracing) -> None:
    metadata = {"text": "é", "int": 1, "float": 0.5, "bool": True}
    collection = store.create_collection(f"kinds-{uuid4().hex}", embedding_function=None)
    collection.add(ids=["a"], embeddings=[[1.0]], metadatas=[metadata])
    collection.query(query_embeddings=[[1.0]])
    assert tracing.documents == [{"id": "a", "score": 0.0, "metadata": metadata}]


# --- over HTTP ------------------------------------------------------------------------------------------------------

_IDENTITY = {"user_id": "", "tenant": "default_tenant", "databases": ["default_database"]}
_COLLECTION = {
    "id": str(uuid4()),
    "name": "remote",
    "tenant": "default_tenant",
    "database": "default_database",
    "configuration_json": {},
    "metadata": None,
    "dimension": 2,
    "version": 0,
    "log_position": 0,
}
_FOUND = {"ids": [["a"]], "documents": [["A"]], "distances": [[0.5]], "metadatas": [[None]], "include": []}
_SEARCHED = {
    "ids": [["a"], ["b"]],
    "documents": [["A"], None],
    "scores": [[0.5], [0.25]],
    "metadatas": [None, [{"page": 2}]],
    "embeddings": [None, None],
    "select": [[], []],
}


class _Handler(BaseHTTPRequestHandler):
    def _answer(self, body: Any, status: int = 200) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:
        identity = self.path.endswith("/auth/identity")
        self._answer(_IDENTITY if identity else {"max_batch_size": 9} if "checks" in self.path else _COLLECTION)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")
        if self.path.endswith("/query"):
            wrong = len(asked["query_embeddings"][0]) != 2
            error = {"error": "InvalidArgumentError", "message": "expecting embedding with dimension of 2"}
            self._answer(error if wrong else _FOUND, 400 if wrong else 200)
        else:
            self._answer(_SEARCHED if self.path.endswith("/search") else _COLLECTION)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _server() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_query_over_http_names_the_server(tracing: Tracing) -> None:
    with _server() as port, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # chromadb's own
        collection = chromadb.HttpClient("127.0.0.1", port).get_collection("remote", embedding_function=None)
        assert collection.query(query_embeddings=[[1.0, 2.0]])["ids"] == [["a"]]
        with pytest.raises(ChromaError):
            collection.query(query_embeddings=[[1.0]])
    query, failed = tracing.spans
    assert {k: v for k, v in (query.attributes or {}).items() if k.startswith("server")} == {
        "server.address": "127.0.0.1",
        "server.port": port,
    }
    assert json.loads(str((query.attributes or {})[CONTENT])) == [{"id": "a", "score": 0.5, "content": "A"}]
    assert (failed.attributes or {})["error.type"] == "InvalidArgumentError"
    assert (failed.attributes or {})["server.port"] == port


async def test_an_asynchronous_query_over_http_is_the_same(tracing: Tracing) -> None:
    with _server() as port, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = await chromadb.AsyncHttpClient("127.0.0.1", port)
        collection = await client.get_collection("remote", embedding_function=None)
        tracer = tracing.provider.get_tracer("app")

        async def one() -> None:
            with tracer.start_as_current_span("app"):
                assert (await collection.query(query_embeddings=[[1.0, 2.0]]))["ids"] == [["a"]]

        await asyncio.gather(one(), one(), one())
        unawaited = collection.query(query_embeddings=[[1.0, 2.0]])
        unawaited.close()
    queries = [s for s in tracing.spans if s.name == "retrieval remote"]
    assert len(queries) == 3
    assert len({s.parent.span_id for s in queries if s.parent}) == 3
    assert {(s.attributes or {})["server.port"] for s in queries} == {port}


def test_a_search_tells_its_texts_and_scores(tracing: Tracing) -> None:
    with _server() as port, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collection = chromadb.HttpClient("127.0.0.1", port).get_collection("remote", embedding_function=Lengths())
        first = Search().rank(Knn(query="how high") * 0.5 + Knn(query=[1.0, 2.0])).limit(3).select(K.DOCUMENT)
        terms: list[Any] = [Knn(query=text, return_rank=True) for text in ("how high", "how deep")]
        second = Search(rank=Rrf(terms), limit=3)
        found = collection.search([first, second])
    assert found.rows()[0] == [{"id": "a", "document": "A", "score": 0.5}]
    assert tracing.documents == [
        {"id": "a", "score": 0.5, "content": "A"},
        {"id": "b", "score": 0.25, "metadata": {"page": 2}},
    ]
    assert (tracing.span.attributes or {})[QUERY] == "how high\nhow deep"
    assert (tracing.span.attributes or {})["gen_ai.retrieval.top_k"] == 3


# --- versions -------------------------------------------------------------------------------------------------------


def test_every_target_is_in_the_installed_version(caplog: pytest.LogCaptureFixture, tracing: Tracing) -> None:
    with caplog.at_level(logging.DEBUG, "groundwire"):
        tracing.instrument()
    assert "in this version" not in caplog.text
    assert chroma.PROVIDER.module == "chromadb"
