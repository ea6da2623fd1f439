"""A library to be traced: its methods, and how their arguments and results are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from groundwire.model.calls import Request, Response

OperationKind: TypeAlias = Literal["chat", "embeddings", "retrieval", "rerank", "workflow", "agent", "tool"]
"""A `workflow`, an `agent` and a `tool` hold other calls: those inside them are spans of their own, of the same library
too."""


class Accumulator(Protocol):
    """Collects the chunks of one stream. Must be usable at any moment: streams break off."""

    def add(self, chunk: Any, /) -> None:
        """Take one chunk, as the application sees it."""
        ...

    def response(self) -> Response:
        """Everything received so far."""
        ...


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of call of a provider: where it lives and how to read it. Extractors are pure."""

    kind: OperationKind
    targets: tuple[str, ...]
    """`module:Class.method` (or `module:function`), sync and async side by side; `module:Class+.method` is that of the
    class and of every subclass that has the method of its own, now or later; of a metaclass, that of every class that
    it has made or will make."""
    request: Callable[[Any, Mapping[str, Any]], Request]
    """(instance the method is bound to, arguments by name) -> Request."""
    response: Callable[[Any], Response]
    """Result of a call that was not streamed -> Response."""
    stream: Callable[[], Accumulator] | None = None
    """Makes the accumulator of one stream; None where the operation cannot stream."""
    part: str | None = None
    """Key or attribute (of an attribute: `result.stream`) of the result under which its stream is; or key of its unread
    body, where `stream` is None: `response` is then given the mapping once the application has read the body, with the
    JSON document (or None) in its place."""
    applies: Callable[[Mapping[str, Any]], bool] | None = None
    """Whether a call with these arguments is this operation, where one method serves several; None: always."""
    on: Callable[[Any], bool] | None = None
    """Whether a call on this object is this operation, where that does not stand in its arguments; None: always."""
    of: Callable[[type[Any]], bool] | None = None
    """(`Class+`) Which classes of the family the operation is for; None: all."""
    iterables: tuple[str, ...] = ()
    """Arguments that may be one-shot iterators: they are turned into lists before anybody reads them. Or, dotted and
    all in one place, keys or attributes of an argument: `options.json_data.messages`, `options.json_data.tools`."""
    pauses: Callable[[BaseException], bool] | None = None
    """Whether an exception is how the library stops for a while, to ask a person: the call ends, and has not failed."""
    side: Literal["internal", "client", "server"] | None = None
    """Kind of the span; None: internal where it holds other calls, else client."""
    carrier: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] | None = None
    """(server) Where in the arguments the trace context stands that the caller sent along: headers by name."""
    covers: tuple[str, ...] = ()
    """As `Provider.covers`, of this operation alone."""
    quiet: Callable[[Mapping[str, Any]], None] | None = None
    """Keeps the library from making a span of its own for this call, which would count its tokens a second time; may
    change what the library itself made for the call, never what the application gave. None: it makes none."""


@dataclass(frozen=True, slots=True)
class Substitute:
    """A class that is written in C: its methods cannot be replaced, those of a subclass of it can."""

    of: str
    """`module:Class`. Targets of operations that name it mean the subclass."""
    methods: Mapping[str, tuple[str, ...]]
    """Names of the parameters of the methods that are targets: C does not tell them."""
    made_by: str
    """`module:function` that returns what makes the objects of the class, as a connection makes cursors."""
    attribute: str
    """Of what it returns: what class to make them of. Where that is None, the subclass is put there."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A library to be traced: one declarative file."""

    name: str
    """Value of `gen_ai.provider.name`, unless a request overrides it."""
    module: str
    """Top-level module of the library: never imported by us before the application has it."""
    distribution: str
    """Name on the package index, for version reports."""
    operations: tuple[Operation, ...]
    delegates_to: tuple[str, ...] = ()
    """Providers that this library calls underneath; they own tokens and cost."""
    covers: tuple[str, ...] = ()
    """Names of providers that this library may call underneath, and whose calls its own span tells whole: they make
    none inside it. The other way round from `delegates_to`, for a library that often calls nobody who is traced."""
    substitutes: tuple[Substitute, ...] = ()
    """For classes that are written in C."""
    executors: tuple[str, ...] = ()
    """`module:ThreadPoolExecutor`, where the library fans a call out to threads: the call's context goes along, where
    steady context is off too, as what a call does in threads is no second call."""
    running: Callable[[], Any] | None = None
    """The span under which the library runs here and now, where an instrumentor that ours stands aside for keeps it to
    itself and out of the context; None: none."""
    tracers: tuple[str, ...] = ()
    """`module:attribute` of tracers with which the library makes spans of its own: none inside a call that is told."""
