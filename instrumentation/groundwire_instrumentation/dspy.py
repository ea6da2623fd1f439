"""DSPy: programs as the workflows that hold what they do; retrievers and tools.

The model call is told by the client underneath (lm15, LiteLLM). Of modules inside modules the outermost is told, and of
retrievers inside retrievers the one that knows scores: `dspy.Retrieve` asks whatever `rm` is set, and hands texts on.
What `dspy.Parallel` and `dspy.Evaluate` run in threads stays where they were called.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from groundwire.documents import as_documents, scores_descend
from groundwire.model import Document, Operation, Provider, Request, Response
from groundwire.semconv import TOOL_DESCRIPTION

_SETTINGS = ("signature", "demos", "config", "lm", "trace")
_TRACED = ("ColBERTv2", "ColBERTv2RetrieverLocal", "Embeddings", "Retrieve")


def _told(value: Any, depth: int = 0) -> Any:
    """The value with predictions and examples as the fields that they hold."""
    value = getattr(value, "_store", value)
    if depth > 8:
        return value
    if isinstance(value, Mapping):
        return {str(key): _told(each, depth + 1) for key, each in value.items() if key not in _SETTINGS}
    return [_told(each, depth + 1) for each in value] if isinstance(value, list | tuple) else value


def _program(module: Any, arguments: Mapping[str, Any]) -> Request:
    given = arguments["args"] if set(arguments) == {"args"} else arguments
    return Request(name=type(module).__name__, input=_told(given))


def _knows(retriever: Any) -> bool:
    """Whether nobody behind it is told instead."""
    if type(retriever).__name__ != "Retrieve":
        return True
    asked = type(sys.modules["dspy"].settings.rm)
    return not any(each.__name__ in _TRACED and each.__module__.startswith("dspy.") for each in asked.__mro__)


def _search(retriever: Any, arguments: Mapping[str, Any]) -> Request:
    query = arguments.get("query", arguments.get("query_or_queries", arguments.get("args")))
    counts = (arguments.get("k"), getattr(retriever, "k", None))
    return Request(
        name=type(retriever).__name__,
        query=query if isinstance(query, str | list) else None,
        top_k=next((count for count in counts if type(count) is int), None),
    )


def _found(result: Any) -> Response:
    fields = getattr(result, "_store", {"passages": result})
    documents = _rows(fields.get("passages", fields.get("docs")))
    ids = _column(fields, ("indices", "pid", "doc_ids"), len(documents))
    scores = _column(fields, ("scores", "score"), len(documents))
    if ids is not None:
        documents = [replace(document, id=str(each)) for document, each in zip(documents, ids, strict=True)]
    if scores is not None:
        documents = [replace(document, score=float(each)) for document, each in zip(documents, scores, strict=True)]
    return Response(documents=documents, higher_is_better=scores_descend(documents))


def _column(fields: Mapping[str, Any], names: tuple[str, ...], length: int) -> Any:
    column: Any = next((fields[name] for name in names if name in fields), None)
    return column if hasattr(column, "__len__") and len(column) == length else None


def _rows(passages: Any) -> list[Document]:
    rows: list[Any] = [passages] if isinstance(passages, str) else list(passages)
    if not all(isinstance(row, Mapping) and "long_text" in row for row in rows):
        return as_documents(rows)
    return [Document(r["long_text"], str(r["pid"]) if "pid" in r else None, r.get("score")) for r in rows]


def _tool(tool: Any, arguments: Mapping[str, Any]) -> Request:
    known = {"gen_ai.tool.type": "function", TOOL_DESCRIPTION: tool.desc}
    return Request(name=tool.name, arguments=_told(arguments), attributes={k: v for k, v in known.items() if v})


PROVIDER = Provider(
    name="dspy",
    module="dspy",
    distribution="dspy",
    operations=(
        Operation(
            "workflow",
            ("dspy.primitives.module:Module.__call__", "dspy.primitives.module:Module.acall"),
            _program,
            lambda result: Response(output=_told(result)),
        ),
        Operation(
            "retrieval",
            (
                "dspy.retrievers.retrieve:Retrieve+.__call__",
                "dspy.retrievers.embeddings:Embeddings+.__call__",
                "dspy.dsp.colbertv2:ColBERTv2+.__call__",
                "dspy.dsp.colbertv2:ColBERTv2RetrieverLocal+.__call__",
            ),
            _search,
            _found,
            on=_knows,
        ),
        Operation(
            "tool",
            ("dspy.adapters.types.tool:Tool.__call__", "dspy.adapters.types.tool:Tool.acall"),
            _tool,
            lambda result: Response(result=_told(result)),
        ),
    ),
    delegates_to=("dspy_lm15", "litellm"),
    executors=("dspy.utils.parallelizer:ThreadPoolExecutor",),
)
