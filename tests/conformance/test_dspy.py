"""DSPy's programs over a server on this machine: one tree, and tokens once, whoever asks the model and wherever."""

import asyncio
import gc
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

dspy = pytest.importorskip("dspy", reason="make test-dspy")

pytest.importorskip("litellm")  # or threads would import it while others parse
import numpy  # noqa: E402  # which DSPy's retrievers need
from dspy.dsp.colbertv2 import ColBERTv2  # noqa: E402
from dspy.retrievers import Embeddings  # noqa: E402

from conformance import openai_wire as wire  # noqa: E402
from conformance.harness import Tracing, decoded, traced  # noqa: E402
from dialects.recorded import live_chains  # noqa: E402
from groundwire.records import from_readable  # noqa: E402
from groundwire_instrumentation import dspy_lm15, litellm, openai  # noqa: E402
from groundwire_instrumentation.dspy import PROVIDER  # noqa: E402

EVEREST, FUJI = "Everest is 8,849 m high.", "Fuji is 3,776 m high."
QUESTION = "How high is Everest?"
ALL = (PROVIDER, dspy_lm15.PROVIDER, litellm.PROVIDER, openai.PROVIDER)
FIELDS = f"[[ ## reasoning ## ]]\nSo it says.\n\n[[ ## answer ## ]]\n{EVEREST}\n\n[[ ## completed ## ]]"
STEP = (
    "[[ ## next_thought ## ]]\nHm.\n\n[[ ## next_tool_name ## ]]\n{name}\n\n[[ ## next_tool_args ## ]]\n{args}"
    "\n\n[[ ## completed ## ]]"
)


class Answers(BaseHTTPRequestHandler):
    """OpenAI's chat completions, and ColBERT's search."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asked = json.dumps(body["messages"])
        said = FIELDS
        if "next_tool_name" in asked:
            name, args = ("finish", "{}") if "observation_0" in asked else ("search", '{"query": "Everest"}')
            said = STEP.format(name=name, args=args)
        if not body.get("stream"):
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}
            self._send("application/json", json.dumps(wire.COMPLETION | {"choices": [choice]}).encode())
            return
        pieces = [said[at : at + 8] for at in range(0, len(said), 8)]
        chunks = [wire.chunk({"content": piece}) for piece in pieces]
        chunks += [wire.chunk({}, finish="stop"), wire.chunk(usage=wire.USAGE)]
        events = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
        self._send("text/event-stream", events + b"data: [DONE]\n\n")

    def do_GET(self) -> None:
        rows = [{"text": text, "pid": n, "score": 9.5 - n} for n, text in enumerate((EVEREST, FUJI), 7)]
        self._send("application/json", json.dumps({"topk": rows}).encode())

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
    for left in gc.get_objects():  # LiteLLM leaves a loop behind, which complains when it is collected
        if isinstance(left, asyncio.BaseEventLoop) and not left.is_running():
            left.close()


def model(address: str, **settings: Any) -> Any:
    settings = {"api_key": wire.KEY, "api_base": f"{address}/v1", "cache": False, "num_retries": 0} | settings
    return dspy.LM("openai/gpt-4o-mini", **settings)


@pytest.fixture
def asking(address: str) -> Iterator[Any]:
    with dspy.context(lm=model(address)):
        yield


def found() -> Any:
    return Embeddings([EVEREST, FUJI], lambda texts: numpy.array([["Ever" in t, "Fuji" in t] for t in texts], float), 2)


class Rag(dspy.Module):  # type: ignore[misc]
    """Searches, and answers from what it found."""

    def __init__(self) -> None:
        super().__init__()
        self.search = found()
        self.answer = dspy.ChainOfThought("context, question -> answer")

    def forward(self, question: str) -> Any:
        return self.answer(context=self.search(question).passages, question=question)

    async def aforward(self, question: str) -> Any:
        return await self.answer.acall(context=self.search(question).passages, question=question)


def tree(tracing: Tracing) -> list[tuple[str, str | None]]:
    """Spans with their parents, in the order in which they began."""
    by_id = {span.context.span_id: span.name for span in tracing.spans}
    spans = sorted(tracing.spans, key=lambda span: span.context.span_id)
    return [(span.name, by_id[span.parent.span_id] if span.parent else None) for span in spans]


def inputs(tracing: Tracing) -> list[int]:
    counts = [(span.attributes or {}).get("gen_ai.usage.input_tokens") for span in tracing.spans]
    return [count for count in counts if isinstance(count, int)]


REQUEST = [
    ("invoke_workflow Rag", None),
    ("retrieval Embeddings", "invoke_workflow Rag"),
    ("chat gpt-4o-mini", "invoke_workflow Rag"),
]


def streamed(program: Any) -> str:
    listeners = [dspy.streaming.StreamListener(signature_field_name="answer")]

    async def words() -> str:
        pieces = [each async for each in dspy.streamify(program, stream_listeners=listeners)(question=QUESTION)]
        return "".join(piece.chunk for piece in pieces if hasattr(piece, "chunk"))

    return asyncio.run(words())


@pytest.mark.parametrize("engine", ["auto", "litellm"])
@pytest.mark.parametrize("shape", ["called", "async", "streamed"])
def test_a_request_is_one_tree_and_has_one_cost_and_one_answer(address: str, engine: str, shape: str) -> None:
    # Or DSPy asks LiteLLM's stream for no counts, and they are estimated.
    with dspy.context(lm=model(address, engine=engine), track_usage=True), traced(*ALL) as tracing:
        if shape == "streamed":
            assert streamed(Rag()) == EVEREST
        else:
            made = Rag()(question=QUESTION) if shape == "called" else asyncio.run(Rag().acall(question=QUESTION))
            assert made.answer == EVEREST
        assert tree(tracing) == REQUEST
        assert inputs(tracing) == [120]
        assert ("gen_ai.response.time_to_first_chunk" in decoded(tracing.spans[1].attributes)) is (shape == "streamed")
        (chain,) = live_chains([from_readable(span) for span in tracing.spans])
        assert (chain.question, chain.answer) == (QUESTION, EVEREST)
        assert [(p.text, p.id, p.in_prompt) for p in chain.passages] == [(EVEREST, "0", True), (FUJI, "1", True)]


def test_an_answer_out_of_a_cache_is_no_call(address: str) -> None:
    dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=True)
    with dspy.context(lm=model(address, cache=True)), traced(*ALL) as tracing:
        for _ in range(2):
            assert Rag()(question="Is it kept?").answer == EVEREST
        assert [name for name, _ in tree(tracing)].count("invoke_workflow Rag") == 2
        assert inputs(tracing) == [120]


@pytest.mark.usefixtures("asking")
def test_what_runs_in_threads_stays_where_it_was_called() -> None:
    pairs = [(Rag(), {"question": question}) for question in ("One?", "Two?")]
    examples = [dspy.Example(question=q, answer=EVEREST).with_inputs("question") for q in ("One?", "Two?")]
    evaluate = dspy.Evaluate(devset=examples, metric=lambda *_: 1.0, num_threads=2, display_progress=False)
    for work in (
        lambda: dspy.Parallel(num_threads=2, disable_progress_bar=True)(pairs),
        lambda: evaluate(Rag()),
    ):
        with traced(*ALL) as tracing:
            with tracing.tracer.start_as_current_span("app"):
                work()
            above = {"invoke_workflow Rag": "app"}
            expected = [(name, above.get(name, parent)) for name, parent in REQUEST]
            assert sorted(tree(tracing), key=str) == sorted([*expected, *expected, ("app", None)], key=str)


@pytest.mark.usefixtures("asking")
def test_an_agent_s_tools_hold_what_they_find() -> None:
    index = found()

    def search(query: str) -> list[str]:
        """Searches."""
        return list(index(query).passages)

    with traced(*ALL) as tracing:
        assert dspy.ReAct("question -> answer", tools=[search])(question=QUESTION).answer == EVEREST
        above = "invoke_workflow ReAct"
        assert tree(tracing) == [
            (above, None),
            ("chat gpt-4o-mini", above),
            ("execute_tool search", above),
            ("retrieval Embeddings", "execute_tool search"),
            ("chat gpt-4o-mini", above),
            ("execute_tool finish", above),
            ("chat gpt-4o-mini", above),
        ]


def test_a_retrieval_is_told_by_who_knows_ids_and_scores(address: str) -> None:
    dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)
    with dspy.context(rm=ColBERTv2(address)), traced(*ALL) as tracing:
        assert dspy.Retrieve(k=2)("Everest").passages == [EVEREST, FUJI]
        assert tree(tracing) == [("retrieval ColBERTv2", None)]
        attributes = decoded(tracing.span.attributes)
        assert attributes["gen_ai.retrieval.documents"] == [
            {"id": "7", "score": 2.5, "content": EVEREST},
            {"id": "8", "score": 1.5, "content": FUJI},
        ]
        assert attributes["gen_ai.retrieval.query.text"] == "Everest"
        assert attributes["groundwire.retrieval.higher_is_better"] is True


def test_what_a_function_finds_is_told_by_the_retriever_that_asks_it() -> None:
    def rm(query: str, k: int) -> list[Any]:
        return [dspy.Prediction(long_text=text) for text in (EVEREST, FUJI)][:k]

    with dspy.context(rm=rm), traced(*ALL) as tracing:
        dspy.Retrieve(k=1)("Everest")
        assert tree(tracing) == [("retrieval Retrieve", None)]
        assert decoded(tracing.span.attributes)["gen_ai.retrieval.documents"] == [{"content": EVEREST}]


@pytest.mark.usefixtures("asking")
def test_a_retriever_that_asks_a_model_hides_no_tokens() -> None:
    class Rewriting(dspy.Retrieve):  # type: ignore[misc]
        def forward(self, query: str, k: int | None = None) -> Any:
            return found()(dspy.Predict("question -> answer")(question=query).answer)

    with traced(*ALL) as tracing:
        Rewriting()("How high?")
        assert sorted(name for name, _ in tree(tracing))[0] == "chat gpt-4o-mini"
        assert inputs(tracing) == [120]
