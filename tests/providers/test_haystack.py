"""What is particular to Haystack: any class may be a retriever, agents call tools in threads, pipelines hold others."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from haystack import Document, Pipeline, SuperComponent, component
from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.components.joiners import DocumentJoiner
from haystack.components.rankers import LostInTheMiddleRanker
from haystack.components.retrievers import InMemoryBM25Retriever, InMemoryEmbeddingRetriever, MultiQueryTextRetriever
from haystack.core.component.component import ComponentMeta
from haystack.core.errors import BreakpointException
from haystack.dataclasses import ChatMessage
from haystack.dataclasses.breakpoints import Breakpoint
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.tools import ComponentTool, Tool
from haystack.utils import Secret
from haystack_integrations.components.retrievers.chroma import ChromaEmbeddingRetriever
from haystack_integrations.components.retrievers.qdrant import QdrantEmbeddingRetriever
from haystack_integrations.document_stores.chroma import ChromaDocumentStore
from haystack_integrations.document_stores.qdrant import QdrantDocumentStore
from opentelemetry.trace import StatusCode

from conformance.harness import Tracing, decoded, traced
from conformance.openai_wire import answering, document
from groundwire import Provider
from groundwire_instrumentation import chroma, openai, qdrant
from groundwire_instrumentation.haystack import PROVIDER

EVEREST, FUJI = "Everest is 8,849 m high.", "Fuji is 3,776 m high."
USAGE = {"prompt_tokens": 60, "completion_tokens": 10, "total_tokens": 70}


def mountains() -> list[Document]:
    vectors = ([0.1, 0.9, 0.1], [0.9, 0.1, 0.2])
    return [Document(content=text, embedding=vector) for text, vector in zip((EVEREST, FUJI), vectors, strict=True)]


def store() -> InMemoryDocumentStore:
    made = InMemoryDocumentStore(bm25_algorithm="BM25L")  # a document of two is rare for no other
    made.write_documents(mountains())
    return made


def piped(**components: Any) -> Pipeline:
    made = Pipeline()
    for name, each in components.items():
        made.add_component(name, each)
    return made


def tree(tracing: Tracing) -> list[tuple[str, str | None]]:
    """Spans with their parents, in the order in which they began."""
    by_id = {span.context.span_id: span.name for span in tracing.spans}
    spans = sorted(tracing.spans, key=lambda span: span.context.span_id)
    return [(span.name, by_id[span.parent.span_id] if span.parent else None) for span in spans]


def texts(span: Any, key: str = "gen_ai.retrieval.documents") -> list[str]:
    return [row["content"] for row in decoded(span.attributes)[key]]


def test_a_retriever_that_is_written_afterwards_is_traced_in_and_out_of_a_pipeline() -> None:
    with traced(PROVIDER) as tracing:

        @component
        class Shelf:
            @component.output_types(documents=list[str], count=int)
            def run(self, question: str) -> dict[str, Any]:
                return {"documents": [EVEREST], "count": 1}

        Shelf().run(question="How high?")
        assert tree(tracing) == [("retrieval Shelf", None)]
        assert texts(tracing.span) == [EVEREST]
        tracing.clear()
        assert piped(shelf=Shelf()).run({"question": "How high?"}) == {"shelf": {"documents": [EVEREST], "count": 1}}
        assert tree(tracing) == [("invoke_workflow Pipeline", None), ("retrieval Shelf", "invoke_workflow Pipeline")]
        assert decoded(tracing.spans[0].attributes)["gen_ai.retrieval.query.text"] == "How high?"
    assert type(vars(Shelf)["run"]).__name__ == "function"
    assert "__init__" not in vars(ComponentMeta)


def test_components_that_do_not_search_are_not_retrievals() -> None:
    @component
    class Converter:
        @component.output_types(documents=list[Document])
        def run(self, sources: list[str]) -> dict[str, Any]:
            return {"documents": [Document(content=source) for source in sources]}

    @component
    class Counter:
        @component.output_types(count=int)
        def run(self, query: str, documents: list[Document]) -> dict[str, Any]:
            return {"count": len(documents)}

    @component
    class Answering:
        @component.output_types(replies=list[str], documents=list[Document])
        def run(self, query: str) -> dict[str, Any]:
            return {"replies": [query], "documents": [Document(content=query)]}

    with traced(PROVIDER) as tracing:
        Answering().run(query="?")
        documents = Converter().run(sources=[EVEREST])["documents"]
        Counter().run(query="?", documents=documents)
        DocumentJoiner().run(documents=[documents])
        assert tracing.spans == []


def test_hybrid_retrieval_is_two_retrievals_and_a_rerank_in_one_tree() -> None:
    held = store()
    made = piped(
        words=InMemoryBM25Retriever(held),
        vectors=InMemoryEmbeddingRetriever(held),
        joined=DocumentJoiner(),
        ranker=LostInTheMiddleRanker(),
    )
    for names in (("words", "joined"), ("vectors", "joined"), ("joined", "ranker")):
        made.connect(*names)
    data = {"words": {"query": "Fuji"}, "vectors": {"query_embedding": [0.1, 0.7654321, 0.1]}}
    for run in (lambda: made.run(data), lambda: asyncio.run(made.run_async(data))):
        with traced(PROVIDER) as tracing:
            run()
            assert sorted(tree(tracing)) == [
                ("invoke_workflow Pipeline", None),
                ("rerank LostInTheMiddleRanker", "invoke_workflow Pipeline"),
                ("retrieval InMemoryBM25Retriever", "invoke_workflow Pipeline"),
                ("retrieval InMemoryEmbeddingRetriever", "invoke_workflow Pipeline"),
            ]
            (ranked,) = [span for span in tracing.spans if span.name.startswith("rerank")]
            assert sorted(texts(ranked, "groundwire.rerank.input_documents")) == sorted(texts(ranked))
            # The vector that was asked with is on no span.
            assert "0.7654321" not in json.dumps([decoded(span.attributes) for span in tracing.spans])


def test_a_retriever_that_asks_others_in_threads_is_one_retrieval() -> None:
    retriever = MultiQueryTextRetriever(retriever=InMemoryBM25Retriever(store()), max_workers=2)
    with traced(PROVIDER) as tracing:
        retriever.run(queries=["Everest", "Fuji"])
        assert tree(tracing) == [("retrieval MultiQueryTextRetriever", None)]
        assert decoded(tracing.span.attributes)["gen_ai.retrieval.query.text"] == "Everest\nFuji"


def in_chroma(folder: Path) -> Any:
    return ChromaDocumentStore(persist_path=str(folder))  # in memory there is one for the whole process


def in_qdrant(_: Path) -> Any:
    return QdrantDocumentStore(location=":memory:", embedding_dim=3)


CHROMA = (in_chroma, ChromaEmbeddingRetriever, chroma.PROVIDER)
QDRANT = (in_qdrant, QdrantEmbeddingRetriever, qdrant.PROVIDER)


@pytest.mark.parametrize(("make", "retriever", "provider"), [CHROMA, QDRANT], ids=["chroma", "qdrant"])
def test_a_document_store_on_a_traced_store_is_inside_the_retriever(
    make: Callable[..., Any], retriever: Callable[..., Any], provider: Provider, tmp_path: Path
) -> None:
    held = make(tmp_path)
    held.write_documents(mountains())
    with traced(PROVIDER, provider) as tracing:
        piped(retriever=retriever(document_store=held, top_k=2)).run({"query_embedding": [0.1, 0.8, 0.1]})
        inner, outer, _ = tracing.spans
        assert [parent for _, parent in tree(tracing)] == [None, "invoke_workflow Pipeline", outer.name]
        assert texts(inner) == texts(outer) == [EVEREST, FUJI]
        assert decoded(outer.attributes)["gen_ai.retrieval.top_k"] == 2
        better = decoded(outer.attributes)["groundwire.retrieval.higher_is_better"]
        assert better is (provider.name == "qdrant")  # Chroma's are distances


def agent(asynchronous: bool = False) -> Agent:
    def respond(request: Any) -> Any:
        asked = json.loads(request.content)["messages"]
        message: dict[str, Any] = {"role": "assistant", "content": EVEREST}
        if not any(each["role"] == "tool" for each in asked):
            calls = [("search", {"query": "Everest"}), ("height", {"mountain": "Everest"})]
            functions = [{"name": name, "arguments": json.dumps(given)} for name, given in calls]
            made = [{"id": f["name"], "type": "function", "function": f} for f in functions]
            message = {"role": "assistant", "content": None, "tool_calls": made}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        common = {"id": "c", "created": 1, "model": "gpt-4o-mini", "object": "chat.completion"}
        return document(common | {"choices": [choice], "usage": USAGE})

    model = OpenAIChatGenerator(api_key=Secret.from_token("never-on-a-span"), model="gpt-4o-mini")
    model.client, model.async_client = answering(respond), answering(respond, asynchronous=True)
    schema = {"type": "object", "properties": {"mountain": {"type": "string"}}}
    height = Tool("height", "How high.", schema, function=lambda mountain: "8,849 m")
    search = ComponentTool(InMemoryBM25Retriever(store()), name="search", description="Searches.")
    return Agent(chat_generator=model, tools=[search, height])


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_an_agent_holds_its_model_s_calls_and_its_tools_which_hold_what_they_find(asynchronous: bool) -> None:
    made = piped(agent=agent())
    data = {"agent": {"messages": [ChatMessage.from_user("How high is Everest?")]}}
    with traced(PROVIDER, openai.PROVIDER) as tracing:
        result = asyncio.run(made.run_async(data)) if asynchronous else made.run(data)
        assert result["agent"]["last_message"].text == EVEREST
        assert sorted(tree(tracing), key=str) == [
            ("chat gpt-4o-mini", "invoke_agent Agent"),
            ("chat gpt-4o-mini", "invoke_agent Agent"),
            ("execute_tool height", "invoke_agent Agent"),
            ("execute_tool search", "invoke_agent Agent"),
            ("invoke_agent Agent", "invoke_workflow Pipeline"),
            ("invoke_workflow Pipeline", None),
            ("retrieval InMemoryBM25Retriever", "execute_tool search"),
        ]
        tokens = [(span.attributes or {}).get("gen_ai.usage.input_tokens") for span in tracing.spans]
        assert [count for count in tokens if count is not None] == [60, 60]


def test_pipelines_inside_pipelines_are_one_workflow() -> None:
    inner = SuperComponent(piped(retriever=InMemoryBM25Retriever(store())))
    with traced(PROVIDER) as tracing:
        piped(inner=SuperComponent(piped(inner=inner))).run({"query": "Everest"})
        retrieval = ("retrieval InMemoryBM25Retriever", "invoke_workflow Pipeline")
        assert tree(tracing) == [("invoke_workflow Pipeline", None), retrieval]


def test_a_component_that_fails_fails_the_pipeline_too_and_a_breakpoint_fails_nothing() -> None:
    with traced(PROVIDER) as tracing:
        made = piped(retriever=InMemoryBM25Retriever(store()))
        with pytest.raises(Exception, match="top_k"):
            made.run({"query": "Everest", "top_k": -1})
        assert [span.status.status_code for span in tracing.spans] == [StatusCode.ERROR, StatusCode.ERROR]
        assert (tracing.spans[0].attributes or {})["error.type"] == "ValueError"
        tracing.clear()
        with pytest.raises(BreakpointException):
            made.run({"query": "Everest"}, break_point=Breakpoint("retriever"), snapshot_callback=lambda _: None)
        assert tracing.span.status.status_code is StatusCode.UNSET


def test_a_streamed_pipeline_that_nobody_reads_on_ends_its_span() -> None:
    @component
    class Slow:
        @component.output_types(said=str)
        def run(self, question: str, streaming_callback: Any = None) -> dict[str, Any]:
            raise NotImplementedError

        @component.output_types(said=str)
        async def run_async(self, question: str, streaming_callback: Any = None) -> dict[str, Any]:
            await streaming_callback("piece")
            await asyncio.Event().wait()
            raise NotImplementedError

    async def read() -> None:
        async for _ in piped(slow=Slow()).stream({"question": "?"}):
            break
        await asyncio.sleep(0.05)

    with traced(PROVIDER) as tracing:
        asyncio.run(read())
        assert tracing.span.name == "invoke_workflow Pipeline"
        assert (tracing.span.attributes or {})["input.value"] == '{"slow":{"question":"?"}}'
