"""Spans for the application's own code: its requests, and retrievers that no library of ours knows."""

import functools
import inspect
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast, overload

from opentelemetry import context as otel_context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from groundwire import semconv
from groundwire.call import Call, Recorder
from groundwire.documents import as_documents
from groundwire.model import Operation, Provider, Request, Response
from groundwire.runtime import current

_log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

_QUERY_NAMES = ("query", "question", "q", "text", "search", "prompt", "input")


def _no_request(_instance: Any, _arguments: Mapping[str, Any]) -> Request:
    return Request()


_RETRIEVAL = Operation(
    kind="retrieval",
    targets=(),
    request=_no_request,
    response=lambda found: Response(documents=as_documents(found)),
)
_PROVIDER = Provider(name="application", module="", distribution="", operations=(_RETRIEVAL,))


class retrieval:  # noqa: N801 - used like a function: `with groundwire.retrieval(...) as r`
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
        self._call: Call | None = None
        self._token: Any = None

    def __enter__(self) -> "retrieval":
        self._call = _begin(self._request)
        if self._call is not None:
            self._token = otel_context.attach(self._call.context)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        call, token, self._call, self._token = self._call, self._token, None, None
        if call is None:
            return
        otel_context.detach(token)
        if error is not None:
            call.fail(error)
        else:
            call.succeed(self.documents)

    async def __aenter__(self) -> "retrieval":
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


def _begin(request: Request) -> Call | None:
    runtime = current()
    if runtime is None:
        return None
    try:
        subject = request.data_source
        span = runtime.tracer.start_span(
            f"retrieval {subject}" if subject else "retrieval",
            kind=SpanKind.CLIENT,
            attributes=semconv.request_attributes("retrieval", _PROVIDER.name, request),
        )
        context = set_span_in_context(span)
        return Call(runtime.recorder, _PROVIDER, _RETRIEVAL, request, span, context)
    except Exception:
        _log.debug("retrieval could not be traced", exc_info=True)
        return None


@overload
def retriever(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def retriever(*, name: str | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def retriever(function: Callable[..., Any] | None = None, /, *, name: str | None = None) -> Any:
    """Trace a function that returns passages: sync or async, any of the shapes that `retrieval.documents` takes.

    The query is the argument called `query`, `question`, `q` ..., else the first text argument.

    Args:
        function: given where it is used without parentheses.
        name: of the collection or index; the function's name, where it is not given.
    """
    if function is None:
        return functools.partial(_retriever, name=name)
    return _retriever(function, name=None)


def _retriever(function: Callable[..., Any], *, name: str | None) -> Callable[..., Any]:
    title = name or function.__name__
    names = tuple(inspect.signature(function).parameters)

    def request(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Request:
        arguments = {**dict(zip(names, args, strict=False)), **kwargs}
        query = next((arguments[n] for n in _QUERY_NAMES if isinstance(arguments.get(n), str)), None)
        if query is None:
            query = next((v for v in arguments.values() if isinstance(v, str)), None)
        top_k = next((arguments[n] for n in ("top_k", "k", "n", "limit") if isinstance(arguments.get(n), int)), None)
        return Request(query=query, top_k=top_k, data_source=title)

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def later(*args: Any, **kwargs: Any) -> Any:
            call = _begin(request(args, kwargs))
            if call is None:
                return await function(*args, **kwargs)
            token = otel_context.attach(call.context)
            try:
                found = await function(*args, **kwargs)
            except BaseException as error:
                call.fail(error)
                raise
            finally:
                otel_context.detach(token)
            call.succeed(found)
            return found

        return later

    @functools.wraps(function)
    def now(*args: Any, **kwargs: Any) -> Any:
        call = _begin(request(args, kwargs))
        if call is None:
            return function(*args, **kwargs)
        token = otel_context.attach(call.context)
        try:
            found = function(*args, **kwargs)
            rows = found
            if inspect.isgenerator(found):
                # Read inside the span, handed on as the iterator that it was.
                rows = list(found)
                found = iter(rows)
        except BaseException as error:
            call.fail(error)
            raise
        finally:
            otel_context.detach(token)
        call.succeed(rows)
        return found

    return now


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


def _workflow(function: Callable[..., Any], *, name: str | None) -> Callable[..., Any]:
    title = name or function.__name__
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def agen(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
            request = _Workflow.begin(title, args, kwargs)
            source = function(*args, **kwargs)
            error: BaseException | None = None
            try:
                while True:
                    with request:
                        try:
                            piece = await anext(source)
                        except StopAsyncIteration:
                            break
                    request.piece(piece)
                    yield piece
            except BaseException as raised:
                error = raised
                raise
            finally:
                if error is not None:
                    await source.aclose()
                request.end(error if not isinstance(error, GeneratorExit) else None)

        return agen
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def gen(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            request = _Workflow.begin(title, args, kwargs)
            source = function(*args, **kwargs)
            error: BaseException | None = None
            try:
                while True:
                    with request:
                        try:
                            piece = next(source)
                        except StopIteration as stop:
                            return stop.value
                    request.piece(piece)
                    yield piece
            except BaseException as raised:
                error = raised
                raise
            finally:
                if error is not None:
                    source.close()
                request.end(error if not isinstance(error, GeneratorExit) else None)

        return gen
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def later(*args: Any, **kwargs: Any) -> Any:
            request = _Workflow.begin(title, args, kwargs)
            try:
                with request:
                    result = await function(*args, **kwargs)
            except BaseException as error:
                request.end(error)
                raise
            request.piece(result)
            request.end(None)
            return result

        return later

    @functools.wraps(function)
    def now(*args: Any, **kwargs: Any) -> Any:
        request = _Workflow.begin(title, args, kwargs)
        try:
            with request:
                result = function(*args, **kwargs)
        except BaseException as error:
            request.end(error)
            raise
        request.piece(result)
        request.end(None)
        return result

    return now


class _Workflow:
    """One request in flight. Entering it makes its span current; leaving does not end it."""

    def __init__(self, span: Span | None, recorder: Recorder | None) -> None:
        self._span = span
        self._recorder = recorder
        self._pieces: list[Any] = []
        self._tokens: list[Any] = []

    @classmethod
    def begin(cls, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> "_Workflow":
        runtime = current()
        if runtime is None:
            return cls(None, None)
        try:
            return cls(_workflow_span(runtime.tracer, runtime.recorder, name, args, kwargs), runtime.recorder)
        except Exception:
            _log.debug("workflow could not be traced", exc_info=True)
            return cls(None, None)

    def __enter__(self) -> None:
        if self._span is not None:
            self._tokens.append(otel_context.attach(set_span_in_context(self._span)))

    def __exit__(self, *_: object) -> None:
        if self._tokens:
            otel_context.detach(self._tokens.pop())

    def piece(self, value: Any) -> None:
        """Keep a part of the output."""
        if self._span is not None and len(self._pieces) < 100_000:
            self._pieces.append(value)

    def end(self, error: BaseException | None) -> None:
        span, self._span = self._span, None
        if span is None or self._recorder is None:
            return
        try:
            if self._recorder.capture == "full" and self._pieces:
                span.set_attribute(semconv.OUTPUT_VALUE, _value(self._pieces, self._recorder.content_limit))
            if error is not None:
                span.set_attribute(semconv.ERROR_TYPE, type(error).__qualname__)
                span.set_status(Status(StatusCode.ERROR, str(error)[:1000]))
        except Exception:
            _log.debug("workflow could not be described", exc_info=True)
        try:
            span.end()
        except Exception:
            _log.debug("a span processor raised", exc_info=True)


def _workflow_span(
    tracer: Tracer, recorder: Recorder, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Span:
    attributes: dict[str, Any] = {
        semconv.OPERATION: semconv.WORKFLOW,
        semconv.AGENT_NAME: name,
        semconv.SPAN_KIND: "CHAIN",
    }
    if recorder.capture == "full":
        given = [*args, *kwargs.values()]
        texts = [value for value in given if isinstance(value, str)]
        attributes[semconv.INPUT_VALUE] = _value(texts if len(texts) == 1 else given, recorder.content_limit)
    return tracer.start_span(f"{semconv.WORKFLOW} {name}", kind=SpanKind.INTERNAL, attributes=attributes)


def _value(pieces: list[Any], limit: int) -> str:
    if all(isinstance(piece, str) for piece in pieces):
        text = "".join(cast(list[str], pieces))
    else:
        text = semconv.dumps(pieces[0] if len(pieces) == 1 else pieces)
    return semconv.encodable(text[:limit])
