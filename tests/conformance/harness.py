"""Instruments one provider over an in-memory exporter, with ids that count up."""

from asyncio import sleep as sleep_async
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from time import monotonic, sleep
from typing import Any

import genai_prices
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler
from opentelemetry.trace import SpanKind, StatusCode

from conformance.cases import Case, decoded, finish, plain
from groundwire import Provider
from groundwire.call import Capture, Recorder
from groundwire.engine import Engine
from groundwire.pricing import PRICES
from groundwire.recall import Recall, Vault

_PRICE_IDS = {
    "aws.bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
}


_TERMS = {
    "openai.response.service_tier": "service_tier",
    "gcp.response.service_tier": "service_tier",
    "anthropic.response.speed": "speed",
}
_APART = "groundwire.usage."


class CountingIds(IdGenerator):
    """1, 2, 3 ... so that spans can be compared whole."""

    def __init__(self) -> None:
        self._last = 0

    def generate_span_id(self) -> int:
        self._last += 1
        return self._last

    def generate_trace_id(self) -> int:
        self._last += 1
        return self._last


class Tracing:
    """An engine with its exporter."""

    def __init__(
        self,
        *providers: Provider,
        capture: Capture = "full",
        sampler: Sampler = ALWAYS_ON,
        processors: tuple[SpanProcessor, ...] = (),
        content_limit: int = 256 * 1024,
    ) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(id_generator=CountingIds(), sampler=sampler, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        for processor in processors:
            self.tracer_provider.add_span_processor(processor)
        self.tracer = self.tracer_provider.get_tracer("groundwire")
        self.recorder = Recorder(capture, PRICES, Recall(), Vault(), content_limit)
        self.engine = Engine(self.tracer, self.recorder)
        for provider in providers:
            self.engine.instrument(provider)

    @property
    def spans(self) -> list[ReadableSpan]:
        """Spans that have ended, in that order."""
        return list(self._exporter.get_finished_spans())

    @property
    def span(self) -> ReadableSpan:
        """The one span there is."""
        (span,) = self.spans
        return span

    def wait_for(self, count: int) -> None:
        """Wait until so many spans have ended: what the garbage collector drops ends in another thread."""
        until = monotonic() + 5
        while len(self.spans) < count and monotonic() < until:
            sleep(0.001)

    def clear(self) -> None:
        """Forget the spans so far."""
        self._exporter.clear()


@contextmanager
def traced(*providers: Provider, **settings: Any) -> Iterator[Tracing]:
    """The providers, instrumented for the length of a `with`."""
    tracing = Tracing(*providers, **settings)
    try:
        yield tracing
    finally:
        tracing.engine.uninstrument()


def priced(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes, with the cost that genai-prices itself calculates from their model and usage."""
    model = attributes.get("gen_ai.response.model") or attributes.get("gen_ai.request.model")
    if model is None or "gen_ai.usage.input_tokens" not in attributes:
        return dict(attributes)
    provider = attributes["gen_ai.provider.name"]
    apart = {k.removeprefix(_APART): v for k, v in attributes.items() if k.startswith(_APART) and isinstance(v, int)}
    if any(name.endswith("audio_tokens") for name in apart):
        apart.setdefault("cache_audio_read_tokens", 0)
    terms = {name: v for k, name in _TERMS.items() if (v := attributes.get(k)) not in (None, "default", "standard")}
    usage = genai_prices.Usage(
        input_tokens=attributes["gen_ai.usage.input_tokens"],
        output_tokens=attributes.get("gen_ai.usage.output_tokens", 0),
        cache_read_tokens=attributes.get("gen_ai.usage.cache_read.input_tokens", 0),
        cache_write_tokens=attributes.get("gen_ai.usage.cache_creation.input_tokens", 0),
        cache_write_1h_tokens=attributes.get("anthropic.usage.cache_creation.ephemeral_1h_input_tokens", 0),
        **apart,
    )
    try:
        price = genai_prices.calc_price(
            usage,
            model_ref=model,
            provider_id=_PRICE_IDS.get(provider, provider),
            genai_request_timestamp=datetime.now(UTC),
            price_context=terms or None,
        )
    except LookupError:
        return dict(attributes)
    source = f"genai-prices@{genai_prices.__version__}"
    return {
        **attributes,
        "gen_ai.usage.cost": Approximately(float(price.total_price)),
        "groundwire.cost.source": source,
    }


class Approximately(float):
    """A number that equals those within a billionth of it: sums of floats depend on their order."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int | float) and abs(float(self) - other) <= 1e-9 * abs(float(self))

    __hash__ = float.__hash__


@dataclass(frozen=True)
class Outcome:
    """What the application got from one call: a value, chunks, or an exception."""

    value: Any = None
    chunks: tuple[Any, ...] = ()
    error: type[BaseException] | None = None
    message: str = ""


async def outcome(case: Case, client: Any, *, chunks: int | None = None) -> Outcome:
    """Make the call as an application would; of a stream read so many chunks, or all."""
    seen: list[Any] = []
    try:
        value = await finish(case.call(client))
        if not case.streams:
            return Outcome(value=plain(value))
        await take(value, seen, chunks)
        return Outcome(chunks=tuple(map(plain, seen)))
    except BaseException as error:
        if isinstance(error, AssertionError):
            raise
        return Outcome(chunks=tuple(map(plain, seen)), error=type(error), message=str(error))


async def opened(case: Case, mode: Any, served: Any = lambda: None) -> Any:
    """The case's client in that mode."""
    return await finish(case.client(mode, served))


async def take(stream: Any, into: list[Any], count: int | None = None) -> list[Any]:
    """Put so many items (or all) of a stream of either kind into the list, and let go of the stream."""
    asynchronous = hasattr(stream, "__anext__")
    stream = stream if asynchronous or hasattr(stream, "__next__") else iter(stream)
    while count is None or count > 0:
        try:
            into.append(await stream.__anext__() if asynchronous else next(stream))
        except (StopAsyncIteration, StopIteration):
            break
        count = None if count is None else count - 1
    return into


async def close(case: Case, stream: Any) -> None:
    """Close a stream as its kind is closed."""
    await finish(stream.aclose() if case.bare and case.asynchronous else stream.close())
    if case.lazy and case.asynchronous:  # the loop closes generators inside the library's own
        await sleep_async(0.002)


def whole(span: ReadableSpan) -> dict[str, Any]:
    """Everything of a span but its times and ids."""
    return {
        "name": span.name,
        "kind": span.kind,
        "status": span.status.status_code,
        "attributes": decoded(span.attributes),
        "parent": span.parent,
        "links": tuple(span.links),
        "events": tuple(span.events),
    }


def expected(case: Case, attributes: Mapping[str, Any], **rest: Any) -> dict[str, Any]:
    """The whole of the case's span with these attributes; cost is added."""
    return {
        "name": case.span,
        "kind": case.side or (SpanKind.INTERNAL if case.holds else SpanKind.CLIENT),
        "status": StatusCode.UNSET,
        "attributes": priced(attributes),
        "parent": None,
        "links": (),
        "events": (),
    } | rest


@cache
def _known() -> dict[Any, Outcome]:
    return {}


async def untraced(case: Case, mode: Any, chunks: int | None = None) -> Outcome:
    """What the application gets where nothing is instrumented."""
    known = _known()
    key = (case, mode, chunks)
    if key not in known:
        # Asked for before anything is instrumented, or at least with that out of the way.
        token = otel_context.attach(otel_context.set_value("suppress_instrumentation", True))
        try:
            known[key] = await outcome(case, await opened(case, mode), chunks=chunks)
        finally:
            otel_context.detach(token)
    return known[key]


def sabotaged(provider: Provider, **broken: Any) -> Provider:
    """The provider with some functions of its operations replaced."""
    operations = []
    for operation in provider.operations:
        changes = {k: v for k, v in broken.items() if getattr(operation, k) is not None}
        operations.append(replace(operation, **changes))
    return replace(provider, operations=tuple(operations))
