"""Haystack: pipelines and agents, which hold what their components do; retrievers, rankers, tools.

The model call is told by the client underneath. Components have no class in common: what one takes and gives, or its
name, tells what it is. A retriever is asked and gives documents, a ranker is handed documents as well. Of pipelines
inside pipelines, and retrievers inside retrievers, the outermost is told.
"""

import dataclasses
import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from groundwire.documents import as_documents, scores_descend
from groundwire.model import Document, Operation, OperationKind, Provider, Request, Response
from groundwire.semconv import TOOL_DESCRIPTION

_RUNS = tuple(f"haystack.core.component.component:ComponentMeta+.{run}" for run in ("run", "run_async"))
_PIPELINES = ("pipeline:Pipeline", "async_pipeline:AsyncPipeline")  # the second one in Haystack 2
_SHAPES = ("run", "run_async", "run_async_generator")
_FAN_OUT = ("multi_retriever", "multi_query_text_retriever", "multi_query_embedding_retriever")
_ASKED = ("query", "queries", "question")
_GIVEN = ("documents", "context_documents")
_ANSWERS = ("replies", "answers", "answer")
"""What gives one beside its documents does more than search."""
_SETTINGS = ("streaming_callback", "generation_kwargs", "tools", "hook_context")


def _is(kind: OperationKind) -> Any:
    return lambda component: _role(component) == kind


def _role(component: Any) -> OperationKind | None:
    name, takes = component.__name__, inspect.signature(component.run).parameters
    if any(each.__name__ == "Agent" and each.__module__.startswith("haystack.") for each in component.__mro__):
        return "agent"
    gives = getattr(component.run, "_output_types_cache", None)  # none where the component is told later
    if gives and (not any(each in gives for each in _GIVEN) or any(each in gives for each in _ANSWERS)):
        return None
    if "Retriever" in name:
        return "retrieval"
    asked = bool(gives) and any(each.startswith(_ASKED) for each in takes)
    if "documents" in takes:
        return "rerank" if asked or "Rank" in name else None
    return "retrieval" if asked else None


def _search(component: Any, arguments: Mapping[str, Any]) -> Request:
    query = next((arguments[name] for name in _ASKED if arguments.get(name)), None)
    counts = (arguments.get("top_k"), getattr(component, "top_k", None), getattr(component, "_top_k", None))
    return Request(
        name=type(component).__name__,
        query=query if isinstance(query, str | list) else None,
        top_k=next((count for count in counts if type(count) is int), None),
    )


def _ranking(component: Any, arguments: Mapping[str, Any]) -> Request:
    model = getattr(component, "model", getattr(component, "model_name_or_path", None))
    return replace(
        _search(component, arguments),
        model=model if isinstance(model, str) else None,
        documents=_documents(arguments["documents"]),
    )


def _documents(found: Any) -> list[Document]:
    if not all(hasattr(each, "meta") for each in found):
        return as_documents(found)  # a component of the application's own may give texts
    return [Document(each.content, each.id, each.score, each.meta or None) for each in found]


def _found(result: Mapping[str, Any]) -> Response:
    documents = _documents(next((result[name] for name in _GIVEN if name in result), ()))
    return Response(documents=documents, higher_is_better=scores_descend(documents))


def _told(value: Any, depth: int = 0) -> Any:
    """The value with messages told by their texts; without vectors, functions, and what is not there."""
    if depth > 8 or isinstance(value, str | int | float | None):
        return value
    if isinstance(value, list | tuple):
        return [_told(each, depth + 1) for each in value]
    if hasattr(value, "tool_call_results"):  # a message
        said = {"tool_calls": value.tool_calls, "results": [each.result for each in value.tool_call_results]}
        said = {key: _told(each, depth + 1) for key, each in said.items() if each}
        return {"role": value.role.value, "content": value.text} | said if said else value.text
    if dataclasses.is_dataclass(value):
        value = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if not isinstance(value, Mapping):
        return value
    kept = {k: v for k, v in value.items() if not (v is None or callable(v) or isinstance(v, bytes))}
    return {str(k): _told(v, depth + 1) for k, v in kept.items() if not str(k).endswith("embedding")}


def _workflow(holder: Any, arguments: Mapping[str, Any]) -> Request:
    given = arguments.get("data") or {k: v for k, v in arguments.items() if k not in _SETTINGS}
    messages = given.get("messages") if len(given) == 1 else None
    return Request(name=type(holder).__name__, input=_told(given if messages is None else messages))


def _outcome(result: Any) -> Response:
    return Response(output=_told(result.get("last_message", result)))


class _Outputs:
    """What a pipeline yields: of each component that is done its outputs, then all that it gives."""

    def __init__(self) -> None:
        self._last: Any = None

    def add(self, chunk: Any, /) -> None:
        self._last = _told(chunk)

    def response(self) -> Response:
        return Response(output=self._last)


def _tool(tool: Any, arguments: Mapping[str, Any]) -> Request:
    known = {"gen_ai.tool.type": "function", TOOL_DESCRIPTION: tool.description}
    return Request(name=tool.name, arguments=_told(arguments), attributes={k: v for k, v in known.items() if v})


def _pauses(error: BaseException) -> bool:
    return type(error).__name__ == "BreakpointException"


PROVIDER = Provider(
    name="haystack",
    module="haystack",
    distribution="haystack-ai",
    operations=(
        Operation("retrieval", _RUNS, _search, _found, of=_is("retrieval")),
        Operation("rerank", _RUNS, _ranking, _found, of=_is("rerank")),
        Operation("agent", _RUNS, _workflow, _outcome, of=_is("agent"), pauses=_pauses),
        Operation(
            "workflow",
            tuple(f"haystack.core.pipeline.{pipeline}.{shape}" for pipeline in _PIPELINES for shape in _SHAPES),
            _workflow,
            _outcome,
            _Outputs,
            pauses=_pauses,
        ),
        Operation(
            "tool",
            ("haystack.tools.tool:Tool+.invoke", "haystack.tools.tool:Tool+.invoke_async"),
            _tool,
            lambda result: Response(result=_told(result)),
        ),
    ),
    executors=tuple(f"haystack.components.retrievers.{module}:ThreadPoolExecutor" for module in _FAN_OUT),
)
