"""MLflow: spans with a type, each of whose attributes is JSON.

Read after mlflow 3.17.2. Inputs and outputs of a model are request and response as its client has them. Token counts
include cached ones. With MLflow's switch for the conventions' attributes its own are gone from the span, and with them
the documents of retrievers: then passages are cut out of the prompt.
"""

from collections.abc import Mapping
from typing import Any, Literal

from groundwire import semconv
from groundwire.dialects import call_bodies, conventions, found_documents
from groundwire.dialects.chat_messages import from_json
from groundwire.dialects.conventions import count, unquoted
from groundwire.dialects.token_counts import inclusive, usage
from groundwire.finite import finite
from groundwire.model import SpanRecord, Usage

_CALLS = {"TOOL": "execute_tool", "AGENT": "invoke_agent"}
_PROVIDERS = ("openai", "anthropic", "gemini", "bedrock", "groq", "mistral")


def translate(record: SpanRecord) -> Mapping[str, Any] | None:
    """The conventions' attributes for a span of MLflow; None where it is none."""
    attributes = record.attributes
    if "mlflow.spanType" not in attributes and "mlflow.traceRequestId" not in attributes:
        return None
    kind = str(unquoted(attributes.get("mlflow.spanType"))).upper()
    given, returned = _read(attributes.get("mlflow.spanInputs")), _read(attributes.get("mlflow.spanOutputs"))
    if kind in ("CHAT_MODEL", "LLM"):
        asked_for = given.get("model") if isinstance(given, Mapping) else None
        template = attributes.get("prompt_template", attributes.get("prmopt_template"))  # so it is spelt
        return conventions.chat(
            call_bodies.rendered(unquoted(template), attributes.get("template_arguments")) or call_bodies.asked(given),
            call_bodies.replied(returned),
            request_model=asked_for or unquoted(attributes.get("model")),
            response_model=_served_model(returned) or unquoted(attributes.get("mlflow.llm.model")),
            provider=_provider(attributes),
            usage=_usage(attributes, returned),
            cost_usd=_cost(attributes),
        )
    if kind == "EMBEDDING":
        return conventions.embeddings(
            model=unquoted(attributes.get("mlflow.llm.model")) or unquoted(attributes.get("model")),
            provider=_provider(attributes),
            usage=_usage(attributes, returned),
            cost_usd=_cost(attributes),
        )
    if kind in ("RETRIEVER", "RERANKER"):
        which: Literal["retrieval", "rerank"] = "rerank" if kind == "RERANKER" else "retrieval"
        return conventions.search(which, conventions.text_in(given), found_documents.documents(returned))
    named = found_documents.named_search(record.name, returned)
    if named is not None:
        return conventions.search(named[0], conventions.text_in(given), named[1])
    operation = _CALLS.get(kind, semconv.WORKFLOW)
    return conventions.around(operation, conventions.text_in(given), conventions.text_in(returned))


def _provider(attributes: Mapping[str, Any]) -> Any:
    told = unquoted(attributes.get("mlflow.llm.provider"))
    form = unquoted(attributes.get("mlflow.message.format"))  # of a framework, it says no more than its name
    return told or (form if form in _PROVIDERS else None)


def _usage(attributes: Mapping[str, Any], returned: Any) -> Usage | None:
    told = from_json(attributes.get("mlflow.chat.tokenUsage"))
    if not isinstance(told, Mapping):
        return usage(returned.get("usage")) if isinstance(returned, Mapping) else None
    given, made = count(told.get("input_tokens")), count(told.get("output_tokens"))
    if given is None and made is None:
        return None
    read, created = count(told.get("cache_read_input_tokens")), count(told.get("cache_creation_input_tokens"))
    details = usage(attributes.get("usage"))  # of LlamaIndex: the response's own, with what was cached
    if read is None and details is not None and (details.input_tokens, details.output_tokens) == (given, made):
        return details
    return Usage(inclusive(given, read, created), made, read, created)


def _served_model(returned: Any) -> Any:
    """The model that the response names: its own, or that which LlamaIndex has put around it."""
    if not isinstance(returned, Mapping):
        return None
    raw = returned.get("raw")
    return returned.get("model") or (raw.get("model") if isinstance(raw, Mapping) else None)


def _cost(attributes: Mapping[str, Any]) -> float | None:
    """In USD, as MLflow has worked it out."""
    told = from_json(attributes.get("mlflow.llm.cost"))
    return finite(told.get("total_cost")) if isinstance(told, Mapping) else None


def _read(value: Any) -> Any:
    """A value out of its JSON: text is in quotes there."""
    return unquoted(value) if isinstance(value, str) and value.startswith('"') else from_json(value)
