"""Every function of telemetry raises in turn, and the application does not notice."""

import gc
import weakref
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.sdk import trace as sdk_trace

import groundwire.call
import groundwire.proxies
from conformance.cases import Case, all_cases, finish
from conformance.harness import Tracing, close, opened, outcome, sabotaged, take, untraced
from groundwire import budget, media, pricing, recall, semconv, tokens, wire

CASES = all_cases()


class Sabotage(Exception):
    """What a broken function of ours raises."""


def _raise(*_: Any, **__: Any) -> Any:
    raise Sabotage


class _NeverAdds:
    def add(self, chunk: Any, /) -> None:
        raise Sabotage

    def response(self) -> Any:
        raise Sabotage


PLAYED = {"answer", "error", "interrupt", "break"}
Break = Callable[[pytest.MonkeyPatch, Case], Any]


def _extractor(**broken: Any) -> Break:
    return lambda _, case: sabotaged(case.provider, **broken)


def _function(owner: Any, name: str, replacement: Any = _raise) -> Break:
    assert hasattr(owner, name)
    return lambda patch, _: patch.setattr(owner, name, replacement)


FAULTS: dict[str, Break] = {
    "request": _extractor(request=_raise),
    "request is nonsense": _extractor(request=lambda *_: None),
    "response": _extractor(response=_raise),
    "response is nonsense": _extractor(response=lambda *_: object()),
    "stream": _extractor(stream=_raise),
    "stream is nonsense": _extractor(stream=lambda: None),
    "accumulator": _extractor(stream=_NeverAdds),
    "applies": _extractor(applies=_raise),
    **{
        f"semconv.{name}": _function(semconv, name)
        for name in (
            "dumps",
            "messages_json",
            "documents_json",
            "prompt_text",
            "request_attributes",
            "request_content",
            "response_attributes",
            "response_content",
            "texts",
            "usage_attributes",
        )
    },
    "budget.encodable": _function(budget, "encodable"),
    "media.blob_part": _function(media, "blob_part"),
    "estimate": _function(groundwire.call, "estimate_tokens"),
    "tokens": _function(tokens, "estimate_tokens"),
    "prices": _function(pricing.PriceTable, "cost"),
    "remember": _function(recall.Recall, "remember"),
    "links": _function(recall.Recall, "links"),
    "recall": _function(recall.Recall, "__bool__"),
    "vault": _function(recall.Vault, "put"),
    "parse_document": _function(groundwire.proxies, "parse_document"),
    "parse_events": _function(groundwire.proxies, "parse_events"),
    "tap": _function(wire.Tap, "feed"),
    "tap events": _function(wire.Tap, "events"),
    "tap text": _function(wire.Tap, "text"),
    "call": _function(groundwire.call.Call, "__init__"),
    "proxy": _function(groundwire.proxies, "SyncStream"),
    "async proxy": _function(groundwire.proxies, "AsyncStream"),
    # Only as we see it: libraries finalize things of their own.
    "finalize": _function(groundwire.proxies, "weakref", SimpleNamespace(**{**vars(weakref), "finalize": _raise})),
    **{
        f"span.{name}": _function(sdk_trace.Span, name)
        for name in ("set_attributes", "set_status", "end", "is_recording", "get_span_context")
    },
    "start_span": _function(sdk_trace.Tracer, "start_span"),
}


# Faults after which no span can be there; after all others the call is told, less what could not be read.
FATAL = frozenset({"call", "applies", "start_span", "recall", "semconv.request_attributes"}) | {
    name for name in FAULTS if name.startswith("span.")
}
# Faults after which nobody sees a stream go on.
UNWATCHED = {"proxy", "async proxy", "finalize"}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_the_application_gets_the_same_and_no_span_is_lost_whatever_breaks(
    case: Case, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {mode: await untraced(case, mode) for mode in sorted(case.modes & PLAYED)}
    capture = "scored" if name == "vault" else "full"
    provider = FAULTS[name](monkeypatch, case) or case.provider
    tracing = Tracing(provider, capture=capture)  # type: ignore[arg-type]
    try:
        for mode, before in known.items():
            tracing.clear()
            assert await outcome(case, await opened(case, mode)) == before, mode
            if name in FATAL:
                continue
            gc.collect(0)
            attributes = tracing.span.attributes or {}
            assert attributes["gen_ai.operation.name"] == case.asked["gen_ai.operation.name"]
            # A generator fails when it is read.
            if name not in UNWATCHED or (mode != "break" and not case.bare):
                assert attributes.get("error.type") == (before.error.__qualname__ if before.error else None)
        if case.streams:
            tracing.clear()
            stream = await finish(case.call(await opened(case, "answer")))
            await take(stream, [], 2)
            await close(case, stream)
            stream = await finish(case.call(await opened(case, "answer")))
            del stream
            gc.collect(0)
            assert name in FATAL or len(tracing.spans) == (1 if case.lazy else 2)
    finally:
        tracing.engine.uninstrument()
