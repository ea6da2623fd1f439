"""`groundwire.instrument()`: the one line, and its way back."""

import atexit
import logging
import threading
import weakref
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import get_current
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import (
    SpanProcessor,
    TracerProvider,
)

from groundwire import runtime
from groundwire.budget import DEFAULT_LIMIT
from groundwire.call import Capture, Recorder
from groundwire.delivery import Scoring, Socket, guest_pipeline, own_pipeline
from groundwire.errors import ConfigurationError
from groundwire.export import Target, processors
from groundwire.fork import before_children_end
from groundwire.model import Evaluator, Provider
from groundwire.plugins import chosen_providers
from groundwire.plugins import evaluators as load_evaluators
from groundwire.pricing import PRICES
from groundwire.recall import Recall, Vault
from groundwire.settings import Environment, capture_of, read_environment
from groundwire.version import __version__

if TYPE_CHECKING:
    from groundwire.beside import Lookout, Other
    from groundwire.engine import Engine
    from groundwire.steady import Steadiness

_log = logging.getLogger(__name__)
_lock = threading.RLock()


class _Installation:
    """What is in force between `instrument()` and `shutdown()`."""

    def __init__(self) -> None:
        self.chosen: tuple[Provider, ...] = ()
        self.engines: dict[int, Engine] = {}
        """By the place of their provider in `chosen`: each can be put aside alone."""
        self.aside: dict[int, Other] = {}
        """Who stands in for a provider, by its place."""
        self.lookout: Lookout | None = None
        self.steadiness: Steadiness | None = None
        self.socket: Socket | None = None
        self.provider: TracerProvider | None = None
        """The provider that we made, if the application had none."""
        self.made: weakref.WeakSet[TracerProvider] = weakref.WeakSet()
        """All that we made: one for each name that the service was given. The first is the global one for ever."""
        self.service_name: str | None = None
        self.in_force: trace.TracerProvider | None = None
        """The provider that spans of ours go through, whoever made it."""
        self.watchers: tuple[Callable[[trace.TracerProvider], None], ...] = ()
        self.sockets: weakref.WeakKeyDictionary[object, Socket] = weakref.WeakKeyDictionary()
        self._flushes = False

        self._minds_children = False

    def flush_at_exit(self) -> None:
        """Have the last scores leave before the application's provider closes: made before, it closes after."""
        if not self._flushes:
            self._flushes = True
            atexit.register(flush, timeout_s=10.0)

    def flush_in_children(self) -> None:
        """Have the last answers of processes that `multiprocessing` starts leave before these end."""
        if not self._minds_children:
            self._minds_children = True
            before_children_end(_flush_child)


def _flush_child() -> None:
    flush(timeout_s=10.0)


_installation = _Installation()


def instrument(
    *,
    service_name: str | None = None,
    export: Target | Sequence[Target] | None = None,
    evaluators: Sequence[str | Evaluator] | None = None,
    sample: float = 1.0,
    capture: Capture | None = None,
    tracer_provider: trace.TracerProvider | None = None,
    providers: Sequence[str | Provider] | None = None,
    exclude: Sequence[str] = (),
    steady_context: bool = True,
) -> None:
    """Trace every LLM, embedding, retrieval and rerank call of this process, and score every RAG answer.

    Opens no connection and imports none of the libraries it traces. Calling it again replaces the earlier settings.
    An application that has a TracerProvider keeps it: scores then travel as `evaluate` spans through its pipeline.
    A library that another instrumentor traces (OpenTelemetry's, OpenInference, OpenLLMetry, OpenLIT), before or after
    this call, is left to that: its spans are scored all the same.

    Args:
        service_name: `service.name` of the spans; by default the environment's, else the script's name.
        export: where spans go: `"console"`, `"otlp"` (by the standard `OTEL_EXPORTER_OTLP_*` variables), an address
            (`"http://host:4318"`, `"grpc://host:4317"`), a file (`"traces.jsonl"`), an exporter or processor of the
            SDK, or a list of these. By default OTLP where the environment names an endpoint, else the terminal.
            With an existing TracerProvider nothing is exported beyond it unless this says so, and then only our spans.
        evaluators: names or objects; by default the local ones (faithfulness, context_relevance, answer_relevance),
            which need no key and no download; `[]` turns scoring off.
        sample: share of traces that are scored, in [0, 1], decided by trace id. Spans and costs are never sampled.
        capture: `"full"`: content on spans; `"scored"`: content is scored in the process and only scores and offsets
            are exported; `"off"`: content is not looked at. By default what
            `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` says, else full; the stricter of the two holds.
        tracer_provider: use this provider, not the global one.
        providers: names (or `Provider` objects) of the libraries to trace; by default all that are installed.
        exclude: names of libraries not to trace.
        steady_context: whether work that is handed to a thread or an executor keeps the span it was handed over
            under. Off where it, or `GROUNDWIRE_STEADY_CONTEXT=false` in the environment, says so.

    Raises:
        ConfigurationError: any mistake in the above. Later, nothing raises.
    """
    from groundwire.beside import Lookout  # wrapt takes a quarter of what `import groundwire` would cost

    with _lock:
        environment = read_environment()
        mode = capture_of(capture, environment)
        scorers = load_evaluators(evaluators)
        chosen = chosen_providers(providers, exclude)
        if not 0.0 <= sample <= 1.0:
            raise ConfigurationError(f"sample must be between 0 and 1, got {sample!r}")
        existing = tracer_provider or _existing_provider()
        targets = processors(export, environment) if existing is None or export is not None else []

        shutdown(timeout_s=5.0)
        scoring = Scoring(scorers, sample, mode, Vault())
        if existing is None:
            provider: trace.TracerProvider = _own_provider(service_name or environment.service_name)
            _fill(provider, own_pipeline(targets, scoring))
        else:
            provider, by_default = existing, evaluators is None
            _installation.flush_at_exit()
            _fill(provider, guest_pipeline(provider, targets, scoring, by_default=by_default, stand_ins=_stand_ins))
        recorder = Recorder(mode, PRICES, Recall(), scoring.vault, _content_limit(environment))
        tracer = provider.get_tracer("groundwire", __version__)
        _installation.in_force = provider
        for watcher in _installation.watchers:
            watcher(provider)
        _installation.chosen, _installation.aside = tuple(chosen), {}
        runtime.replace(runtime.Runtime(tracer, recorder))
        _installation.lookout = _installation.lookout or Lookout(_settle)
        _installation.lookout.begin()
        _installation.flush_in_children()
        _settle()
        if steady_context and environment.steady_context:
            from groundwire.steady import Steadiness

            now = runtime.current()
            _installation.steadiness = Steadiness(now.context if now is not None else get_current)
            _installation.steadiness.install()
        PRICES.load_in_background()


def uninstrument() -> None:
    """Restore every patched method. Spans that are on their way still arrive; streams in flight still end theirs."""
    with _lock:
        runtime.replace(None)
        _installation.chosen = ()
        while _installation.engines:
            _installation.engines.popitem()[1].uninstrument()
        if _installation.steadiness is not None:
            _installation.steadiness.remove()
            _installation.steadiness = None


def _settle() -> None:
    """Trace every chosen library that nobody else traces, and no other. Called whenever that changes."""
    from groundwire.beside import active, first_that_traces
    from groundwire.engine import Engine
    from groundwire.patching import versioned
    from groundwire.under import contexts

    with _lock:
        now = runtime.current()
        if now is None:
            return
        others = active()
        for place, provider in enumerate(_installation.chosen):
            engine, other = _installation.engines.get(place), first_that_traces(provider, others)
            if other is None:
                _installation.aside.pop(place, None)
                if engine is None:
                    _installation.engines[place] = engine = Engine(now.tracer, now.recorder)
                    try:
                        engine.instrument(provider)
                    except Exception:  # a version that breaks when it is looked at
                        _log.warning("%s could not be instrumented", versioned(provider), exc_info=True)
            elif _installation.aside.get(place) != other:
                _installation.aside[place] = other
                if engine is not None:
                    del _installation.engines[place]
                    engine.uninstrument()
                _log.info("%s is traced by %s of %s: ours stands aside", provider.name, other.name, other.module)
        aside = [p for place, p in enumerate(_installation.chosen) if place in _installation.aside]
        context = contexts([p.running for p in aside if p.running is not None])
        for engine in _installation.engines.values():
            engine.context = context
        runtime.replace(replace(now, context=context))
        if _installation.steadiness is not None:
            _installation.steadiness.hand_over(context)


def provider_in_force() -> trace.TracerProvider | None:
    """The provider that spans of ours go through; None before `instrument()` and after `uninstrument()`."""
    return _installation.in_force if runtime.current() is not None else None


@contextmanager
def watching(watcher: Callable[[trace.TracerProvider], None]) -> Generator[None]:
    """Tell of every provider that `instrument()` takes up while this lasts: applications call it when they like."""
    with _lock:
        _installation.watchers = (*_installation.watchers, watcher)
    try:
        yield
    finally:
        with _lock:
            _installation.watchers = tuple(w for w in _installation.watchers if w is not watcher)


def flush(timeout_s: float = 30.0) -> bool:
    """Score and export everything that has ended; False if that took longer than the timeout."""
    socket = _installation.socket
    return True if socket is None else socket.force_flush(max(1, round(timeout_s * 1000)))


def shutdown(timeout_s: float = 30.0) -> None:
    """Flush, stop tracing, close the exporters. Safe to call twice, and before `instrument()`."""
    with _lock:
        uninstrument()
        socket, _installation.socket = _installation.socket, None
        if socket is None or socket.inside is None:
            return
        socket.force_flush(max(1, round(timeout_s * 1000)))
        inside, socket.inside = socket.inside, None
        inside.shutdown()


def _existing_provider() -> TracerProvider | None:
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider) and provider not in _installation.made:
        return provider
    return None


def _own_provider(service_name: str) -> TracerProvider:
    """Our provider: the global one, if nobody has set that; kept for the life of the process."""
    known = _installation.provider
    if known is not None and _installation.service_name == service_name:
        return known
    provider = TracerProvider(resource=Resource.create({"service.name": service_name}), shutdown_on_exit=False)
    _installation.service_name = service_name
    _installation.made.add(provider)
    if known is None:
        trace.set_tracer_provider(provider)
        atexit.register(shutdown, timeout_s=10.0)
    _installation.provider = provider
    return provider


def _fill(provider: trace.TracerProvider, pipeline: SpanProcessor | None) -> None:
    """Put the pipeline into the provider's socket, which is added once."""
    if pipeline is None:
        return
    socket = _installation.sockets.get(provider)
    if socket is None:
        if not hasattr(provider, "add_span_processor"):
            raise ConfigurationError(f"{provider!r} takes no span processors; give an SDK TracerProvider")
        socket = _installation.sockets[provider] = Socket()
        provider.add_span_processor(socket)  # pyright: ignore[reportAttributeAccessIssue]
    socket.inside = pipeline
    _installation.socket = socket


def _stand_ins() -> list[str]:
    """Packages that trace a library which ours stands aside for."""
    return [other.module for other in tuple(_installation.aside.values())]


def _content_limit(environment: Environment) -> int:
    # The SDK would cut the JSON in its middle at this length: cut inside its texts before it comes to that.
    limit = environment.attribute_length_limit
    return DEFAULT_LIMIT if limit is None else min(DEFAULT_LIMIT, limit)
