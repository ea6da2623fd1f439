"""Runs the example application over the recorded questions and collects what became of each."""

import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

import groundwire
from groundwire import semconv
from groundwire.demo.answers import RecordedAnswer, recorded_answers
from groundwire.demo.server import CHAT_MODEL, EMBEDDING_MODEL, ReplayServer
from groundwire.model import SpanRecord
from groundwire.records import from_readable

SERVICE_NAME = "groundwire-demo"
_METRIC = f"{semconv.EVALUATION}.faithfulness"


class RagApp(Protocol):
    """What the demo uses of `examples/rag_app.py`."""

    def index(self, passages: Sequence[tuple[str, int]]) -> None:
        """Fill the store."""
        ...

    def answer(self, question: str, source: int | None = None) -> str:
        """Answer one question."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question, the answer given, and its trace as it was exported."""

    recorded: RecordedAnswer
    answer: str
    spans: tuple[SpanRecord, ...]

    @property
    def _chat(self) -> Mapping[str, Any]:
        return next((s.attributes for s in self.spans if s.attributes.get(semconv.OPERATION) == "chat"), {})

    @property
    def _evaluation(self) -> Mapping[str, Any]:
        return next((s.attributes for s in self.spans if s.name == "evaluate faithfulness"), {})

    @property
    def value(self) -> float | None:
        """Faithfulness, in [0, 1]; None where it was not scored."""
        return self._chat.get(f"{_METRIC}.score.value")

    @property
    def label(self) -> str | None:
        """`faithful`, `partly` or `unfaithful`; None where it was not scored."""
        return self._chat.get(f"{_METRIC}.score.label")

    @property
    def status(self) -> str:
        """`scored`, or why not: `skipped: refusal`, `timeout` ..."""
        own = self._chat.get("groundwire.evaluation.faithfulness.status")
        return own or self._chat.get(semconv.EVALUATION_STATUS) or "no answer span"

    @property
    def passed(self) -> bool | None:
        """Against the evaluator's own threshold; None where it was not scored."""
        return self._evaluation.get(semconv.EVALUATION_PASSED)

    @property
    def scoring_ms(self) -> float | None:
        """How long faithfulness took to score."""
        return self._evaluation.get(semconv.EVALUATION_DURATION)

    @property
    def model(self) -> str:
        """The model that answered, as its response said."""
        return self._chat.get(semconv.RESPONSE_MODEL) or ""

    @property
    def cost_usd(self) -> float | None:
        """Of the chat call; None where its model has no known price."""
        return self._chat.get(semconv.COST)

    @property
    def tokens(self) -> tuple[int, int]:
        """Of the chat call: in, out."""
        return self._chat.get(semconv.INPUT_TOKENS) or 0, self._chat.get(semconv.OUTPUT_TOKENS) or 0


def run(
    recorded: Sequence[RecordedAnswer],
    export: Sequence[str | Path],
    *,
    live: bool = False,
    model: str | None = None,
    embedding_model: str | None = None,
    asking: Callable[[int], None] = lambda number: None,
) -> list[Outcome]:
    """Ask the example application every question, traced and scored.

    Args:
        recorded: the questions.
        export: where traces go, see `groundwire.instrument`.
        live: answers come from the endpoint that the `OPENAI_*` variables name, not from the recordings.
        model: for a live endpoint.
        embedding_model: for a live endpoint; None: hashed words from the replay server, which cost nothing.
        asking: told the number of each question before it is asked.

    Raises:
        ModuleNotFoundError: `openai` or `qdrant_client` is not installed.
        openai.OpenAIError: a live endpoint refused.
    """
    collected = _Collector()
    with ExitStack() as stack:
        server = stack.enter_context(ReplayServer())
        stack.enter_context(_environment(_variables(server.url, live, model, embedding_model)))
        groundwire.instrument(service_name=SERVICE_NAME, export=[*export, collected])
        stack.callback(groundwire.shutdown)
        app = _load_app()
        # All passages go in, those of questions that are not asked too: the search must have something to search.
        app.index([(text, entry.source_id) for entry in recorded_answers() for text in entry.passages])
        answered: list[tuple[RecordedAnswer, str, str]] = []
        for number, entry in enumerate(recorded, 1):
            asking(number)
            text = app.answer(entry.question, entry.source_id)
            answered.append((entry, text, collected.last_root()))
        groundwire.flush()
        return [Outcome(entry, text, collected.trace(trace_id)) for entry, text, trace_id in answered]


def _variables(url: str, live: bool, model: str | None, embedding_model: str | None) -> dict[str, str]:
    """What the application is configured by."""
    # A proxy that the environment names must not be asked for a server on loopback.
    bypass = ",".join(filter(None, [os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1"]))
    variables = {"NO_PROXY": bypass, "no_proxy": bypass}
    if not live:
        recorded = {"CHAT_MODEL": CHAT_MODEL, "EMBEDDING_MODEL": EMBEDDING_MODEL}
        return {**variables, **recorded, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "recorded"}
    # A server of one's own often asks for no key; the client insists on one.
    variables["OPENAI_API_KEY"] = os.environ.get("OPENAI_API_KEY") or "none"
    if model is not None:
        variables["CHAT_MODEL"] = model
    if embedding_model is not None:
        return {**variables, "EMBEDDING_MODEL": embedding_model}
    return {**variables, "EMBEDDINGS_BASE_URL": url, "EMBEDDING_MODEL": EMBEDDING_MODEL}


@contextmanager
def _environment(variables: Mapping[str, str]) -> Generator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def app_path() -> Path:
    """The example application: beside this file where we are installed, else in the checkout."""
    installed = Path(__file__).with_name("rag_app.py")
    return installed if installed.exists() else Path(__file__).parents[3] / "examples" / "rag_app.py"


def _load_app() -> RagApp:
    """A fresh copy of the application: it reads its configuration when it is imported, as applications do."""
    spec = importlib.util.spec_from_file_location("groundwire_rag_app", app_path())
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"{app_path()} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return cast(RagApp, module)


class _Collector(SpanProcessor):
    """Keeps ended spans, as the exporters beside it get them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[SpanRecord] = []
        self._root = ""

    def on_end(self, span: ReadableSpan) -> None:
        record = from_readable(span)
        with self._lock:
            self._spans.append(record)
            if record.parent_id is None and record.attributes.get(semconv.OPERATION) == semconv.WORKFLOW:
                self._root = record.trace_id

    def last_root(self) -> str:
        """Trace id of the request that ended last: a root span is never held back."""
        with self._lock:
            return self._root

    def trace(self, trace_id: str) -> tuple[SpanRecord, ...]:
        with self._lock:
            return tuple(s for s in self._spans if s.trace_id == trace_id)
