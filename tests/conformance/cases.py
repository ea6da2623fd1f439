"""What the conformance suite asks of a provider: payloads, not tests.

A provider's file is `tests/conformance/<provider>_cases.py`. It holds `CASES`, a list of `Case`; the suite finds the
file by its name and runs every test that fits on every case. A case is one call in one shape, made with the real SDK:

    CASES = [
        Case(
            name="query",                       # unique within the provider; ids are "chroma: query"
            provider=PROVIDER,                  # of groundwire_instrumentation
            client=open_client,                 # (mode, served) -> what `call` is given
            call=lambda c: c.query(...),        # the value, an awaitable of it (asynchronous=True), or a stream
            span="retrieval docs",              # name of the span
            asked={...},                        # every attribute known from the request, content included
            answered={...},                     # every attribute that the answer adds, without the cost
            modes={"answer", "error"},          # what `client` can play
        ),
    ]

`client(mode, served)` opens a client on a faked wire (or a local store) that plays one of these:

    answer      the call succeeds                          every case has it
    error       the call raises an SDK error               a wrong dimension, a missing collection, HTTP 400 ...
    interrupt   KeyboardInterrupt while the call runs      out of the transport or an embedding function
    hang        no answer, ever (asynchronous cases)       `await asyncio.Event().wait()` in the transport
    break       the connection is lost after some chunks   (streams) as many as `partial_chunks`
    stall       nothing more comes after some chunks       (asynchronous streams) as many as `partial_chunks`

and calls `served()` whenever it answers a request: the suite looks there whether the span is current. The same `call`
is made in every mode, so a case that fails differs in its client alone. Calls must be repeatable on one client, also
from several threads (tasks) at once. Where making a client is asynchronous, return an awaitable.

Attributes are compared whole. JSON attributes are written as the Python value that they decode to; `ANY` stands for
what cannot be known (a time). The cost is not written down: the suite works it out with `genai_prices` itself, from
the model and usage that the case expects.
"""

import importlib
import importlib.util
import inspect
import json
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from unittest.mock import ANY

from opentelemetry.trace import SpanKind

from groundwire import Provider

Mode = Literal["answer", "error", "interrupt", "hang", "break", "stall"]
JSON_ATTRIBUTES = frozenset(
    {
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.retrieval.documents",
        "groundwire.rerank.input_documents",
    }
)
CONTENT_ATTRIBUTES = JSON_ATTRIBUTES | {
    "gen_ai.retrieval.query.text",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "input.value",
    "output.value",
}

__all__ = [
    "ANY",
    "CONTENT_ATTRIBUTES",
    "JSON_ATTRIBUTES",
    "Case",
    "Mode",
    "all_cases",
    "decoded",
    "finish",
    "plain",
]


@dataclass(frozen=True, eq=False)
class Case:
    """One call of one SDK in one shape."""

    name: str
    provider: Provider
    client: Callable[[Mode, Callable[[], None]], Any]
    call: Callable[[Any], Any]
    span: str
    asked: Mapping[str, Any]
    answered: Mapping[str, Any]
    modes: Set[Mode] = frozenset({"answer", "error"})
    asynchronous: bool = False
    streams: bool = False
    """`call` gives a stream that the suite reads; every chunk must be equal between two runs."""
    bare: bool = False
    """(streams) A generator: no `with`, no HTTP response under it, no attributes of its own."""
    lazy: bool = False
    """(streams) The library's own generator, untouched, which calls what is traced when it is first read: one that
    nobody reads is no call."""
    kind: type | None = None
    """What the result must be an instance of."""
    partial_chunks: int = 2
    """(streams) Chunks that arrive before the wire breaks or stalls, and that the suite reads before it breaks off."""
    partial: Mapping[str, Any] = field(default_factory=dict)
    """(streams) What a stream broken off after `partial_chunks` adds to `asked`, without the cost and the marks."""
    unread_input_tokens: int | None = None
    """(streams) What the prompt of one that is never read is estimated at; None: as in `partial`."""
    side: SpanKind | None = None
    """Kind of the span; None: internal where it holds other calls, else client."""
    wire_spans: int | None = None
    """Spans that one call makes in all, where a library calls an instrumented one underneath; None: one."""

    since: str = ""
    """The first version of the SDK that tells all of this; `make compatibility` leaves the case out of older ones."""

    @property
    def holds(self) -> bool:
        """Whether it is a workflow, an agent or a tool: it asks no model, and holds what does."""
        return self.asked["gen_ai.operation.name"] in ("invoke_workflow", "invoke_agent", "execute_tool")

    def __str__(self) -> str:
        return f"{self.provider.name}: {self.name}"


def all_cases() -> list[Case]:
    """The cases of every provider whose SDK is installed."""
    found: list[Case] = []
    for file in sorted(Path(__file__).parent.glob("*_cases.py")):
        try:
            module = importlib.import_module(f"conformance.{file.stem}")
        except ImportError as error:  # of a module, or of a name out of a namespace package
            if error.name is None or error.name.startswith(("groundwire", "conformance")):
                raise
            continue  # an environment without this SDK: `test_every_installed_sdk_has_cases` is the counterpart
        found += module.CASES
    return found


async def finish(value: Any) -> Any:
    """The value itself, after awaiting where it is awaitable."""
    return await value if inspect.isawaitable(value) else value


def plain(value: Any) -> Any:
    """A result as plain data, to compare the results of two runs."""
    if hasattr(value, "model_dump"):
        return value.model_dump(warnings=False)
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "__dict__") and type(value).__eq__ is object.__eq__:
        return plain(vars(value))  # equal to nothing but itself
    return value


def decoded(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Attributes of a span with their JSON decoded."""
    return {k: json.loads(v) if k in JSON_ATTRIBUTES else v for k, v in (attributes or {}).items()}
