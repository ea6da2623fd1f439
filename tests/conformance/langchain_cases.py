"""LangChain in the conformance suite: its own retrievers, tools and chains, around steps that play."""

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import (
    RunnableGenerator,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
    RunnableSequence,
)
from langchain_core.tools import StructuredTool
from langchain_core.vectorstores import InMemoryVectorStore

from conformance.cases import ANY, Case, Mode
from conformance.langchain_embedded import Embedded
from conformance.runnable_steps import ANSWER, PARTIAL, Step
from groundwire_instrumentation.langchain import PROVIDER

QUERY = "How high is it?"


class Mountains(BaseRetriever):
    """A retriever of the application's own."""

    step: Any
    k: int = 2

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return self._found(self.step.answer(query))

    async def _aget_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return self._found(await self.step.answer_later(query))

    def _found(self, answer: str) -> list[Document]:
        return [Document(answer, id="e", metadata={"page": 1}), Document("Fuji is 3,776 m high.")]


def open_retriever(mode: Mode, served: Callable[[], None]) -> Any:
    return Mountains(step=Step(mode, served))


def open_store(mode: Mode, served: Callable[[], None]) -> Any:
    store, step = InMemoryVectorStore(Embedded()), Step(mode, served)
    store.add_texts([ANSWER, "Fuji is 3,776 m high."], [{"page": 1}, {}], ids=["e", "f"])

    def any_page(_: Document) -> bool:
        return bool(step.answer(QUERY))

    return lambda method, **options: getattr(store, method)(QUERY, filter=any_page, **options)


def open_tool(mode: Mode, served: Callable[[], None]) -> Any:
    step = Step(mode, served)

    def height(mountain: str) -> str:
        """How high a mountain is."""
        return step.answer(mountain)

    async def height_later(mountain: str) -> str:
        return await step.answer_later(mountain)

    return StructuredTool.from_function(height, coroutine=height_later)


def open_chain(mode: Mode, served: Callable[[], None]) -> Any:
    step = Step(mode, served)
    return RunnablePassthrough() | RunnableLambda(step.answer, step.answer_later)


def open_words(mode: Mode, served: Callable[[], None]) -> Any:
    step = Step(mode, served)
    return RunnableSequence(RunnablePassthrough(), RunnableGenerator(step.words, step.words_later), name="rag")


def open_parallel(mode: Mode, served: Callable[[], None]) -> Any:
    step = Step(mode, served)
    return RunnableParallel(answer=RunnableLambda(step.answer), question=RunnablePassthrough())


def open_lambda(mode: Mode, served: Callable[[], None]) -> Any:
    return RunnableLambda(Step(mode, served).answer, name="ask")


def workflow(name: str, given: str = QUERY) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.provider.name": "langchain",
        "gen_ai.agent.name": name,
        "openinference.span.kind": "CHAIN",
        "input.value": given,
    }


TOOL = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.provider.name": "langchain",
    "gen_ai.tool.name": "height",
    "gen_ai.tool.type": "function",
    "gen_ai.tool.description": "How high a mountain is.",
    "openinference.span.kind": "TOOL",
    "gen_ai.tool.call.arguments": '{"mountain":"Everest"}',
}
RETRIEVAL = {
    "gen_ai.operation.name": "retrieval",
    "gen_ai.provider.name": "langchain",
    "gen_ai.retrieval.top_k": 2,
    "gen_ai.retrieval.query.text": QUERY,
}
FOUND = [{"id": "e", "content": ANSWER, "metadata": {"page": 1}}, {"content": "Fuji is 3,776 m high."}]
STORE = {name: value for name, value in RETRIEVAL.items() if name != "gen_ai.retrieval.query.text"}
SCORED = [FOUND[0] | {"score": 1.0}, FOUND[1] | {"id": "f", "score": pytest.approx(0.6)}]
TOOL_CALL = {"name": "height", "args": {"mountain": "Everest"}, "id": "c1", "type": "tool_call"}
SEQUENCE = "RunnableSequence"
BOTH = '["Which one?","How high is it?"]'
TWICE = f'["{ANSWER}","{ANSWER}"]'


def case(name: str, client: Any, call: Any, span: str, asked: Any, answered: Any, **rest: Any) -> Case:
    asynchronous = name.startswith("async")
    # LangChain runs coroutines as tasks of their own: an interrupt there ends the loop.
    modes = {"answer", "error"} | ({"hang"} if asynchronous else {"interrupt"})
    return Case(name, PROVIDER, client, call, span, asked, answered, modes, asynchronous=asynchronous, **rest)


def stream(name: str, call: Any, **rest: Any) -> Case:
    asynchronous = name.startswith("async")
    return Case(
        name,
        PROVIDER,
        open_words,
        call,
        "invoke_workflow rag",
        workflow("rag"),
        {"output.value": ANSWER, "gen_ai.response.time_to_first_chunk": ANY},
        {"answer", "error", "break"} | ({"stall"} if asynchronous else set()),
        asynchronous=asynchronous,
        streams=True,
        bare=True,
        partial={"output.value": PARTIAL, "gen_ai.response.time_to_first_chunk": ANY},
        **rest,
    )


CASES = [
    case("retriever", open_retriever, lambda r: r.invoke(QUERY), "retrieval Mountains", RETRIEVAL,
         {"gen_ai.retrieval.documents": FOUND}, kind=list),
    case("async retriever", open_retriever, lambda r: r.ainvoke(QUERY), "retrieval Mountains", RETRIEVAL,
         {"gen_ai.retrieval.documents": FOUND}, kind=list),
    case("store", open_store, lambda search: search("similarity_search", k=2), "retrieval InMemoryVectorStore", STORE,
         {"gen_ai.retrieval.documents": SCORED, "groundwire.retrieval.higher_is_better": True}, kind=list),
    case("store, diverse", open_store, lambda search: search("max_marginal_relevance_search", k=2),
         "retrieval InMemoryVectorStore", STORE,
         {"gen_ai.retrieval.documents": [FOUND[0], FOUND[1] | {"id": "f"}]}, kind=list),
    case("tool", open_tool, lambda t: t.invoke({"mountain": "Everest"}), "execute_tool height", TOOL,
         {"gen_ai.tool.call.result": ANSWER}, kind=str),
    case("tool called by a model", open_tool, lambda t: t.invoke(TOOL_CALL), "execute_tool height",
         TOOL | {"gen_ai.tool.call.id": "c1"}, {"gen_ai.tool.call.result": ANSWER}),
    case("async tool", open_tool, lambda t: t.ainvoke({"mountain": "Everest"}), "execute_tool height", TOOL,
         {"gen_ai.tool.call.result": ANSWER}, kind=str),
    case("chain", open_chain, lambda c: c.invoke(QUERY), f"invoke_workflow {SEQUENCE}", workflow(SEQUENCE),
         {"output.value": ANSWER}, kind=str),
    case("async chain", open_chain, lambda c: c.ainvoke(QUERY), f"invoke_workflow {SEQUENCE}", workflow(SEQUENCE),
         {"output.value": ANSWER}, kind=str),
    case("batch", open_chain, lambda c: c.batch(["Which one?", QUERY]), f"invoke_workflow {SEQUENCE}",
         workflow(SEQUENCE, BOTH), {"output.value": TWICE}, kind=list),
    case("async batch", open_chain, lambda c: c.abatch(["Which one?", QUERY]), f"invoke_workflow {SEQUENCE}",
         workflow(SEQUENCE, BOTH), {"output.value": TWICE}, kind=list),
    case("parallel", open_parallel, lambda c: c.invoke(QUERY), "invoke_workflow RunnableParallel<answer,question>",
         workflow("RunnableParallel<answer,question>"),
         {"output.value": f'{{"answer":"{ANSWER}","question":"{QUERY}"}}'}, kind=dict),
    case("lambda", open_lambda, lambda c: c.invoke(QUERY, {"run_name": "asked"}), "invoke_workflow asked",
         workflow("asked"), {"output.value": ANSWER}, kind=str),
    stream("stream", lambda c: c.stream(QUERY)),
    stream("async stream", lambda c: c.astream(QUERY)),
]  # fmt: skip
