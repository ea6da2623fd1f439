"""LangChain: retrievers, tools, and chains as the workflows that hold them.

The model call is told by the client underneath. Of chains inside chains the outermost is told; a retriever around an
instrumented store is a retrieval around a retrieval, which is one to whoever reads the trace: the store knows ids and
scores, the retriever the last order. `BaseRetriever.invoke`, `BaseTool.run` and their async twins are what every call
of a retriever or a tool goes through, and LangGraph's agents as well.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from groundwire.model import Operation, Provider, Request, Response
from groundwire.semconv import TOOL_CALL_ID, TOOL_DESCRIPTION
from groundwire_instrumentation._langchain_values import Pieces, hits, name_of, outcome, pauses, running, told

_CHAINS = (
    *("base:RunnableSequence", "base:RunnableParallel", "base:RunnableLambda", "base:RunnableGenerator"),
    *("branch:RunnableBranch", "fallbacks:RunnableWithFallbacks", "retry:RunnableRetry", "passthrough:RunnableAssign"),
)
_MEMORY = "langchain_core.vectorstores.in_memory:InMemoryVectorStore"
_SHAPES = ("invoke", "ainvoke", "stream", "astream", "batch", "abatch")


def _chain_request(chain: Any, arguments: Mapping[str, Any]) -> Request:
    given = arguments.get("input", arguments.get("inputs"))
    return Request(name=name_of(chain, arguments), input=told(given))


def _retrieval_request(retriever: Any, arguments: Mapping[str, Any]) -> Request:
    query = arguments["input"]
    counts = (
        arguments.get("k"),
        (getattr(retriever, "search_kwargs", None) or {}).get("k"),
        getattr(retriever, "k", None),
    )
    return Request(
        name=name_of(retriever, arguments),
        query=query if isinstance(query, str) else None,
        top_k=next((count for count in counts if type(count) is int), None),
    )


def _similar(found: Any) -> Response:
    return hits(found, higher_is_better=True)  # cosine


def _search_request(store: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(name=type(store).__name__, top_k=arguments.get("k", 4))


def _tool_request(tool: Any, arguments: Mapping[str, Any]) -> Request:
    known = {TOOL_DESCRIPTION: tool.description, TOOL_CALL_ID: arguments.get("tool_call_id")}
    given, asked_for = arguments["tool_input"], getattr(tool, "_filter_injected_args", None)
    return Request(
        name=tool.name,
        # Without what the graph adds to them: its state, its store.
        arguments=asked_for(given) if asked_for is not None and isinstance(given, Mapping) else given,
        attributes={"gen_ai.tool.type": "function"} | {key: value for key, value in known.items() if value},
    )


def _of_mcp(tool: Any) -> bool:
    """Whether the tool is nothing but one of an MCP server, maybe under a longer name."""
    return str(getattr(getattr(tool, "coroutine", None), "__module__", "")).startswith("langchain_mcp_adapters.")


def _tool_response(result: Any) -> Response:
    return Response(result=told(result), error="tool_error" if getattr(result, "status", None) == "error" else None)


_TOOL = Operation(
    "tool",
    ("langchain_core.tools.base:BaseTool+.run", "langchain_core.tools.base:BaseTool+.arun"),
    _tool_request,
    _tool_response,
    pauses=pauses,
)
PROVIDER = Provider(
    name="langchain",
    module="langchain_core",
    distribution="langchain-core",
    running=running,
    operations=(
        Operation(
            "retrieval",
            ("langchain_core.retrievers:BaseRetriever+.invoke", "langchain_core.retrievers:BaseRetriever+.ainvoke"),
            _retrieval_request,
            hits,
        ),
        # Of the store that comes with LangChain; others are traced themselves.
        Operation("retrieval", (f"{_MEMORY}.similarity_search_with_score_by_vector",), _search_request, _similar),
        Operation("retrieval", (f"{_MEMORY}.max_marginal_relevance_search_by_vector",), _search_request, hits),
        replace(_TOOL, on=_of_mcp, covers=("mcp",)),
        _TOOL,
        Operation(
            "workflow",
            tuple(f"langchain_core.runnables.{chain}.{shape}" for chain in _CHAINS for shape in _SHAPES),
            _chain_request,
            outcome,
            Pieces,
            pauses=pauses,
        ),
    ),
)
