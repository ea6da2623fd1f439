"""A retriever that sits on a traced store is one retrieval: to the chain, to every metric, and to the report."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from llama_index.core.postprocessor import MetadataReplacementPostProcessor
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.retrievers import BaseRetriever as NodeRetriever
from llama_index.core.schema import NodeWithScore, TextNode
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import groundwire
from dialects.recorded import live_chains
from groundwire import Evaluator, Provider
from groundwire.chain import chains
from groundwire.comparing import run_of
from groundwire.model import RagChain, Score, SpanRecord
from groundwire.plugins import evaluator, evaluator_names
from groundwire.records import from_readable
from groundwire.report import listing
from groundwire.trace import read_traces
from groundwire_instrumentation import chroma, langchain, llama_index, openai
from providers.test_frameworks import APPLICATIONS, QUESTION, Asking, ask, found, run

TEXTS = {"e": "Everest is 8,849 m high.", "f": "Fuji is 3,776 m high."}
AROUND = {key: f"About a mountain. {text} It was climbed long ago." for key, text in TEXTS.items()}


class Parents(BaseRetriever):
    """Finds sentences, and hands on the paragraphs that they are from."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [Document(AROUND[key]) for key in found()["ids"][0]]


class First(BaseRetriever):
    """Hands on the first of what the store found."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [Document(text) for text in found()["documents"][0]][:1]


class Twice(BaseRetriever):
    """Asks the store several times, and hands on what is new."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        texts = [text for _ in range(3) for text in found()["documents"][0]]
        return [Document(text) for text in dict.fromkeys(texts)]


class Sentences(NodeRetriever):
    """Finds sentences that know what is around them."""

    def _retrieve(self, query_bundle: Any) -> list[NodeWithScore]:
        nodes = (TextNode(id_=i, text=TEXTS[i], metadata={"window": AROUND[i]}) for i in found()["ids"][0])
        return [NodeWithScore(node=node, score=1.0 - n / 10) for n, node in enumerate(nodes)]


def judge(text: str) -> str:
    """What a model says of a passage, as compressors and rerankers ask it to."""
    return ask(
        f"Is this passage relevant to the question? Answer YES or NO.\n\nContext:\n\n{text}\n\nQuestion: {QUESTION}"
    )


class Judged(BaseRetriever):
    """Hands on what a model finds good, which it asks in a chain."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        asking = RunnablePassthrough() | RunnableLambda(judge)
        return [Document(text) for text in found()["documents"][0] if asking.invoke(text)]


class Ranked(BaseNodePostprocessor):
    """Has a model say how good each is."""

    def _postprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: Any = None) -> list[NodeWithScore]:
        with ThreadPoolExecutor() as threads:
            list(threads.map(judge, [node.text for node in nodes]))
        return nodes


def by_judged_nodes() -> str:
    synthesizer = get_response_synthesizer(llm=Asking(), streaming=False)
    return str(RetrieverQueryEngine(Sentences(), synthesizer, node_postprocessors=[Ranked()]).query(QUESTION))


@groundwire.retriever
def judged_texts(query: str) -> list[str]:
    return [text for text in found()["documents"][0] if judge(text)]


def by_judged_texts() -> str:
    return ask("Context:\n\n" + "\n\n".join(judged_texts(QUESTION)) + f"\n\nQuestion: {QUESTION}")


def by(retriever: BaseRetriever) -> Callable[[], str]:
    def ask_it() -> str:
        context = "\n\n".join(document.page_content for document in retriever.invoke("How high is Everest?"))
        return ask(f"Context:\n\n{context}\n\nQuestion: How high is Everest?")

    return ask_it


def by_windows() -> str:
    synthesizer = get_response_synthesizer(llm=Asking(), streaming=False)
    replaced = MetadataReplacementPostProcessor(target_metadata_key="window")
    return str(
        RetrieverQueryEngine(Sentences(), synthesizer, node_postprocessors=[replaced]).query("How high is Everest?")
    )


MINE: dict[str, tuple[Callable[[], str], tuple[Provider, ...]]] = {
    "parents": (by(Parents()), (langchain.PROVIDER,)),
    "the first": (by(First()), (langchain.PROVIDER,)),
    "several searches": (by(Twice()), (langchain.PROVIDER,)),
    "windows": (by_windows, (llama_index.PROVIDER,)),
}


def seen(name: str, *, framework: bool, store: bool) -> tuple[list[SpanRecord], RagChain]:
    ask_it, frameworks = (APPLICATIONS | MINE)[name][:2]
    providers = (*(frameworks if framework else ()), *((chroma.PROVIDER,) if store else ()), openai.PROVIDER)
    tracing, (chain,) = run(ask_it, providers, root=not framework or name in MINE)
    return [from_readable(span) for span in tracing.spans], chain


@cache
def metrics() -> dict[str, Evaluator]:
    return {name: evaluator(name) for name in evaluator_names() if name != "lettucedetect"}  # 1 GB


def judged(chain: RagChain) -> dict[str, Any]:
    """What every metric says."""
    outcomes = {metric: one.evaluate(chain) for metric, one in metrics().items()}
    return {n: o.value if isinstance(o, Score) else o.reason for n, o in outcomes.items()}


@pytest.mark.parametrize("name", [n for n in APPLICATIONS if "streamed" not in n])
def test_every_metric_says_the_same_however_many_retrievals_lie_around_each_other(name: str) -> None:
    which = {}
    for framework, store in itertools.product((True, False), repeat=2):
        if framework or store:
            _, chain = seen(name, framework=framework, store=store)
            assert [p.text for p in chain.passages] == list(TEXTS.values())
            which[framework, store] = judged(chain)
    assert which[True, True]["context_precision"] is not None
    assert which[True, True] == which[True, False]
    # Without the framework nobody tells of its postprocessors.
    assert which[True, True] | {"rerank_lift": None} == which[False, True] | {"rerank_lift": None}


@pytest.mark.parametrize("name", MINE)
def test_what_a_retriever_makes_of_a_store_s_results_is_what_counts(name: str) -> None:
    _, both = seen(name, framework=True, store=True)
    _, alone = seen(name, framework=True, store=False)
    expected = {"parents": AROUND, "windows": AROUND}.get(name, TEXTS)
    count = 1 if name == "the first" else 2
    assert [p.text for p in both.context] == [p.text for p in alone.context] == list(expected.values())[:count]
    assert [p.text for p in both.passages if not p.in_prompt] == list(TEXTS.values())[count:]  # the store's alone
    assert [p.retrieved_rank for p in both.context] == [1, 2][:count]
    told, known = judged(both), judged(alone)
    for metric in ("faithfulness", "context_relevance", "answer_relevance", "citation_support", "refusal"):
        assert told[metric] == known[metric]
    if count == 2:
        assert told == known


@pytest.mark.parametrize("kind", ["by a retriever", "by a reranker", "by a function"])
def test_what_a_model_says_while_it_searches_is_no_answer(kind: str) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    names = [one.name for one in (chroma.PROVIDER, langchain.PROVIDER, llama_index.PROVIDER, openai.PROVIDER)]
    groundwire.instrument(tracer_provider=provider, evaluators=[], providers=names)
    try:
        with provider.get_tracer("app").start_as_current_span("app"):
            {"by a retriever": by(Judged()), "by a reranker": by_judged_nodes, "by a function": by_judged_texts}[kind]()
    finally:
        groundwire.shutdown()
    records = [from_readable(span) for span in exporter.get_finished_spans()]
    assert len([r for r in records if r.attributes.get("gen_ai.operation.name") == "chat"]) == 3
    assert {r.trace_id for r in records} == {records[0].trace_id}
    (live,) = live_chains(records)
    assert [p.text for p in live.context] == list(TEXTS.values())
    assembly = chains(records)
    assert [chain.span_id for chain in assembly.chains] == [live.span_id]
    assert [no.reason for no in assembly.rejected] == ["part_of_search"] * 2


@pytest.mark.parametrize("name", ["langchain", "llama_index", *MINE])
def test_a_report_counts_one_answer_with_its_passages_once(name: str) -> None:
    records, chain = seen(name, framework=True, store=True)
    spans = [span for span in records if span.attributes.get("gen_ai.operation.name") == "retrieval"]
    assert len(spans) == (4 if name == "several searches" else 2)
    traces = read_traces(records)
    (entry,) = listing("run.jsonl", traces, run_of("run.jsonl", records).answers).entries
    assert [p.text for p in entry.answer.chain.passages] == [p.text for p in chain.passages]
    assert entry.answer.tokens == (60, 10)
    assert entry.answer.cost_usd == pytest.approx(60 * 0.15e-6 + 10 * 0.60e-6)
