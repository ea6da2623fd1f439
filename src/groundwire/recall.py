"""Short memories of the process: what was retrieved lately, and content that must not leave it.

A plain script has no root span, so its retrieval and its answer are two traces. A chat call whose prompt carries
the text of a recent retrieval gets a span link to it.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from opentelemetry.trace import Link, SpanContext

from groundwire.fork import on_fork
from groundwire.model import Document

_KEEP = 16
_KEEP_S = 600.0
_PROBE = 64
"""Characters of a passage that are looked for in a prompt: long enough not to match by chance, quick to search."""


@dataclass(frozen=True, slots=True)
class _Retrieval:
    span: SpanContext
    starts: tuple[str, ...]
    """The first characters of each passage."""
    at: float
    root: bool
    """Whether it is a trace of its own: one inside a request has its answer there too, as a rule."""


class Recall:
    """Recent retrievals of the same task or thread, and, as a fall-back, of the process."""

    def __init__(self) -> None:
        self._own: ContextVar[tuple[_Retrieval, ...]] = ContextVar("groundwire_recall", default=())
        self._process: deque[_Retrieval] = deque(maxlen=_KEEP)

    def remember(
        self, span: SpanContext, documents: Sequence[Document] | Sequence[Sequence[Document]], *, root: bool
    ) -> None:
        """Keep the beginnings of the passages that this span retrieved."""
        starts = tuple(text[: _PROBE * 4] for text in _texts(documents))
        if not starts:
            return
        retrieval = _Retrieval(span, starts, time.monotonic(), root)
        self._own.set((*self._own.get()[-_KEEP + 1 :], retrieval))
        self._process.append(retrieval)

    def links(self, prompt: Iterable[str], trace_id: int | None) -> list[Link]:
        """Links to recent retrievals of other traces whose text is in the prompt.

        The call's own task or thread is asked first; only if it retrieved nothing that fits, the whole process is
        (a retrieval inside `asyncio.gather` or a thread pool happens in a context of its own), and last what was
        retrieved inside earlier requests. Of retrievals that found the same passages the latest counts.
        """
        own = self._own.get()
        if not own and not self._process:
            return []
        text = _squeeze("\n".join(prompt))
        oldest = time.monotonic() - _KEEP_S
        process = tuple(self._process)
        for candidates in (own, process):
            if any(r.span.trace_id == trace_id and _held(r, text) for r in candidates):
                return []  # the trace itself tells
        groups = ([r for r in own if r.root], [r for r in process if r.root], [r for r in own if not r.root])
        for group in groups:
            explained: set[str] = set()
            found: list[SpanContext] = []
            for retrieval in reversed(group):
                held = _held(retrieval, text) if retrieval.at >= oldest else set[str]()
                if held - explained:
                    explained |= held
                    found.insert(0, retrieval.span)
            if found:
                return [Link(span) for span in found]
        return []

    def __bool__(self) -> bool:
        return bool(self._process)


def _texts(documents: Sequence[Document] | Sequence[Sequence[Document]]) -> Iterable[str]:
    for entry in documents:
        for document in (entry,) if isinstance(entry, Document) else entry:
            if document.text and not document.text.isspace():
                yield document.text


def _held(retrieval: _Retrieval, text: str) -> set[str]:
    """Beginnings of its passages that the text holds."""
    return {probe for start in retrieval.starts if (probe := _probe(start)) in text}


def _probe(start: str) -> str:
    return _squeeze(start)[:_PROBE]


def _squeeze(text: str) -> str:
    """White space is what templates change."""
    return " ".join(text.split())


class Vault:
    """Content of spans that is scored in the process and never exported (`capture="scored"`)."""

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._held: OrderedDict[tuple[int, int], Mapping[str, str]] = OrderedDict()
        self._lock = threading.Lock()
        on_fork(self)

    def after_fork(self) -> None:
        """Another thread of the parent may have held the lock."""
        self._lock = threading.Lock()

    def put(self, span: SpanContext, content: Mapping[str, str]) -> None:
        """Keep the content of one span; the oldest goes when the vault is full."""
        with self._lock:
            self._held[(span.trace_id, span.span_id)] = content
            while len(self._held) > self._size:
                self._held.popitem(last=False)

    def take(self, span: SpanContext) -> Mapping[str, str]:
        """The content of one span, forgotten with this call; empty where there is none."""
        with self._lock:
            return self._held.pop((span.trace_id, span.span_id), {})
