"""Functions of every shape, each call inside a scope.

A function keeps its shape: a generator stays a generator that takes `send`, `throw` and `close`. A span is current
while the function's own code runs, and at no other time.
"""

import functools
import inspect
import weakref
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from typing import Any, TypeAlias

from groundwire.scopes import Scope

Begin: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any]], Scope]


def in_scope(function: Any, begin: Begin) -> Any:
    """A function of the same shape, with a span around each call."""
    if isinstance(function, staticmethod | classmethod):
        return type(function)(in_scope(function.__func__, begin))
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


def _coroutine(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
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


def _generator(function: Callable[..., Any], begin: Begin) -> Callable[..., Generator[Any, Any, Any]]:
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


def _async_generator(function: Callable[..., Any], begin: Begin) -> Callable[..., AsyncGenerator[Any, Any]]:
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


def _handed_on(result: Any, scope: Scope) -> Any:
    """The result, after ending the span; or, if it is yet to come, the same thing that ends the span when it has."""
    if not scope.is_open:
        return result
    shape: Callable[[Callable[[], Any], Begin], Callable[[], Any]]
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
