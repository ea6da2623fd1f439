"""LangSmith: its runs, as its client exports them over OpenTelemetry.

Read after langsmith 0.15.1: inputs and outputs are whole JSON objects in `gen_ai.prompt` and `gen_ai.completion`; the
kind of a run is in `langsmith.span.kind`. The name of the operation that it writes beside is no guide: retrievers are
`embeddings` there, and prompt templates `chat`. Token counts include cached ones. A rerank has no kind: it is told by
its name.
"""

from collections.abc import Mapping
from typing import Any, cast

from groundwire import semconv
from groundwire.dialects import call_bodies, conventions, found_documents
from groundwire.dialects.chat_messages import from_json
from groundwire.dialects.conventions import count
from groundwire.dialects.token_counts import usage
from groundwire.finite import finite
from groundwire.model import SpanRecord, Usage

_CALLS = {"tool": "execute_tool"}
_PATH = ("generations", "message", "kwargs", "output")


def translate(record: SpanRecord) -> Mapping[str, Any] | None:
    """The conventions' attributes for a run of LangSmith; None where the span is none."""
    attributes = record.attributes
    kind = attributes.get("langsmith.span.kind")
    if not isinstance(kind, str):
        return None
    kind = kind.lower()
    given, returned = from_json(attributes.get("gen_ai.prompt")), from_json(attributes.get("gen_ai.completion"))
    if kind == "llm":
        metadata = _usage_metadata(attributes, returned)
        return conventions.chat(
            call_bodies.asked(given),
            call_bodies.replied(returned),
            request_model=attributes.get(semconv.REQUEST_MODEL) or attributes.get("langsmith.metadata.ls_model_name"),
            response_model=_served_model(returned),
            provider=attributes.get("langsmith.metadata.ls_provider") or _system(attributes),
            usage=usage(metadata) or _counts(attributes),
            cost_usd=finite(metadata.get("total_cost")) if isinstance(metadata, Mapping) else None,
        )
    if kind == "embedding":
        return conventions.embeddings(
            model=attributes.get(semconv.REQUEST_MODEL),
            provider=attributes.get("langsmith.metadata.ls_provider"),
            usage=_counts(attributes),
        )
    named = found_documents.named_search(record.name, returned)
    if named is not None:
        return conventions.search(named[0], conventions.text_in(given), named[1])
    if kind == "retriever":
        return conventions.search("retrieval", conventions.text_in(given), found_documents.documents(returned))
    operation = _CALLS.get(kind, semconv.WORKFLOW)
    return conventions.around(operation, conventions.text_in(given), conventions.text_in(returned))


def _system(attributes: Mapping[str, Any]) -> Any:
    """The provider; `langchain` was said of all clients until 0.5 or so, and is none."""
    system = attributes.get("gen_ai.system")
    return None if system == "langchain" else system


def _usage_metadata(attributes: Mapping[str, Any], returned: Any) -> Any:
    """Counts with their details: on the span, in the response, or in the message of a LangChain run."""
    metadata = from_json(attributes.get("langsmith.metadata.usage_metadata"))
    return metadata if isinstance(metadata, Mapping) else _within(returned, "usage_metadata")


def _served_model(returned: Any) -> Any:
    """The model that LangChain says has answered."""
    about = _within(returned, "response_metadata")
    return about.get("model_name") or about.get("model") if about is not None else None


def _within(returned: Any, name: str) -> Mapping[str, Any] | None:
    """An object in a response: on top, or in its first message."""
    for _ in range(8):
        if isinstance(returned, list | tuple):
            returned = returned[0] if returned else None
        elif isinstance(returned, Mapping):
            if isinstance(returned.get(name), Mapping):
                return cast(Mapping[str, Any], returned[name])
            returned = next((returned[k] for k in _PATH if isinstance(returned.get(k), Mapping | list)), None)
        else:
            break
    return None


def _counts(attributes: Mapping[str, Any]) -> Usage | None:
    given, made = count(attributes.get(semconv.INPUT_TOKENS)), count(attributes.get(semconv.OUTPUT_TOKENS))
    return None if given is None and made is None else Usage(given, made)
