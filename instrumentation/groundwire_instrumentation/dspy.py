"""DSPy: programs as the workflows that hold what they do; retrievers and tools.

The model call is told by the client underneath (lm15, LiteLLM). Of modules inside modules the outermost is told, and of
retrievers inside retrievers the one that knows scores: `dspy.Retrieve` asks whatever `rm` is set, and hands texts on.
What `dspy.Parallel` and `dspy.Evaluate` run in threads stays where they were called.
"""

import sys
from collections.abc import Mapping
from typing import Any

from groundwire.documents import as_documents, from_columns, scores_descend
from groundwire.model import Document, Operation, Provider, Request, Response
from groundwire.semconv import TOOL_DESCRIPTION

_SETTINGS = ("signature", "demos", "config", "lm", "trace")
_RETRIEVERS = (
    *("retrievers.retrieve:Retrieve", "retrievers.embeddings:Embeddings"),
    *("dsp.colbertv2:ColBERTv2", "dsp.colbertv2:ColBERTv2RetrieverLocal"),
)


def _told(value: Any, depth: int = 0) -> Any:
    """The value with predictions and examples as the fields that they hold."""
    value = getattr(value, "_store", value)
    if depth > 8:
        return value
    if isinstance(value, Mapping):
        return {str(key): _told(each, depth + 1) for key, each in value.items() if key not in _SETTINGS}
    return [_told(each, depth + 1) for each in value] if isinstance(value, list | tuple) else value


def _program(module: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(
        name=type(module).__name__, input=_told(arguments["args"] if set(arguments) == {"args"} else arguments)
    )


def _knows(retriever: Any) -> bool:
    """Whether nobody behind it is told instead."""
    behind = type(sys.modules["dspy"].settings.rm).__mro__ if type(retriever).__name__ == "Retrieve" else ()
    names = {target.partition(":")[2] for target in _RETRIEVERS}
    return not any(each.__name__ in names and each.__module__.startswith("dspy.") for each in behind)


def _search(retriever: Any, arguments: Mapping[str, Any]) -> Request:
    query, counts = arguments.get("query", arguments.get("args")), (arguments.get("k"), getattr(retriever, "k", None))
    return Request(
        name=type(retriever).__name__,
        query=query if isinstance(query, str | list) else None,
        top_k=next((count for count in counts if type(count) is int), None),
    )


def _found(result: Any) -> Response:
    fields: Any = getattr(result, "_store", {"passages": result})
    ids, rows = fields.get("indices", fields.get("pid")), fields.get("passages", ())
    if ids is not None:
        scores = fields.get("scores", fields.get("score"))
        documents: Any = from_columns({"ids": ids, "documents": rows, "scores": scores})
    elif all(isinstance(row, Mapping) and "long_text" in row for row in rows):
        documents = [Document(r["long_text"], str(r["pid"]) if "pid" in r else None, r.get("score")) for r in rows]
    else:
        documents = as_documents(rows)
    return Response(documents=documents, higher_is_better=scores_descend(documents))


def _tool(tool: Any, arguments: Mapping[str, Any]) -> Request:
    known = {"gen_ai.tool.type": "function", TOOL_DESCRIPTION: tool.desc}
    return Request(name=tool.name, arguments=_told(arguments), attributes={k: v for k, v in known.items() if v})


def _pair(owner: str) -> tuple[str, str]:
    return f"dspy.{owner}.__call__", f"dspy.{owner}.acall"


PROVIDER = Provider(
    name="dspy",
    module="dspy",
    distribution="dspy",
    operations=(
        Operation("workflow", _pair("primitives.module:Module"), _program, lambda made: Response(output=_told(made))),
        Operation("retrieval", tuple(f"dspy.{each}+.__call__" for each in _RETRIEVERS), _search, _found, on=_knows),
        Operation("tool", _pair("adapters.types.tool:Tool"), _tool, lambda made: Response(result=_told(made))),
    ),
    delegates_to=("dspy_lm15", "litellm"),
    executors=("dspy.utils.parallelizer:ThreadPoolExecutor",),
)
