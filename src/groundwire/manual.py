"""Spans for the application's own code: its requests, and retrievers that no library of ours knows."""

import functools
import inspect
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, overload

from opentelemetry.trace import SpanKind, set_span_in_context

from groundwire import semconv
from groundwire.call import Call
from groundwire.documents import as_documents
from groundwire.model import Operation, Provider, Request, Response
from groundwire.readable import readable
from groundwire.runtime import Runtime
from groundwire.scopes import RetrievalScope, Scope, WorkflowScope, begun
from groundwire.searching import searching
from groundwire.shapes import in_scope

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
        self._scope = Scope(None)

    def __enter__(self) -> "retrieval":
        self._scope = _begin_retrieval(lambda: self._request)
        self._scope.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        scope, self._scope = self._scope, Scope(None)
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

    return in_scope(function, lambda args, kwargs: _begin_retrieval(lambda: request(args, kwargs)))


def _begin_retrieval(request: Callable[[], Request]) -> Scope:
    def begin(runtime: Runtime) -> Scope:
        asked = request()
        subject = asked.data_source
        span = runtime.tracer.start_span(
            f"retrieval {subject}" if subject else "retrieval",
            context=runtime.context(),
            kind=SpanKind.CLIENT,
            attributes=semconv.request_attributes("retrieval", _PROVIDER.name, asked),
        )
        context = searching("retrieval", set_span_in_context(span))
        return RetrievalScope(Call(runtime.recorder, _PROVIDER, _RETRIEVAL, asked, span, context))

    return begun(begin)


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

    def begin(runtime: Runtime, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Scope:
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
        return WorkflowScope(span, runtime.recorder)

    return in_scope(function, lambda args, kwargs: begun(lambda runtime: begin(runtime, args, kwargs)))


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
