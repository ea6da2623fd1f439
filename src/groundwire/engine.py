"""Turns each call of the methods that providers declare into one span.

The rules, each of which some tracing library breaks: one span a call in every shape; the object returned keeps its
type; the span is current while the call runs and at no other time; the application's exception passes unmodified;
nothing that telemetry does reaches the application.
"""

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.propagate import extract
from opentelemetry.trace import INVALID_SPAN, SpanKind, Tracer, get_current_span, set_span_in_context

from groundwire import semconv
from groundwire.budget import encodable
from groundwire.call import Call, Recorder
from groundwire.leaving import leave
from groundwire.model import Operation, Provider, Request
from groundwire.one_shot import list_inside, listed, lists_of
from groundwire.patching import Function, Patches
from groundwire.proxies import traced
from groundwire.searching import SEARCHES, SEARCHING, search_around

_log = logging.getLogger(__name__)

Arguments: TypeAlias = Mapping[str, Any]

# Read, never set: the API's own key (private by name, so it may go away), the string that the contrib
# instrumentations use, and OpenLLMetry's.
_SUPPRESSION_KEYS = tuple(
    key
    for key in (
        getattr(otel_context, "_SUPPRESS_INSTRUMENTATION_KEY", None),
        "suppress_instrumentation",
        "suppress_language_model_instrumentation",
    )
    if isinstance(key, str)
)
_INSIDE = otel_context.create_key("groundwire-inside")
(_SPAN,) = set_span_in_context(INVALID_SPAN, Context())  # the API's own key: a context is made at once, not in steps
_SIDES = {"internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT, "server": SpanKind.SERVER}


class Engine:
    """Instruments providers with one tracer. `uninstrument` restores every method it touched."""

    def __init__(self, tracer: Tracer, recorder: Recorder) -> None:
        self._tracer = tracer
        self._recorder = recorder
        self.context: Callable[[], Context] = otel_context.get_current
        """Tells in what context a call begins."""
        self._patches = Patches(self._wrapper, _told)

    def instrument(self, provider: Provider) -> None:
        """Patch the provider's library: now if it is imported, else when it will be."""
        self._patches.add(provider)

    def uninstrument(self) -> None:
        """Restore every patched method. Wrappers that the application still holds pass calls through."""
        self._patches.undo()

    def _wrapper(
        self, provider: Provider, operations: tuple[Operation, ...], function: Function
    ) -> Callable[[Function, Any, tuple[Any, ...], dict[str, Any]], Any]:
        plain = inspect.unwrap(function)
        names = tuple(p for p in _parameters(plain) if p != "self")
        alone = operations[0] if len(operations) == 1 and operations[0].applies is operations[0].on is None else None
        patches = self._patches
        one_shot = [i for i, name in enumerate(names) if any(name in o.iterables for o in operations)]

        def begin(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
            """The call, if it is one of ours; one-shot iterators in `kwargs` become lists."""
            try:
                if not patches.active:
                    return None
                context = self.context()
                inside = None
                if context:
                    inside = context.get(_INSIDE)
                    if inside is provider or any(map(context.get, _SUPPRESSION_KEYS)):
                        return None
                    if inside is not None and provider.name in getattr(inside, "covers", ()):
                        return None
                arguments = {**dict(zip(names, args, strict=False)), **kwargs} if args else kwargs
                operation = alone or _chosen(operations, instance, arguments)
                if operation is None or operation is inside:
                    return None
                if operation.iterables and "." in operation.iterables[0]:
                    list_inside(arguments, operation.iterables)
                elif lists := lists_of(kwargs, operation.iterables):
                    kwargs.update(lists)
                    arguments.update(lists)
                if operation.quiet is not None:
                    _keep_quiet(operation.quiet, arguments)
                if operation.carrier is not None:
                    context = _carried(operation.carrier, arguments, context)
                return self._begin(provider, operation, instance, arguments, context)
            except Exception:
                _log.debug("%s: call could not be traced", provider.name, exc_info=True)
                return None

        def call_sync(wrapped: Function, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if args and one_shot:
                args = tuple(listed(a) if i in one_shot else a for i, a in enumerate(args))
            call = begin(instance, args, kwargs)
            if call is None:
                return wrapped(*args, **kwargs)
            token = otel_context.attach(call.context)
            try:
                result = wrapped(*args, **kwargs)
            except BaseException as error:
                call.fail(error)
                raise
            finally:
                otel_context.detach(token)
            return traced(result, call)

        async def awaited(wrapped: Function, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if args and one_shot:
                args = tuple(listed(a) if i in one_shot else a for i, a in enumerate(args))
            call = begin(instance, args, kwargs)
            if call is None:
                return await wrapped(*args, **kwargs)
            token = otel_context.attach(call.context)
            try:
                result = await wrapped(*args, **kwargs)
            except BaseException as error:
                call.fail(error)
                raise
            finally:
                leave(token)
            return traced(result, call)

        def call_async(wrapped: Function, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            # The span starts with the first await: a coroutine that nobody awaits is no call.
            return awaited(wrapped, instance, args, kwargs)

        return call_async if inspect.iscoroutinefunction(plain) else call_sync

    def _begin(
        self,
        provider: Provider,
        operation: Operation,
        instance: Any,
        arguments: Arguments,
        context: Context,
    ) -> Call:
        try:
            request = operation.request(instance, arguments)
            attributes = semconv.request_attributes(operation.kind, provider.name, request)
        except Exception:
            _log.debug("%s: unreadable arguments", provider.name, exc_info=True)
            request = Request()
            attributes = semconv.request_attributes(operation.kind, provider.name, request)
        kind = operation.kind
        if context and kind == "chat" and (search := search_around(context)) is not None:
            attributes[semconv.PART_OF] = search
        subject = request.model or request.data_source or request.name
        name = semconv.OPERATION_NAMES[kind]
        holding = kind in semconv.HOLDING
        recall = self._recorder.recall
        span = self._tracer.start_span(
            encodable(f"{name} {subject}") if subject else name,
            context=context,
            kind=_SIDES[operation.side or ("internal" if holding else "client")],
            attributes=attributes,
            links=_links(recall, request, context) if recall and kind == "chat" else None,
        )
        # A chain inside a chain is a part of it; a retrieval inside a chain is not.
        inside: dict[str, Any] = {_SPAN: span, _INSIDE: operation if holding else provider}
        if kind in SEARCHES:
            inside[SEARCHING] = kind
        return Call(self._recorder, provider, operation, request, span, Context(context | inside))


def _chosen(operations: tuple[Operation, ...], instance: Any, arguments: Arguments) -> Operation | None:
    for operation in operations:
        applies, on = operation.applies, operation.on
        if (applies is None or applies(arguments)) and (on is None or on(instance)):
            return operation
    return None


def _links(recall: Any, request: Request, context: Context) -> Any:
    try:
        trace_id = get_current_span(context).get_span_context().trace_id or None
        prompt = ({"parts": request.instructions or ()}, *(request.messages or ()))
        return recall.links(semconv.texts(prompt), trace_id)
    except Exception:
        _log.debug("prompt could not be searched for retrievals", exc_info=True)
        return None


def _keep_quiet(quiet: Callable[[Arguments], None], arguments: Arguments) -> None:
    try:
        quiet(arguments)
    except Exception:
        _log.debug("the library's own span could not be kept away", exc_info=True)


def _carried(carrier: Callable[[Arguments], Any], arguments: Arguments, context: Context) -> Context:
    """The context with the caller's span in it; as it is where the caller sent none, or nonsense."""
    try:
        headers = carrier(arguments)
        return extract(headers, context) if headers else context
    except Exception:
        _log.debug("unreadable trace context", exc_info=True)
        return context


def _parameters(function: Callable[..., Any]) -> Iterable[str]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return ()


def _told(provider: Provider) -> bool:
    inside: Any = otel_context.get_value(_INSIDE)
    mine = inside is provider or inside in provider.operations
    return mine or provider.name in getattr(inside, "covers", ())
