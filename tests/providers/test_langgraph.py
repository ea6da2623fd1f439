"""What is particular to graphs: they stop for people, and stream messages of models and tools alike."""

import asyncio
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tools import tool
from langgraph.checkpoint.memory import MemorySaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import MessagesState
from langgraph.types import Command, interrupt
from opentelemetry.trace import StatusCode

from conformance.harness import Tracing, traced
from groundwire_instrumentation import langchain, langgraph

BOTH = (langchain.PROVIDER, langgraph.PROVIDER)


def names(tracing: Tracing) -> list[tuple[str, str | None]]:
    """Spans with their parents, in the order in which they ended."""
    by_id = {span.context.span_id: span.name for span in tracing.spans}
    return [(span.name, by_id[span.parent.span_id] if span.parent else None) for span in tracing.spans]


@tool
def sure(question: str) -> str:
    """Asks a person."""
    return str(interrupt(question))


def asking() -> Any:
    inner = StateGraph(dict)  # type: ignore[type-var]
    inner.add_node("ask", lambda state: {"said": sure.invoke({"question": "sure?"})})  # type: ignore[type-var]
    inner.add_edge(START, "ask")
    outer = StateGraph(dict)  # type: ignore[type-var]
    outer.add_node("inner", inner.compile())  # type: ignore[type-var]
    outer.add_edge(START, "inner")
    return outer.compile(checkpointer=MemorySaver(), name="asking")


def test_a_graph_that_stops_for_a_person_has_not_failed() -> None:
    thread: Any = {"configurable": {"thread_id": "1"}}
    with traced(*BOTH) as tracing:
        graph = asking()
        assert "__interrupt__" in graph.invoke({"q": 1}, thread)
        assert names(tracing) == [("execute_tool sure", "invoke_workflow asking"), ("invoke_workflow asking", None)]
        assert {span.status.status_code for span in tracing.spans} == {StatusCode.UNSET}
        tracing.clear()
        assert graph.invoke(Command(resume="yes"), thread) == {"said": "yes"}
        tool_span, _ = tracing.spans
        assert (tool_span.attributes or {})["gen_ai.tool.call.result"] == "yes"


def test_an_error_of_a_node_is_one_of_the_graph() -> None:
    broken = StateGraph(dict)  # type: ignore[type-var]
    broken.add_node("divide", lambda state: 1 / 0)  # type: ignore[type-var]
    broken.add_edge(START, "divide")
    with traced(*BOTH) as tracing, pytest.raises(ZeroDivisionError):
        broken.compile().invoke({"q": 1})
    assert tracing.span.status.status_code is StatusCode.ERROR


def test_streamed_messages_are_what_models_say_and_not_what_tools_return() -> None:
    graph = StateGraph(MessagesState)
    graph.add_node("search", lambda state: {"messages": [ToolMessage("Everest ...", tool_call_id="c")]})
    graph.add_node("answer", lambda state: {"messages": [AIMessage("8,849 m.")]})
    graph.add_edge(START, "search")
    graph.add_edge("search", "answer")
    with traced(*BOTH) as tracing:
        pieces = list(graph.compile().stream({"messages": []}, stream_mode="messages"))
    assert len(pieces) == 2
    assert (tracing.span.attributes or {})["output.value"] == "8,849 m."


class Found(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [Document(query)]


async def test_requests_at_the_same_time_are_trees_of_their_own() -> None:
    chain = RunnablePassthrough() | {"found": Found(), "again": RunnableLambda(lambda q: Found().invoke(q))}
    with traced(*BOTH) as tracing:
        await asyncio.gather(*(chain.ainvoke(str(number)) for number in range(8)))
    traces: dict[int, set[Any]] = {}
    for span in tracing.spans:
        attributes = span.attributes or {}
        asked = attributes.get("gen_ai.retrieval.query.text", attributes.get("input.value"))
        traces.setdefault(span.context.trace_id, set()).add(asked)
    assert sorted(map(sorted, traces.values())) == [[str(number)] for number in range(8)]
    assert len(tracing.spans) == 24


def test_a_chain_inside_a_tool_is_a_workflow_again() -> None:
    @tool
    def research(topic: str) -> str:
        """Looks into a topic."""
        return str((RunnablePassthrough() | Found()).invoke(topic)[0].page_content)

    with traced(*BOTH) as tracing:
        assert (RunnablePassthrough() | RunnableLambda(lambda q: research.invoke(q))).invoke("Everest") == "Everest"
    assert names(tracing) == [
        ("retrieval Found", "invoke_workflow RunnableSequence"),
        ("invoke_workflow RunnableSequence", "execute_tool research"),
        ("execute_tool research", "invoke_workflow RunnableSequence"),
        ("invoke_workflow RunnableSequence", None),
    ]
