"""Framework, client and store, each traced or not: whatever is, a request is one tree, has one cost and one answer."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from chromadb.api.models.Collection import Collection
from haystack import Document as Found
from haystack import Pipeline, component
from haystack.components.builders import ChatPromptBuilder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.utils import Secret
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda, RunnablePassthrough
from langgraph.graph import START, StateGraph
from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.retrievers import BaseRetriever as NodeRetriever
from llama_index.core.schema import NodeWithScore, TextNode

from conformance.chroma_cases import Lengths, mountains
from conformance.harness import Tracing, decoded, traced
from conformance.openai_wire import answering, document, stream
from dialects.recorded import live_chains
from groundwire import Provider
from groundwire.model import RagChain
from groundwire.records import from_readable
from groundwire_instrumentation import chroma, haystack, langchain, langgraph, llama_index, openai

QUESTION = "How high is Everest?"
ANSWER = "Everest is 8,849 m high."
USAGE = {"prompt_tokens": 60, "completion_tokens": 10, "total_tokens": 70}
COST = 60 * 0.15e-6 + 10 * 0.60e-6
"""Of gpt-4o-mini, by OpenAI's price list."""


def client(asynchronous: bool = False) -> Any:
    """OpenAI's client over a wire that knows one answer, whole or streamed."""
    common = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o-mini"}

    def respond(request: Any) -> Any:
        if b'"stream":true' not in request.content.replace(b" ", b""):
            message = {"role": "assistant", "content": ANSWER}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            return document(common | {"object": "chat.completion", "choices": [choice], "usage": USAGE})
        chunk = common | {"object": "chat.completion.chunk"}
        words = [{"index": 0, "delta": {"content": word}} for word in ("Everest is ", "8,849 m high.")]
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        return stream([chunk | {"choices": [c]} for c in (*words, end)] + [chunk | {"choices": [], "usage": USAGE}])

    return answering(respond, asynchronous=asynchronous)


def ask(prompt: str) -> str:
    reply = client().chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": prompt}])
    return str(reply.choices[0].message.content)


def ask_in_words(prompts: Any) -> Any:
    for prompt in prompts:
        messages = [{"role": "user", "content": prompt}]
        options = {"stream": True, "stream_options": {"include_usage": True}}
        for chunk in client().chat.completions.create(model="gpt-4o-mini", messages=messages, **options):
            yield from (choice.delta.content for choice in chunk.choices if choice.delta.content)


def found() -> Any:
    collection = Collection(mountains()._client, mountains()._model, Lengths())  # type: ignore[type-var]
    return collection.query(query_texts=QUESTION, n_results=2)


# --- one application, in four frameworks ----------------------------------------------------------------------------


class Stored(BaseRetriever):
    """A retriever of LangChain over Chroma: it hands texts on, and no scores."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [Document(text) for text in found()["documents"][0]]


class StoredNodes(NodeRetriever):
    """A retriever of LlamaIndex over Chroma."""

    def _retrieve(self, query_bundle: Any) -> list[NodeWithScore]:
        rows = found()
        columns = zip(rows["ids"][0], rows["documents"][0], rows["distances"][0], strict=True)
        return [NodeWithScore(node=TextNode(id_=i, text=text), score=1 / (1 + d)) for i, text, d in columns]


class Asking(CustomLLM):
    """A model of LlamaIndex that asks OpenAI's client, and answers in words only once they are read."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="gpt-4o-mini")

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        return CompletionResponse(text=ask(prompt))

    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
        def words() -> Any:
            said = ""
            for word in ask_in_words([prompt]):
                said += word
                yield CompletionResponse(text=said, delta=word)

        return words()


def chain(model: Runnable[Any, Any]) -> Runnable[Any, Any]:
    context = Stored() | (lambda documents: "\n\n".join(d.page_content for d in documents))
    prompt = ChatPromptTemplate.from_template("Context:\n\n{context}\n\nQuestion: {question}")
    return {"context": context, "question": RunnablePassthrough()} | prompt | (lambda p: p.messages[0].content) | model


def by_chain() -> str:
    return str((chain(RunnableLambda(ask)) | StrOutputParser()).invoke(QUESTION))


def by_streamed_chain() -> str:
    return "".join((chain(RunnableGenerator(ask_in_words)) | StrOutputParser()).stream(QUESTION))


def graph() -> Any:
    def retrieve(state: dict[str, Any]) -> dict[str, Any]:
        return state | {"texts": [d.page_content for d in Stored().invoke(state["question"])]}

    def answer(state: dict[str, Any]) -> dict[str, Any]:
        context = "\n\n".join(state["texts"])
        return state | {"answer": ask(f"Context:\n\n{context}\n\nQuestion: {state['question']}")}

    made = StateGraph(dict)  # type: ignore[type-var]
    made.add_node("retrieve", retrieve)  # type: ignore[type-var]
    made.add_node("answer", answer)  # type: ignore[type-var]
    made.add_edge(START, "retrieve")
    made.add_edge("retrieve", "answer")
    return made.compile()


def by_graph() -> str:
    return str(graph().invoke({"question": QUESTION})["answer"])


def by_streamed_graph() -> str:
    *_, last = graph().stream({"question": QUESTION}, stream_mode="values")
    return str(last["answer"])


def engine(streaming: bool) -> Any:
    return RetrieverQueryEngine(
        StoredNodes(),
        get_response_synthesizer(llm=Asking(), streaming=streaming),
        node_postprocessors=[SimilarityPostprocessor(similarity_cutoff=0.0)],
    )


def by_engine() -> str:
    return str(engine(False).query(QUESTION).response)


def by_streamed_engine() -> str:
    return "".join(engine(True).query(QUESTION).response_gen)


@component
class StoredDocuments:
    """A retriever of Haystack over Chroma."""

    @component.output_types(documents=list[Found])
    def run(self, query: str) -> dict[str, Any]:
        rows = found()
        columns = zip(rows["ids"][0], rows["documents"][0], rows["distances"][0], strict=True)
        return {"documents": [Found(id=i, content=text, score=1 / (1 + d)) for i, text, d in columns]}


def pipeline() -> Pipeline:
    lines = "Context:\n\n{% for d in documents %}{{ d.content }}\n\n{% endfor %}Question: {{ question }}"
    made = Pipeline()
    made.add_component("retriever", StoredDocuments())
    made.add_component("prompt", ChatPromptBuilder([ChatMessage.from_user(lines)], required_variables="*"))
    model = OpenAIChatGenerator(api_key=Secret.from_token("never-on-a-span"), model="gpt-4o-mini")
    model.client, model.async_client = client(), client(asynchronous=True)
    made.add_component("llm", model)
    made.connect("retriever.documents", "prompt.documents")
    made.connect("prompt.prompt", "llm.messages")
    return made


DATA = {"query": QUESTION, "question": QUESTION}


def by_pipeline() -> str:
    return str(pipeline().run(DATA)["llm"]["replies"][0].text)


def by_async_pipeline() -> str:
    return str(asyncio.run(pipeline().run_async(DATA))["llm"]["replies"][0].text)


def by_streamed_pipeline() -> str:
    async def words() -> str:
        return "".join([chunk.content async for chunk in pipeline().stream(DATA)])

    return asyncio.run(words())


LANGCHAIN = (langchain.PROVIDER, langgraph.PROVIDER)
APPLICATIONS: dict[str, tuple[Callable[[], str], tuple[Provider, ...]]] = {
    "langchain": (by_chain, LANGCHAIN),
    "langchain, streamed": (by_streamed_chain, LANGCHAIN),
    "langgraph": (by_graph, LANGCHAIN),
    "langgraph, streamed": (by_streamed_graph, LANGCHAIN),
    "llama_index": (by_engine, (llama_index.PROVIDER,)),
    "llama_index, streamed": (by_streamed_engine, (llama_index.PROVIDER,)),
    "haystack": (by_pipeline, (haystack.PROVIDER,)),
    "haystack, async": (by_async_pipeline, (haystack.PROVIDER,)),
    "haystack, streamed": (by_streamed_pipeline, (haystack.PROVIDER,)),
}


# --- the matrix -----------------------------------------------------------------------------------------------------


def run(ask_it: Callable[[], str], providers: tuple[Provider, ...], *, root: bool) -> tuple[Tracing, list[RagChain]]:
    """The traced application; without a framework's, the root span is the application's own."""
    with traced(*providers) as tracing:
        if root:
            with tracing.tracer.start_as_current_span("app"):
                assert ask_it() == ANSWER
        else:
            assert ask_it() == ANSWER
    return tracing, live_chains([from_readable(span) for span in tracing.spans])


ON_OFF = [which for which in itertools.product((True, False), repeat=3) if any(which)]
TOLD = ["+".join(n for n, on in zip(("framework", "client", "store"), which, strict=True) if on) for which in ON_OFF]


@pytest.mark.parametrize("which", ON_OFF, ids=TOLD)
@pytest.mark.parametrize("application", APPLICATIONS)
def test_a_request_is_one_tree_and_has_one_cost_and_one_answer(application: str, which: tuple[bool, ...]) -> None:
    framework, client_on, store = which
    ask_it, frameworks = APPLICATIONS[application]
    providers = (*(frameworks if framework else ()), *((openai.PROVIDER,) if client_on else ()))
    providers += (chroma.PROVIDER,) if store else ()
    tracing, chains = run(ask_it, providers, root=not framework)

    # One tree.
    ids = {span.context.span_id for span in tracing.spans}
    roots = [span for span in tracing.spans if span.parent is None]
    assert len(roots) == 1
    assert all(span.parent.span_id in ids for span in tracing.spans if span.parent is not None)
    operations = [(span.attributes or {}).get("gen_ai.operation.name") for span in tracing.spans]
    assert operations.count("invoke_workflow") == framework
    assert operations.count("retrieval") == framework + store

    # One cost: the client's. Nobody else counts tokens.
    costs = [c for s in tracing.spans if (c := (s.attributes or {}).get("gen_ai.usage.cost")) is not None]
    tokens = [(s.attributes or {}).get("gen_ai.usage.input_tokens") for s in tracing.spans]
    assert costs == ([pytest.approx(COST)] if client_on else [])
    assert [t for t in tokens if t is not None] == ([60] if client_on else [])
    assert operations.count("chat") == client_on

    # One answer, with each passage once, however many retrievals lie around each other.
    assert len(chains) == client_on
    for chain in chains:
        assert (chain.answer, chain.question) == (ANSWER, QUESTION)
        texts = ["Everest is 8,849 m high.", "Fuji is 3,776 m high."]
        if framework or store:
            assert [p.text for p in chain.passages] == texts
            assert [p.in_prompt for p in chain.passages] == [True, True]
            assert [p.retrieved_rank for p in chain.passages] == [1, 2]
        if store:
            assert [p.id for p in chain.passages] == ["e", "f"]
            assert None not in [p.score for p in chain.passages]


@pytest.mark.parametrize("application", APPLICATIONS)
def test_the_store_is_inside_the_retriever_and_the_model_inside_the_workflow(application: str) -> None:
    ask_it, frameworks = APPLICATIONS[application]
    tracing, _ = run(ask_it, (*frameworks, openai.PROVIDER, chroma.PROVIDER), root=False)
    by_id = {span.context.span_id: span for span in tracing.spans}

    def parent(span: Any) -> dict[str, Any]:
        return decoded(by_id[span.parent.span_id].attributes)

    (stored,) = [s for s in tracing.spans if decoded(s.attributes)["gen_ai.provider.name"] == "chroma"]
    (asked,) = [s for s in tracing.spans if decoded(s.attributes)["gen_ai.operation.name"] == "chat"]
    assert parent(stored)["gen_ai.operation.name"] == "retrieval"
    assert parent(asked)["gen_ai.operation.name"] == "invoke_workflow"
    assert parent(asked)["output.value"].find(ANSWER) >= 0
