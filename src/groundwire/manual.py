"""Spans for the application's own code: its requests, and retrievers that no library of ours knows.

A function of any shape keeps its shape: a generator stays a generator that takes `send`, `throw` and `close`. A span
is current while the function's own code runs, and at no other time.
"""

import functools
import inspect
import logging
import weakref
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, ParamSpec, TypeAlias, TypeVar, overload

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context

from groundwire import semconv
from groundwire.budget import encodable
from groundwire.call import Call, Recorder
from groundwire.documents import as_documents
from groundwire.leaving import leave
from groundwire.model import Operation, Provider, Request, Response
from groundwire.readable import readable
from groundwire.runtime import Runtime, current
from groundwire.searching import searching

_log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

_QUERY_NAMES = ("query", "question", "q", "text", "search", "prompt", "input")
_TOP_K_NAMES = ("top_k", "k", "n", "limit")


def _no_request(_instance: Any, _arguments: Mapping[str, Any]) -> Request:
    return Request()


_RETRIEVAL = Operation(
    kind="retrieval",
    targets=(),
    request=_no_request,
    response=lambda found: Response(documents=as_documents(found)),
)
_PROVIDER = Provider(name="application", module="", distribution="", operations=(_RETRIEVAL,))


# --- retrievals -----------------------------------------------------------------------------------------------------


class retrieval:  # in lower case, as it is used like a function
    """A retrieval of your own, as a span: `with groundwire.retrieval(query=q, top_k=3) as r: r.documents = find(q)`.

    Works with `async with` too, and does nothing before `instrument()`.

    Args:
        query: what is searched for.
        top_k: how many passages are asked for.
        name: of the collection or index.
    """

    def __init__(self, query: str, *, top_k: int | None = None, name: str | None = None) -> None:
        self.documents: Any = None
        """Set this: texts, mappings with `text` / `id` / `score`, objects with a text, or (document, score) pairs."""
        self._request = Request(query=query, top_k=top_k, data_source=name)
        self._scope = _Scope(None)

    def __enter__(self) -> "retrieval":
        self._scope = _begin_retrieval(lambda: self._request)
        self._scope.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        scope, self._scope = self._scope, _Scope(None)
        scope.__exit__()
        scope.piece(self.documents)
        scope.end(error)

    async def __aenter__(self) -> "retrieval":
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


@overload
def retriever(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def retriever(*, name: str | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def retriever(function: Callable[..., Any] | None = None, /, *, name: str | None = None) -> Any:
    """Trace a function that returns passages, in any of the shapes that `retrieval.documents` takes.

    Takes functions, coroutine functions, generators and async generators. The query is the argument called `query`,
    `question`, `q` ..., else the first text argument.

    Args:
        function: given where it is used without parentheses.
        name: of the collection or index; the function's name, where it is not given.
    """
    if function is None:
        return functools.partial(_retriever, name=name)
    return _retriever(function, name=None)


def _retriever(function: Callable[..., Any], *, name: str | None) -> Any:
    title = name or _title(function)
    signature = _signature(function)

    def request(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Request:
        given = _arguments(signature, args, kwargs)
        defaults = {k: p.default for k, p in signature.parameters.items()} if signature else {}
        texts = [given[n] for n in _QUERY_NAMES if isinstance(given.get(n), str)]
        texts += [v for v in given.values() if isinstance(v, str)]
        counts = [v for n in _TOP_K_NAMES if type(v := given.get(n, defaults.get(n))) is int]
        return Request(query=texts[0] if texts else None, top_k=counts[0] if counts else None, data_source=title)

    return _traced(function, lambda args, kwargs: _begin_retrieval(lambda: request(args, kwargs)))


def _begin_retrieval(request: Callable[[], Request]) -> "_Scope":
    def begin(runtime: Runtime) -> _Scope:
        asked = request()
        subject = asked.data_source
        span = runtime.tracer.start_span(
            f"retrieval {subject}" if subject else "retrieval",
            context=runtime.context(),
            kind=SpanKind.CLIENT,
            attributes=semconv.request_attributes("retrieval", _PROVIDER.name, asked),
        )
        context = searching("retrieval", set_span_in_context(span))
        return _Retrieval(Call(runtime.recorder, _PROVIDER, _RETRIEVAL, asked, span, context))

    return _begin(begin)


# --- requests -------------------------------------------------------------------------------------------------------


@overload
def workflow(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def workflow(*, name: str | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def workflow(function: Callable[..., Any] | None = None, /, *, name: str | None = None) -> Any:
    """Trace a function that answers one request: everything traced inside it becomes one tree.

    Takes functions, coroutine functions, generators and async generators; of a generator the yielded texts are the
    output, and no span is current between two of them.

    Args:
        function: given where it is used without parentheses.
        name: of the workflow; the function's name, where it is not given.
    """
    if function is None:
        return functools.partial(_workflow, name=name)
    return _workflow(function, name=None)


def _workflow(function: Callable[..., Any], *, name: str | None) -> Any:
    title = name or _title(function)
    signature = _signature(function)

    def begin(runtime: Runtime, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> _Scope:
        attributes: dict[str, Any] = {
            semconv.OPERATION: semconv.WORKFLOW,
            semconv.AGENT_NAME: title,
            semconv.SPAN_KIND: "CHAIN",
        }
        if runtime.recorder.capture == "full":
            given = _arguments(signature, args, kwargs)
            texts = [value for value in given.values() if isinstance(value, str)]
            asked = texts if len(texts) == 1 else list(given.values()) if len(given) == 1 else [given]
            attributes[semconv.INPUT_VALUE] = readable(asked, runtime.recorder.content_limit)
        name = f"{semconv.WORKFLOW} {title}"
        span = runtime.tracer.start_span(name, runtime.context(), SpanKind.INTERNAL, attributes)
        return _Workflow(span, runtime.recorder)

    return _traced(function, lambda args, kwargs: _begin(lambda runtime: begin(runtime, args, kwargs)))


# --- spans that are open while something runs -----------------------------------------------------------------------


class _Scope:
    """Entering it makes its span current; leaving does not end that. Without a context it does nothing."""

    def __init__(self, context: Context | None) -> None:
        self._context = context
        self._tokens: list[Any] = []
        self._pieces: list[Any] = []

    @property
    def is_open(self) -> bool:
        return self._context is not None

    def __enter__(self) -> None:
        if self._context is not None:
            self._tokens.append(otel_context.attach(self._context))

    def __exit__(self, *_: object) -> None:
        if self._tokens:
            leave(self._tokens.pop())

    def reads(self, result: Any) -> bool:
        """Whether this result is only there once it has been iterated over."""
        return inspect.isgenerator(result)

    def piece(self, value: Any) -> None:
        """Keep a part of the output."""
        if self._context is not None and len(self._pieces) < 100_000:
            self._pieces.append(value)

    def end(self, error: BaseException | None) -> None:
        """End the span; any further call does nothing."""
        if self._context is not None:
            self._context = None
            try:
                self._end(error)
            except Exception:
                _log.debug("span could not be ended", exc_info=True)

    def _end(self, error: BaseException | None) -> None:
        raise NotImplementedError


class _Retrieval(_Scope):
    def __init__(self, call: Call) -> None:
        super().__init__(call.context)
        self._call = call

    def reads(self, result: Any) -> bool:
        return isinstance(result, Iterator)  # listing its documents would use it up

    def _end(self, error: BaseException | None) -> None:
        if error is not None:
            self._call.fail(error)
        else:
            self._call.succeed(self._pieces)


class _Workflow(_Scope):
    def __init__(self, span: Span, recorder: Recorder) -> None:
        super().__init__(set_span_in_context(span))
        self._span = span
        self._recorder = recorder

    def _end(self, error: BaseException | None) -> None:
        try:
            if self._recorder.capture == "full" and self._pieces:
                self._span.set_attribute(semconv.OUTPUT_VALUE, readable(self._pieces, self._recorder.content_limit))
            if error is not None:
                self._span.set_attribute(semconv.ERROR_TYPE, type(error).__qualname__)
                self._span.set_status(Status(StatusCode.ERROR, encodable(str(error)[:1000])))
        finally:
            self._span.end()


def _begin(begin: Callable[[Runtime], _Scope]) -> _Scope:
    runtime = current()
    if runtime is not None:
        try:
            return begin(runtime)
        except Exception:
            _log.debug("call could not be traced", exc_info=True)
    return _Scope(None)


# --- functions of every shape ---------------------------------------------------------------------------------------

_Begin: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any]], _Scope]


def _traced(function: Any, begin: _Begin) -> Any:
    """A function of the same shape, with a span around each call."""
    if isinstance(function, staticmethod | classmethod):
        return type(function)(_traced(function.__func__, begin))
    if inspect.isasyncgenfunction(function):
        return _async_generator(function, begin)
    if inspect.isgeneratorfunction(function):
        return _generator(function, begin)
    if inspect.iscoroutinefunction(function):
        return _coroutine(function, begin)

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        scope = begin(args, kwargs)
        try:
            with scope:
                result = function(*args, **kwargs)
        except BaseException as error:
            scope.end(error)
            raise
        return _handed_on(result, scope)

    return plain


def _coroutine(function: Callable[..., Any], begin: _Begin) -> Callable[..., Any]:
    @functools.wraps(function)
    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        scope = begin(args, kwargs)
        try:
            with scope:
                result = await function(*args, **kwargs)
        except BaseException as error:
            scope.end(error)
            raise
        return _handed_on(result, scope)

    return coroutine


def _generator(function: Callable[..., Any], begin: _Begin) -> Callable[..., Generator[Any, Any, Any]]:
    @functools.wraps(function)
    def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        scope = begin(args, kwargs)
        error: BaseException | None = None
        try:
            source = function(*args, **kwargs)
            step, given = source.send, None
            while True:
                with scope:
                    try:
                        piece = step(given)
                    except StopIteration as stop:
                        return stop.value
                scope.piece(piece)
                try:
                    step, given = source.send, (yield piece)
                except GeneratorExit:
                    with scope:
                        source.close()
                    raise
                except BaseException as thrown:
                    step, given = source.throw, thrown
        except BaseException as raised:
            error = None if isinstance(raised, GeneratorExit) else raised
            raise
        finally:
            scope.end(error)

    return generator


def _async_generator(function: Callable[..., Any], begin: _Begin) -> Callable[..., AsyncGenerator[Any, Any]]:
    @functools.wraps(function)
    async def generator(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        scope = begin(args, kwargs)
        error: BaseException | None = None
        try:
            source = function(*args, **kwargs)
            step, given = source.asend, None
            while True:
                with scope:
                    try:
                        piece = await step(given)
                    except StopAsyncIteration:
                        return
                scope.piece(piece)
                try:
                    step, given = source.asend, (yield piece)
                except GeneratorExit:
                    with scope:
                        await source.aclose()
                    raise
                except BaseException as thrown:
                    step, given = source.athrow, thrown
        except BaseException as raised:
            error = None if isinstance(raised, GeneratorExit) else raised
            raise
        finally:
            scope.end(error)

    return generator


def _handed_on(result: Any, scope: _Scope) -> Any:
    """The result, after ending the span; or, if it is yet to come, the same thing that ends the span when it has."""
    if not scope.is_open:
        return result
    shape: Callable[[Callable[[], Any], _Begin], Callable[[], Any]]
    source = result
    if scope.reads(result):
        shape = _generator
        if not inspect.isgenerator(result):
            source = _iterated(result)
    elif inspect.isasyncgen(result):
        shape = _async_generator
    elif inspect.iscoroutine(result):
        shape = _coroutine
    else:
        scope.piece(result)
        scope.end(None)
        return result
    later = shape(lambda: source, lambda _args, _kwargs: scope)()
    weakref.finalize(later, scope.end, None)  # for those that nobody starts
    return later


def _iterated(values: Iterable[Any]) -> Generator[Any, Any, Any]:
    yield from values


# --- what goes in and comes out -------------------------------------------------------------------------------------


def _title(function: Any) -> str:
    return getattr(function, "__name__", None) or type(function).__name__


def _signature(function: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(getattr(function, "__func__", function))
    except (TypeError, ValueError):
        return None


def _arguments(signature: inspect.Signature | None, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name, without `self` and without defaults."""
    if signature is None:
        return {**{str(i): value for i, value in enumerate(args)}, **kwargs}
    given: dict[str, Any] = {}
    for i, (name, value) in enumerate(signature.bind(*args, **kwargs).arguments.items()):
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            given |= value
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            given |= {f"{name}[{n}]": one for n, one in enumerate(value)}
        elif i > 0 or name not in ("self", "cls"):
            given[name] = value
    return given
