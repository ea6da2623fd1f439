"""The values that everything else speaks: calls, spans, chains, scores.

None of them changes once it is made. `None` means unknown; zero means zero. Token counts follow the GenAI semantic
conventions: `input_tokens` includes cached tokens, `output_tokens` includes reasoning tokens.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from groundwire.unchanging import unchanging

OperationKind: TypeAlias = Literal["chat", "embeddings", "retrieval", "rerank", "workflow", "agent", "tool"]
"""A `workflow`, an `agent` and a `tool` hold other calls: those inside them are spans of their own, of the same library
too."""
Message: TypeAlias = Mapping[str, Any]
"""One message in the JSON shape of the GenAI conventions: `{"role": str, "parts": [{"type": ..., ...}]}`."""

_EMPTY: Mapping[str, Any] = MappingProxyType({})


def _empty() -> Mapping[str, Any]:
    return _EMPTY


_NONE: Mapping[str, Any] = {}
"""For what is copied and sent to other processes, as a proxy cannot be."""


def _none() -> Mapping[str, Any]:
    return _NONE


# --- a call, as a provider's extractors describe it -----------------------------------------------------------------


@unchanging
class Usage:
    """Tokens as billed. Each count is `None` where the provider did not say."""

    input_tokens: int | None = None
    """All prompt tokens, cached ones included."""
    output_tokens: int | None = None
    """All generated tokens, reasoning included."""
    cache_read_tokens: int | None = None
    cache_creation_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_creation_1h_tokens: int | None = None
    """Those of `cache_creation_tokens` that are kept for an hour: they have a price of their own."""
    estimated: bool = False
    """True where we counted ourselves: the stream ended before the provider reported usage."""
    apart: Mapping[str, int] = field(default_factory=_none, hash=False)
    """What has prices of its own, as genai-prices names it: those of the tokens above that were no text
    (`input_audio_tokens`, `output_image_tokens` ...), and what is billed beside tokens (`web_searches`)."""
    terms: Mapping[str, str] = field(default_factory=_none, hash=False)
    """Terms other than the usual ones, which change prices, likewise: `{"service_tier": "flex"}`."""


@unchanging
class Document:
    """One retrieved or reranked passage."""

    text: str | None = None
    id: str | None = None
    score: float | None = None
    """As the store returned it: a distance or a similarity."""
    metadata: Mapping[str, Any] | None = None


@unchanging
class Request:
    """What the application asked for."""

    model: str | None = None
    name: str | None = None
    """Of a workflow, an agent, a tool or a retriever."""
    messages: Sequence[Message] | None = None
    """Prompt of a chat call, JSON-ready."""
    instructions: Sequence[Mapping[str, Any]] | None = None
    """System instructions given apart from the messages: a list of parts."""
    tools: Sequence[Mapping[str, Any]] | None = None
    query: str | Sequence[str] | None = None
    """Query text of a retrieval or rerank; several when one call carries several."""
    documents: Sequence[Document] | None = None
    """Documents handed to a reranker, in their order before reranking."""
    input: Any = None
    """What a workflow or an agent was given: a text, or anything that can be written as JSON."""
    arguments: Any = None
    """What a tool was given, likewise."""
    top_k: int | None = None
    data_source: str | None = None
    """Collection or index name."""
    provider: str | None = None
    """Overrides the provider's name: the same client serves OpenAI, Azure and compatible hosts."""
    server_address: str | None = None
    server_port: int | None = None
    stream: bool = False
    terms: Mapping[str, str] = field(default_factory=_empty)
    """Terms that were asked for, as in `Usage`: they hold where answers tell none."""
    attributes: Mapping[str, Any] = field(default_factory=_empty)
    """Further span attributes, already under their conventional names (temperature, max tokens, ...)."""
    read: "Callable[[Any], Response] | None" = field(default=None, repr=False, compare=False)
    """Result -> Response in place of the operation's own, where a result says nothing without what was asked: a
    reranker that returns places in the list it was given, an index that returns numbers."""


@unchanging
class Response:
    """What came back, or as much of it as was received."""

    model: str | None = None
    id: str | None = None
    messages: Sequence[Message] | None = None
    """Generated messages, JSON-ready, one for each choice."""
    finish_reasons: Sequence[str] = ()
    usage: Usage | None = None
    documents: Sequence[Document] | Sequence[Sequence[Document]] | None = None
    """Passages, best first; a list of lists where the request carried several queries."""
    output: Any = None
    """What a workflow or an agent gave: a text, or anything that can be written as JSON."""
    result: Any = None
    """What a tool gave, likewise."""
    higher_is_better: bool | None = None
    """Whether a greater score is a better one (similarity) or a worse one (distance); None where scores do not say."""
    error: str | None = None
    """What kind of failure the result tells of (`error.type`), where the library raises nothing."""
    attributes: Mapping[str, Any] = field(default_factory=_empty)


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
    """Key or attribute of the result under which its stream is; or key of its unread body, where `stream` is None:
    `response` is then given the mapping once the application has read the body, with the JSON document (or None) in
    its place."""
    applies: Callable[[Mapping[str, Any]], bool] | None = None
    """Whether a call with these arguments is this operation, where one method serves several; None: always."""
    on: Callable[[Any], bool] | None = None
    """Whether a call on this object is this operation, where that does not stand in its arguments; None: always."""
    of: Callable[[type[Any]], bool] | None = None
    """(`Class+`) Which classes of the family the operation is for; None: all."""
    iterables: tuple[str, ...] = ()
    """Arguments that may be one-shot iterators: they are turned into lists before anybody reads them. A dotted name is
    a key or an attribute of an argument, `options.json_data.messages`."""
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


# --- a span, wherever it comes from ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """A timed event inside a span."""

    name: str
    time_ns: int
    attributes: Mapping[str, Any] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True)
class SpanLink:
    """A reference to a span of this or another trace."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any] = field(default_factory=_empty)


@unchanging
class SpanRecord:
    """A finished span, live or stored, without the SDK around it."""

    trace_id: str
    """32 lower-case hex digits."""
    span_id: str
    """16 lower-case hex digits."""
    name: str
    start_ns: int
    """Unix time in nanoseconds."""
    end_ns: int
    parent_id: str | None = None
    kind: Literal["internal", "server", "client", "producer", "consumer"] = "internal"
    status: Literal["unset", "ok", "error"] = "unset"
    status_message: str = ""
    attributes: Mapping[str, Any] = field(default_factory=_empty)
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()
    scope: str = ""
    scope_version: str = ""
    resource: Mapping[str, Any] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A log record that says something about a span: newer instrumentations put messages and scores there.

    Sources give it as they meet it, before or after its span; `groundwire.traces.joined` brings the two together.
    """

    trace_id: str
    """32 lower-case hex digits; empty where the record names no trace."""
    span_id: str
    """16 lower-case hex digits; empty where the record names no span."""
    event: SpanEvent
    """Name: that of the event, or empty. Attributes: those of the record, and its body, where it has one, as `body`."""


# --- a RAG chain ----------------------------------------------------------------------------------------------------

PassageSource: TypeAlias = Literal["retrieval", "rerank", "prompt", "given"]


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage that was retrieved for an answer."""

    text: str
    id: str | None = None
    score: float | None = None
    in_prompt: bool = True
    """False: it was retrieved and never reached the prompt, so the answer cannot rest on it."""
    source: PassageSource = "given"
    """`prompt` where no span listed it and it was cut out of the prompt itself."""
    span_id: str | None = None
    """The span that supplied it."""
    retrieved_rank: int | None = None
    """From 1: its place in the retrieval that found it, before any reranking; the best place where several did."""
    prompt_rank: int | None = None
    """From 1: its place among the passages in the prompt's text; None where that is not known."""


@dataclass(frozen=True, slots=True)
class RagChain:
    """A question, the passages that were retrieved for it, and the answer given: what evaluators read."""

    question: str | None
    passages: tuple[Passage, ...]
    """In the order of the (last) ranking; dropped ones after those that reached the prompt."""
    answer: str
    reference: str | None = None
    """A known right answer, where there is one."""
    model: str | None = None
    provider: str | None = None
    usage: Usage | None = None
    refused: bool = False
    """The provider itself marked the message as a refusal."""
    trace_id: str = ""
    span_id: str = ""
    """The answer span."""
    attributes: Mapping[str, Any] = field(default_factory=_empty, compare=False)

    @property
    def context(self) -> tuple[Passage, ...]:
        """The passages that the model could see, best ranked first."""
        return tuple(p for p in self.passages if p.in_prompt)


Reason: TypeAlias = Literal[
    "no_content", "no_passages", "no_answer_text", "part_of_search", "judgement", "query", "duplicate", "error"
]


@dataclass(frozen=True, slots=True)
class NoChain:
    """A chat span that is not a RAG answer, and why."""

    trace_id: str
    span_id: str
    reason: Reason
    detail: str = ""


# --- a judgement ----------------------------------------------------------------------------------------------------

Verdict: TypeAlias = Literal["supported", "unsupported", "contradicted", "not_checkable"]
PassageVerdict: TypeAlias = Literal["relevant", "irrelevant", "used", "unused", "dropped"]
"""`dropped`: it never reached the prompt."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """The words of a sentence that nothing supports. Offsets are characters of the answer, end exclusive."""

    start: int
    end: int
    reason: str
    """`number`, `date`, `name`, `negation`, `words`, `quote` ..."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found about one sentence of the answer, or about one passage."""

    text: str
    """The sentence (or the passage) judged."""
    start: int
    """First character in the answer; for evidence about a passage or the reference, in that."""
    end: int
    verdict: Verdict | PassageVerdict
    probability: float
    """Of being supported (relevant, used), in [0, 1]."""
    passage: int | None = None
    """Index into `RagChain.passages` of the best support, or of the passage judged."""
    passage_start: int | None = None
    passage_end: int | None = None
    flaws: tuple[Flaw, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """A judgement that could be made."""

    value: float
    """In [0, 1]; higher is better."""
    label: str
    """Low-cardinality: `faithful`, `partly`, `unfaithful`; `relevant`, `irrelevant` ..."""
    explanation: str = ""
    """Derived from the verdicts, never a second opinion."""
    evidence: tuple[Evidence, ...] = ()
    details: Mapping[str, float] = field(default_factory=_empty)
    """Named figures beside the value, for instance `precision`."""
    passed: bool | None = None
    """Against the evaluator's own frozen threshold; None where it has none."""
    model: str | None = None
    """What judged, where an evaluator has several ways: `lexical`, `local`, a judge's model name."""
    usage: Usage | None = None
    """Tokens that the judging itself took; None for local evaluators."""
    cost_usd: float | None = None
    """What the judging cost; None: nothing, or not known."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0:  # also catches NaN
            raise ValueError(f"a score must be in [0, 1], got {self.value!r}")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A judgement that cannot be made, and why. Never 0, never NaN."""

    reason: str
    """`no_content`, `no_passages`, `no_question`, `refusal`, `empty_answer`, `nothing_checkable`, `language` ..."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """An evaluator that broke. Made by the runner alone."""

    error_type: str
    message: str = ""


@runtime_checkable
class Evaluator(Protocol):
    """A metric over one chain. Frozen, thread-safe and deterministic; settings are constructor fields."""

    @property
    def name(self) -> str:
        """Value of `gen_ai.evaluation.name`, for instance `faithfulness`."""
        ...

    @property
    def version(self) -> str:
        """Bumped when earlier scores stop being comparable."""
        ...

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain."""
        ...


@runtime_checkable
class BatchEvaluator(Evaluator, Protocol):
    """An evaluator to which many chains at once are cheaper than one by one. Stored traces are judged that way."""

    def evaluate_many(self, chains: Sequence[RagChain], /) -> Sequence[Score | Skipped | Exception]:
        """Judge some chains; one outcome for each, in their order, and the same as `evaluate` would give.

        A chain that breaks has its exception in its place. Where this raises, each chain is judged on its own.
        """
        ...


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcome of one evaluator on one chain."""

    chain: RagChain
    name: str
    version: str
    result: Score | Skipped | Failed
    duration_ms: float | None = None
    threshold: float | None = None
    """The evaluator's own frozen one, where it has a property `threshold`: lower values do not pass."""
