"""LlamaIndex: retrievers, node postprocessors, tools; engines, agents and workflows of events, which hold what they do.

The model call is told by the client underneath. A postprocessor takes ranked nodes and gives ranked nodes back, whether
it reranks, filters or puts other texts in their place: all are told as `rerank`, with the nodes before and after. Of
engines inside engines, and retrievers inside retrievers, the outermost is told. A workflow of events is told from its
first event to its last: what its steps do in tasks of their own is inside.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from groundwire.documents import scores_descend
from groundwire.model import Document, Operation, Provider, Request, Response
from groundwire.semconv import TOOL_DESCRIPTION

_CORE = "llama_index.core"
_RUN = ("workflows.runtime.control_loop.runner:_ControlLoopRunner.run",)
_COUNTS = ("similarity_top_k", "_similarity_top_k", "top_n")


def _query(given: Any) -> str | None:
    """The words of a query bundle, or of a query that is a text."""
    text = given if isinstance(given, str) else getattr(given, "query_str", None)
    return text if isinstance(text, str) else None


def _count(component: Any) -> int | None:
    return next((count for name in _COUNTS if type(count := getattr(component, name, None)) is int), None)


def _retrieval_request(retriever: Any, arguments: Mapping[str, Any]) -> Request:
    query = _query(arguments["str_or_query_bundle"])
    return Request(name=type(retriever).__name__, query=query, top_k=_count(retriever))


def _rerank_request(postprocessor: Any, arguments: Mapping[str, Any]) -> Request:
    model = getattr(postprocessor, "model", None)
    before = _documents(arguments["nodes"])
    return Request(
        name=type(postprocessor).__name__,
        model=model if isinstance(model, str) else None,
        query=arguments.get("query_str") or _query(arguments.get("query_bundle")),
        documents=before,
        top_k=_count(postprocessor),
        read=partial(_ranked, before),
    )


def _documents(nodes: Any) -> list[Document]:
    # Field by field: asking pydantic for what a node lacks costs more than many a search.
    return [
        Document(
            text=getattr(scored.node, "text", None),
            id=scored.node.node_id,
            score=None if scored.score is None else float(scored.score),
            metadata=scored.node.metadata or None,
        )
        for scored in nodes
    ]


def _nodes(nodes: Any) -> Response:
    documents = _documents(nodes)
    return Response(documents=documents, higher_is_better=scores_descend(documents))  # some stores give distances


def _ranked(before: list[Document], nodes: Any) -> Response:
    documents, known = _documents(nodes), {document.id: document.score for document in before}
    kept = all(document.score == known.get(document.id) for document in documents)  # those of the retriever
    return Response(documents=documents, higher_is_better=scores_descend(before) if kept else True)


def _engine_request(engine: Any, arguments: Mapping[str, Any]) -> Request:
    given = arguments.get("message", arguments.get("str_or_query_bundle"))
    return Request(name=type(engine).__name__, input=_query(given))


def _engine_response(answer: Any) -> Response:
    # A chat engine's stream is written by a thread of its own: how far it is by now is chance.
    said = None if hasattr(answer, "chat_stream") else getattr(answer, "response", None)
    return Response(output=said if said else None)


class _Words:
    """What a query engine says, piece by piece."""

    def __init__(self) -> None:
        self._words: list[str] = []

    def add(self, chunk: Any, /) -> None:
        self._words.append(str(chunk))

    def response(self) -> Response:
        return Response(output="".join(self._words) if self._words else None)


def _run_request(runner: Any, arguments: Mapping[str, Any]) -> Request:
    workflow, event = runner.workflow, arguments.get("start_event")
    given = {} if event is None else {key: value for key, value in event.items() if value is not None}
    asked = given.get("user_msg", given)
    named = getattr(workflow, "name", None) if _is_agent(runner) else None
    return Request(name=named or type(workflow).__name__, input=getattr(asked, "content", asked))


def _run_response(event: Any) -> Response:
    given = getattr(event, "result", event)
    said = getattr(given, "response", None)
    return Response(output=said if isinstance(said, str) else getattr(said, "content", given))


def _is_agent(runner: Any) -> bool:
    return any(each.__name__ == "BaseWorkflowAgent" for each in type(runner.workflow).__mro__)


def _stopped(error: BaseException) -> bool:
    return type(error).__name__ == "WorkflowCancelledByUser"


def _tool_request(tool: Any, arguments: Mapping[str, Any]) -> Request:
    known = {"gen_ai.tool.type": "function", TOOL_DESCRIPTION: tool.metadata.description}
    return Request(
        name=tool.metadata.get_name(),
        arguments=dict(arguments),
        attributes={key: value for key, value in known.items() if value},
    )


def _tool_response(output: Any) -> Response:
    return Response(result=output.content, error="tool_error" if getattr(output, "is_error", False) is True else None)


def _pair(owner: str, method: str) -> tuple[str, str]:
    return f"{_CORE}.{owner}.{method}", f"{_CORE}.{owner}.a{method}"


PROVIDER = Provider(
    name="llama_index",
    module=_CORE,  # `llama_index` itself is only a name that several packages share
    distribution="llama-index-core",
    operations=(
        Operation("retrieval", _pair("base.base_retriever:BaseRetriever+", "retrieve"), _retrieval_request, _nodes),
        Operation(
            "rerank", _pair("postprocessor.types:BaseNodePostprocessor+", "postprocess_nodes"), _rerank_request, _nodes
        ),
        Operation(
            "tool",
            (
                *_pair("tools.function_tool:FunctionTool", "call"),
                *_pair("tools.query_engine:QueryEngineTool", "call"),
                *_pair("tools.retriever_tool:RetrieverTool", "call"),
            ),
            _tool_request,
            _tool_response,
        ),
        Operation(
            "workflow",
            (
                *_pair("base.base_query_engine:BaseQueryEngine+", "query"),
                *_pair("chat_engine.types:BaseChatEngine+", "chat"),
                *_pair("chat_engine.types:BaseChatEngine+", "stream_chat"),
            ),
            _engine_request,
            _engine_response,
            _Words,
            part="response_gen",
        ),
        Operation("agent", _RUN, _run_request, _run_response, on=_is_agent, pauses=_stopped),
        Operation("workflow", _RUN, _run_request, _run_response, _Words, part="result.response_gen", pauses=_stopped),
    ),
)
