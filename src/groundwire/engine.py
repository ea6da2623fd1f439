"""Patches the methods that providers declare, and turns each call of them into one span.

The rules, each of which some tracing library breaks: one span a call in every shape; the object returned keeps its
type; the span is current while the call runs and at no other time; the application's exception passes unmodified;
nothing that telemetry does reaches the application.
"""

import contextvars
import importlib
import inspect
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, TypeAlias

import wrapt
from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.propagate import extract
from opentelemetry.trace import INVALID_SPAN, SpanKind, Tracer, get_current_span, set_span_in_context

from groundwire import semconv
from groundwire.budget import encodable
from groundwire.call import Call, Recorder
from groundwire.hushed import HushedTracer
from groundwire.model import Operation, Provider, Request, Substitute
from groundwire.proxies import traced
from groundwire.searching import SEARCHES, SEARCHING, search_around
from groundwire.substitutes import handing_out, substitute

_log = logging.getLogger(__name__)

Arguments: TypeAlias = Mapping[str, Any]
_Wrapped: TypeAlias = Callable[..., Any]

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
_REPEATABLE = frozenset({list, tuple, str, dict, type(None)})
"""Types whose values are no one-shot iterators: to ask an abstract class takes longer."""
_INSIDE = otel_context.create_key("groundwire-inside")
(_SPAN,) = set_span_in_context(INVALID_SPAN, Context())  # the API's own key: a context is made at once, not in steps
_SIDES = {"internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT, "server": SpanKind.SERVER}


@dataclass(frozen=True, slots=True)
class _Patch:
    owner: Any
    attribute: str
    original: Any
    """None where the attribute was inherited: undoing means deleting."""
    wrapper: Any


class Engine:
    """Instruments providers with one tracer. `uninstrument` restores every method it touched."""

    def __init__(self, tracer: Tracer, recorder: Recorder) -> None:
        self._tracer = tracer
        self._recorder = recorder
        self.context: Callable[[], Context] = otel_context.get_current
        """Tells in what context a call begins."""
        self._active = True
        self._patches: list[_Patch] = []
        self._substitutes: dict[str, type[Any]] = {}

    # --- patching -----------------------------------------------------------------------------------------------

    def instrument(self, provider: Provider) -> None:
        """Patch the provider's library: now if it is imported, else when it will be."""
        if provider.module in sys.modules:
            self._patch(provider)
        else:
            wrapt.register_post_import_hook(lambda _: self._patch_late(provider), provider.module)

    def uninstrument(self) -> None:
        """Restore every patched method. Wrappers that the application still holds pass calls through."""
        self._active = False
        while self._patches:
            patch = self._patches.pop()
            if vars(patch.owner).get(patch.attribute) is not patch.wrapper:
                continue  # somebody wrapped after us: taking ours out would take theirs out as well
            if patch.original is None:
                delattr(patch.owner, patch.attribute)
            else:
                setattr(patch.owner, patch.attribute, patch.original)

    def _patch_late(self, provider: Provider) -> None:
        if self._active:
            try:
                self._patch(provider)
            except Exception:
                _log.warning("%s could not be instrumented", versioned(provider), exc_info=True)

    def _patch(self, provider: Provider) -> None:
        by_target: dict[str, list[Operation]] = {}
        for operation in provider.operations:
            for target in operation.targets:
                by_target.setdefault(target, []).append(operation)
        found: set[str] = set()
        for each in provider.substitutes:
            try:
                self._substitute(each)
            except (ImportError, AttributeError):
                _log.debug("%s: no %s in this version", provider.name, each.of)
        for target, operations in by_target.items():
            try:
                self._patch_target(provider, target, tuple(operations))
                found.update(operation.kind for operation in operations)
            except (ImportError, AttributeError):
                _log.debug("%s: no %s in this version", provider.name, target)
        for target in provider.executors:
            try:
                self._patch_executor(target)
            except (ImportError, AttributeError):
                _log.debug("%s: no %s in this version", provider.name, target)
        for target in provider.tracers:
            try:
                self._hush(provider, target)
            except (ImportError, AttributeError):
                _log.debug("%s: no %s in this version", provider.name, target)
        self._tell_missing(provider, found)

    def _tell_missing(self, provider: Provider, found: Set[str]) -> None:
        """One warning about the kinds of calls of which this version has no method that we know."""
        missing = [o for o in provider.operations if o.kind not in found]
        if missing:
            first, *others = dict.fromkeys(target for operation in missing for target in operation.targets)
            _log.warning(
                "%s has none of the methods that groundwire knows%s (%s%s): its calls are not traced",
                versioned(provider),
                f" for {' and '.join(sorted({o.kind for o in missing}))}" if found else "",
                first,
                f" and {len(others)} more" if others else "",
            )

    def _patch_target(self, provider: Provider, target: str, operations: tuple[Operation, ...]) -> None:
        module_name, _, path = target.partition(":")
        owner: Any = importlib.import_module(module_name)
        *parents, attribute = path.split(".")
        for name in parents:
            owner = getattr(owner, name.removesuffix("+"))
        owner = self._substitutes.get(f"{module_name}:{'.'.join(parents)}", owner)
        if not path.endswith(f"+.{attribute}"):
            self._patch_method(provider, owner, attribute, operations)
        elif not (isinstance(owner, type) and issubclass(owner, type)):
            for each in _family(owner, attribute):
                self._patch_method(provider, each, attribute, operations)
        else:
            for each in _made_by(owner, attribute):
                self._patch_method(provider, each, attribute, operations)
            self._patch_births(provider, owner, attribute, operations)

    def _patch_method(self, provider: Provider, owner: Any, attribute: str, operations: tuple[Operation, ...]) -> None:
        operations = tuple(o for o in operations if o.of is None or _is_of(o.of, owner))
        if not operations:
            return
        function = getattr(owner, attribute)
        own = vars(owner).get(attribute)
        # A class that was made out of another's namespace has our wrapper in it.
        own = next((patch.original for patch in self._patches if patch.wrapper is own), own)
        traced_call = self._wrapper(provider, operations, function)
        wrapper = wrapt.FunctionWrapper(own if own is not None else function, traced_call)
        setattr(owner, attribute, wrapper)
        self._patches.append(_Patch(owner, attribute, own, wrapper))

    def _patch_births(
        self, provider: Provider, metaclass: Any, attribute: str, operations: tuple[Operation, ...]
    ) -> None:
        initialize = metaclass.__init__

        def born(made: type[Any], *args: Any, **kwargs: Any) -> None:
            initialize(made, *args, **kwargs)
            try:
                if self._active and attribute in vars(made):
                    self._patch_method(provider, made, attribute, operations)
            except Exception:
                _log.debug("%s: %r could not be instrumented", provider.name, made, exc_info=True)

        self._patches.append(_Patch(metaclass, "__init__", vars(metaclass).get("__init__"), born))
        metaclass.__init__ = born

    def _patch_executor(self, target: str) -> None:
        module_name, _, attribute = target.partition(":")
        owner = importlib.import_module(module_name)
        original = getattr(owner, attribute)
        carrying = _carrying(original)
        setattr(owner, attribute, carrying)
        self._patches.append(_Patch(owner, attribute, original, carrying))

    def _substitute(self, needed: Substitute) -> None:
        owner, attribute = _placed(needed.made_by)
        made = self._substitutes[needed.of] = substitute(getattr(*_placed(needed.of)), needed.methods)
        original = getattr(owner, attribute)
        wrapper = handing_out(made, needed.attribute, lambda: self._active, original)
        setattr(owner, attribute, wrapper)
        self._patches.append(_Patch(owner, attribute, original, wrapper))

    def _hush(self, provider: Provider, target: str) -> None:
        module_name, _, attribute = target.partition(":")
        owner = importlib.import_module(module_name)
        original = getattr(owner, attribute)

        def told() -> bool:
            inside: Any = otel_context.get_value(_INSIDE)
            mine = inside is provider or inside in provider.operations
            return mine or provider.name in getattr(inside, "covers", ())

        hushed = HushedTracer(original, told)
        setattr(owner, attribute, hushed)
        self._patches.append(_Patch(owner, attribute, original, hushed))

    # --- calling ------------------------------------------------------------------------------------------------

    def _wrapper(
        self, provider: Provider, operations: tuple[Operation, ...], function: _Wrapped
    ) -> Callable[[_Wrapped, Any, tuple[Any, ...], dict[str, Any]], Any]:
        plain = inspect.unwrap(function)
        names = tuple(p for p in _parameters(plain) if p != "self")
        alone = operations[0] if len(operations) == 1 and operations[0].applies is operations[0].on is None else None
        one_shot = [i for i, name in enumerate(names) if any(name in o.iterables for o in operations)]

        def begin(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
            """The call, if it is one of ours; one-shot iterators in `kwargs` become lists."""
            try:
                if not self._active:
                    return None
                context = self.context()
                inside = context.get(_INSIDE) if context else None
                if context and (inside is provider or any(map(context.get, _SUPPRESSION_KEYS))):
                    return None
                if inside is not None and provider.name in getattr(inside, "covers", ()):
                    return None
                arguments = {**dict(zip(names, args, strict=False)), **kwargs} if args else kwargs
                operation = alone or _chosen(operations, instance, arguments)
                if operation is None or operation is inside:
                    return None
                for name in operation.iterables:
                    if "." in name:
                        _list_inside(arguments, name)
                    elif type(value := kwargs.get(name)) not in _REPEATABLE and isinstance(value, Iterator):
                        kwargs[name] = arguments[name] = _listed(value)
                if operation.quiet is not None:
                    _keep_quiet(operation.quiet, arguments)
                if operation.carrier is not None:
                    context = _carried(operation.carrier, arguments, context)
                return self._begin(provider, operation, instance, arguments, context)
            except Exception:
                _log.debug("%s: call could not be traced", provider.name, exc_info=True)
                return None

        def call_sync(wrapped: _Wrapped, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if args and one_shot:
                args = tuple(_listed(a) if i in one_shot else a for i, a in enumerate(args))
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

        async def awaited(wrapped: _Wrapped, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if args and one_shot:
                args = tuple(_listed(a) if i in one_shot else a for i, a in enumerate(args))
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
                otel_context.detach(token)
            return traced(result, call)

        def call_async(wrapped: _Wrapped, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
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
        if operation.kind == "chat" and (search := search_around(context)) is not None:
            attributes[semconv.PART_OF] = search
        subject = request.model or request.data_source or request.name
        name = semconv.OPERATION_NAMES[operation.kind]
        holding = operation.kind in semconv.HOLDING
        recall = self._recorder.recall
        span = self._tracer.start_span(
            encodable(f"{name} {subject}") if subject else name,
            context=context,
            kind=_SIDES[operation.side or ("internal" if holding else "client")],
            attributes=attributes,
            links=_links(recall, request, context) if recall and operation.kind == "chat" else None,
        )
        # A chain inside a chain is a part of it; a retrieval inside a chain is not.
        inside = {**context, _SPAN: span, _INSIDE: operation if holding else provider}
        if operation.kind in SEARCHES:
            inside[SEARCHING] = operation.kind
        return Call(self._recorder, provider, operation, request, span, Context(inside))


def _placed(target: str) -> tuple[Any, str]:
    module_name, _, attribute = target.partition(":")
    return importlib.import_module(module_name), attribute


def _is_of(of: Callable[[Any], bool], owner: Any) -> bool:
    try:
        return of(owner)
    except Exception:
        _log.debug("%r cannot be told", owner, exc_info=True)
        return False


def _chosen(operations: tuple[Operation, ...], instance: Any, arguments: Arguments) -> Operation | None:
    for operation in operations:
        applies, on = operation.applies, operation.on
        if (applies is None or applies(arguments)) and (on is None or on(instance)):
            return operation
    return None


def _links(recall: Any, request: Request, context: Context) -> Any:
    try:
        trace_id = get_current_span(context).get_span_context().trace_id or None
        return recall.links(semconv.texts(request.messages or ()), trace_id)
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


def _list_inside(arguments: Arguments, name: str) -> None:
    """Make a list of a one-shot iterator inside an argument, in its place."""
    *way, last = name.split(".")
    holder: Any = arguments
    for step in way:
        # To ask whether a model is a mapping takes longer than all the rest of this.
        holder = holder.get(step) if isinstance(holder, dict) else getattr(holder, step, None) or _entry(holder, step)
    if isinstance(holder, dict) and type(value := holder.get(last)) not in _REPEATABLE and isinstance(value, Iterator):
        holder[last] = _listed(value)


def _entry(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else None


def _listed(value: Any) -> Any:
    """The items of a one-shot iterator, for us and the library to read; anything else as it is."""
    if not isinstance(value, Iterator):
        return value
    items: list[Any] = []
    try:
        items.extend(value)
    except Exception as error:
        # The application's own iterator broke: the library is to meet the same error at the same place.
        return _Broken(items, error)
    return items


class _Broken(Iterator[Any]):
    """Items that end in an error, however often they are read; an iterator, as some libraries read nothing else."""

    def __init__(self, items: list[Any], error: Exception) -> None:
        self._items = items
        self._error = error
        self._reading = iter(self)

    def __iter__(self) -> Iterator[Any]:
        yield from self._items
        raise self._error

    def __next__(self) -> Any:
        return next(self._reading)


def _parameters(function: Callable[..., Any]) -> Iterable[str]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return ()


def _family(owner: type[Any], attribute: str) -> list[type[Any]]:
    """The class, and all below it that have the method of their own."""
    found = {owner: None}
    for each in owner.__subclasses__():
        found |= dict.fromkeys(f for f in _family(each, attribute) if attribute in vars(f))
    return list(found)


def _made_by(metaclass: type[Any], attribute: str) -> list[type[Any]]:
    """All classes of a metaclass that have the method of their own."""
    seen: dict[type[Any], None] = {}
    below: list[type[Any]] = [object]
    while below:
        found = [each for each in type.__subclasses__(below.pop()) if each not in seen]
        seen |= dict.fromkeys(found)
        below += found
    return [each for each in seen if isinstance(each, metaclass) and attribute in vars(each)]


def _carrying(executor: type[Any]) -> type[Any]:
    """The executor, but that what it is given runs in the context in which it was given."""

    def submit(self: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return executor.submit(self, contextvars.copy_context().run, function, *args, **kwargs)

    return type(executor.__name__, (executor,), {"submit": submit, "__module__": executor.__module__})


def versioned(provider: Provider) -> str:
    """The provider's library and its version, as a warning names it."""
    import importlib.metadata

    try:
        return f"{provider.distribution} {importlib.metadata.version(provider.distribution)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{provider.distribution} (version unknown)"
