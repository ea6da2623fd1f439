"""Spans of TruLens: instrumented functions, each of a kind, `ai.observability.span_type`.

A generation's prompt is in its event, where content is captured, in an attribute that the application chose, or in the
arguments of the function: often the question and the passages themselves, from which the function makes its prompt.
LangChain's objects are recorded as their `str`. A cost of 0 means that none is known. Calls that a metric makes of its
judge belong to no answer.

Source: trulens-core and trulens-otel-semconv 2.16.0 as installed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from groundwire import semconv
from groundwire.dialects import conventions, gen_ai_events
from groundwire.dialects.call_bodies import asked, replied
from groundwire.dialects.chat_messages import from_json
from groundwire.dialects.conventions import count, text_in
from groundwire.dialects.langchain_text import model_in, prompt_in, reply_in, usage_in
from groundwire.dialects.token_counts import usage
from groundwire.finite import finite
from groundwire.model import Document, SpanRecord, Usage

_SCOPE = "ai.observability."
_ARGUMENTS = _SCOPE + "call.kwargs."
_EVALUATION = (_SCOPE + "eval.target_record_id", _SCOPE + "eval.eval_root_id", _SCOPE + "eval_root.metric_name")
_NO_TEXT = ("self", "config", "run_manager", "callbacks", "kwargs")
"""Arguments that are objects, of which their `str` is recorded."""
_PROMPTS = ("messages", "prompt", "input")
_ANSWERS = ("completion", "output")


def translate(record: SpanRecord) -> Mapping[str, Any] | None:
    """The call, retrieval, rerank or request that a span describes; None where there is none."""
    attributes = record.attributes
    if any(attributes.get(key) for key in _EVALUATION):
        return {semconv.OPERATION: "judgement"}
    kind = attributes.get(_SCOPE + "span_type")
    if kind == "generation":
        return _generation(record)
    if kind == "retrieval":
        query, texts = (attributes.get(f"{_SCOPE}retrieval.{key}") for key in ("query_text", "retrieved_contexts"))
        texts = attributes.get(semconv.RETRIEVAL_DOCUMENTS) if texts is None else texts
        return conventions.search("retrieval", text_in(query), _documents(texts, None))
    if kind == "reranking":
        told = {key: attributes.get(f"{_SCOPE}reranking.{key}") for key in _RERANKING}
        found = _documents(told["output_context_texts"], told["output_context_scores"])
        return conventions.search("rerank", text_in(told["query_text"]), found, model=told["model_name"])
    if kind in ("record_root", "nested_record_root"):
        given, returned = (attributes.get(f"{_SCOPE}record_root.{key}") for key in ("input", "output"))
        around = conventions.around("invoke_workflow", text_in(given), text_in(returned))
        name = attributes.get(_SCOPE + "app_name")
        return around | ({semconv.AGENT_NAME: name} if isinstance(name, str) and name else {})
    return None


_RERANKING = ("query_text", "model_name", "output_context_texts", "output_context_scores")


def _generation(record: SpanRecord) -> dict[str, Any]:
    attributes = record.attributes
    told = gen_ai_events.content_of(record.events)
    prompt = told.get(semconv.INPUT_MESSAGES) or next((m for k in _PROMPTS if (m := asked(attributes.get(k)))), [])
    answer = told.get(semconv.OUTPUT_MESSAGES) or next((m for k in _ANSWERS if (m := replied(attributes.get(k)))), [])
    model, returned = attributes.get(_SCOPE + "cost.model"), attributes.get(_SCOPE + "call.return")
    return conventions.chat(
        prompt or _arguments(attributes),
        answer or reply_in(returned) or replied(returned),
        request_model=attributes.get(semconv.REQUEST_MODEL) or (model if model != "mixed" else None),
        response_model=model_in(returned),
        provider=attributes.get(semconv.PROVIDER) or attributes.get("gen_ai.system"),
        usage=_usage(attributes) or usage(usage_in(returned)),
        cost_usd=_cost(attributes),
    )


def _arguments(attributes: Mapping[str, Any]) -> Sequence[Any]:
    """What the function was given: messages, or texts of which one message is made."""
    given = {
        name: from_json(value)
        for key, value in attributes.items()
        if key.startswith(_ARGUMENTS) and (name := key[len(_ARGUMENTS) :]) not in _NO_TEXT
    }
    for value in given.values():
        if found := prompt_in(value):
            return found
    return asked(given) if given else ()


def _usage(attributes: Mapping[str, Any]) -> Usage | None:
    """Counts of 0 are those of a call that told none."""
    names = ("num_prompt_tokens", "num_completion_tokens", "num_reasoning_tokens")
    given, made, thought = (count(attributes.get(f"{_SCOPE}cost.{name}")) for name in names)
    return Usage(given, made, reasoning_tokens=thought) if given or made else None


def _cost(attributes: Mapping[str, Any]) -> float | None:
    currency = attributes.get(_SCOPE + "cost.cost_currency")
    cost = finite(attributes.get(_SCOPE + "cost.cost"))
    return cost if cost is not None and cost > 0 and currency in (None, "", "USD") else None


def _documents(texts: Any, scores: Any) -> list[Document]:
    """Passages without ids; one is a text where it is the only one."""
    texts, scores = from_json(texts), from_json(scores)
    given: Sequence[Any] = texts if isinstance(texts, list | tuple) else (texts,)
    ranks: Sequence[Any] = scores if isinstance(scores, list | tuple) and len(scores) == len(given) else ()
    found: list[Document] = []
    for n, entry in enumerate(given):
        text = entry if isinstance(entry, str) else text_in(entry)
        if text:
            found.append(Document(text, score=finite(ranks[n]) if ranks else None))
    return found
