"""The instrumentors of OpenTelemetry, OpenLLMetry, OpenLIT, Logfire and TruLens on the same five requests."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from dialects.recorded import RECORDINGS, facts, live_chains, records
from groundwire.answers import answers
from groundwire.chain import chains
from groundwire.dialects import DIALECT, canonical
from groundwire.model import RagChain, Score, Skipped, SpanRecord
from groundwire.traces import joined, open_source
from groundwire_evaluators.faithfulness import Faithfulness
from recordings import truth


@dataclass(frozen=True)
class Recording:
    """A recording, and what its SDK does not say."""

    name: str
    dialect: str
    documents: bool = True
    """Whether retrievals carry their passages: without, they are cut out of the prompt."""
    ids: bool = True
    scores: bool = True
    reranks: bool = False
    """Whether the order that the application made is a span."""
    cached: bool = True
    """Whether it tells what was cached."""
    uncached: int | None = 0
    """What it says where nothing was cached."""
    cached_of_stream: int | None = 0
    model_of_stream: str = truth.RESPONSE_MODEL
    cost: Mapping[str, float] | None = None
    live: bool = True
    """Whether content is on the spans; else it came as log records."""
    usage_of_stream: bool = True
    chats: int = 2
    """Calls without retrieval: the query rewriting, and mostly the chat."""
    provider: str | None = "openai"
    model: str | None = truth.RESPONSE_MODEL


_PRICED = {"plain": 171 * 15e-8 + 14 * 6e-7, "refused": 159 * 15e-8 + 16 * 6e-7}
"""As OpenLIT prices the model for which the application gives it prices, none of them for what was cached."""
_LISTED = {"plain": 43 * 15e-8 + 128 * 7.5e-8 + 14 * 6e-7, "refused": 159 * 15e-8 + 16 * 6e-7}
"""At list price, what was cached for half of it."""
_CUT = {"documents": False, "ids": False, "scores": False}

ALL = (
    Recording("openllmetry", "openllmetry"),
    # Its Chroma instrumentor told one result a query: the passages are then those in the prompt.
    Recording("openllmetry_indexed", "openllmetry", **_CUT),
    Recording("openllmetry_langchain", "openllmetry", ids=False, scores=False, model_of_stream=truth.MODEL),
    # LlamaIndex does not ask for the usage of a stream.
    Recording("openllmetry_llama_index", "openllmetry", reranks=True, usage_of_stream=False),
    Recording("openlit", "openlit", **_CUT, cost=_PRICED),
    Recording("logfire", "logfire", **_CUT, uncached=None, cached_of_stream=None, cost=_LISTED),
    Recording("logfire_v1", "logfire", **_CUT, uncached=None, cached_of_stream=None, cost=_LISTED),
    Recording("trulens", "trulens", ids=False, scores=False, reranks=True, cached=False),
    # Its provider is not told; one call without retrieval is not in a record, and not recorded.
    Recording("trulens_langchain", "trulens", ids=False, scores=False, provider=None, chats=1),
    # Ids and scores of what was retrieved, by design, and never its text.
    Recording("otel_genai", "", **_CUT, uncached=None, cached_of_stream=None),
    Recording("otel_genai_events", "gen_ai_events", **_CUT, uncached=None, cached_of_stream=None, live=False),
    Recording("otel_openai_events", "gen_ai_events", **_CUT, cached=False, live=False),
    Recording("openinference_openllmetry", "openllmetry"),
)  # fmt: skip
ANSWERED = tuple(r for r in truth.REQUESTS if r.retrieved)

each = pytest.mark.parametrize("recording", ALL, ids=lambda r: r.name)


def with_logs(name: str) -> list[SpanRecord]:
    """The spans with the log records that name them as events."""
    return list(joined(open_source(str(RECORDINGS / f"{name}.jsonl"))))


def spans_of(recording: Recording) -> list[SpanRecord]:
    return with_logs(recording.name)


def by_answer(recording: Recording) -> dict[str, RagChain]:
    found = chains(spans_of(recording)).chains
    assert len(found) == len(ANSWERED), "each answer once, and nothing that is none"
    return {chain.answer: chain for chain in found}


def ranked(recording: Recording, request: truth.Request) -> tuple[str, ...]:
    """The passages in the order in which they must stand."""
    if not recording.documents:
        return request.prompt
    if recording.reranks:
        return request.ranked
    kept = [name for name in request.retrieved if name in request.prompt]
    return (*kept, *(name for name in request.retrieved if name not in request.prompt))


@each
def test_question_answer_and_passages_are_the_true_ones(recording: Recording) -> None:
    found = by_answer(recording)
    for request in ANSWERED:
        chain = found[request.answer]
        assert chain.question == request.question
        expected = ranked(recording, request)
        assert [p.text for p in chain.passages] == truth.texts(expected)
        assert [p.in_prompt for p in chain.passages] == [name in request.prompt for name in expected]


@each
def test_places_ids_and_scores_are_the_retrievers(recording: Recording) -> None:
    found = by_answer(recording)
    for request in ANSWERED:
        for passage in found[request.answer].passages:
            (name,) = (name for name, text in truth.CORPUS.items() if text == passage.text)
            assert passage.prompt_rank == (request.prompt.index(name) + 1 if name in request.prompt else None)
            assert passage.retrieved_rank == (request.retrieved.index(name) + 1 if recording.documents else None)
            assert passage.source in (("retrieval", "rerank") if recording.documents else ("prompt",))
            assert (passage.source == "rerank") == (recording.reranks and name in request.reranked)
            assert passage.id == (name if recording.ids else None)
            assert (passage.score is not None) == recording.scores


@each
def test_model_and_tokens_are_those_of_the_server(recording: Recording) -> None:
    found = by_answer(recording)
    for request in ANSWERED:
        chain = found[request.answer]
        assert chain.model == (recording.model_of_stream if request.streamed else recording.model)
        assert chain.provider == recording.provider
        if request.streamed and not recording.usage_of_stream:
            assert chain.usage is None
            continue
        assert chain.usage is not None
        assert (chain.usage.input_tokens, chain.usage.output_tokens) == (request.tokens.input, request.tokens.output)
        told = recording.cached_of_stream if request.streamed else request.tokens.cached or recording.uncached
        assert chain.usage.cache_read_tokens == (told if recording.cached else None)
        assert not chain.usage.estimated


@each
def test_cost_is_what_the_sdk_says_and_never_0(recording: Recording) -> None:
    found = {a.chain.answer: a for a in answers(spans_of(recording))}
    for request in ANSWERED:
        cost = found[request.answer].cost_usd
        if recording.cost is None:
            assert cost is None
        elif request.name in recording.cost:
            embedding = (cost or 0.0) - recording.cost[request.name]
            assert 0 <= embedding < 1e-6  # Logfire prices the embedding of the question as well
        else:
            assert cost is not None
            assert cost > 0


@each
def test_what_is_no_answer_is_told_apart(recording: Recording) -> None:
    rejected = [r.reason for r in chains(spans_of(recording)).rejected]
    assert rejected.count("no_passages") == recording.chats, "the query rewriting and the chat without retrieval"
    assert set(rejected) <= {"no_passages", "duplicate"}


@each
def test_live_chains_are_the_stored_ones(recording: Recording) -> None:
    on_spans = records(recording.name)
    if recording.live:
        assert facts(live_chains(on_spans)) == facts(chains(spans_of(recording)).chains)
    else:
        assert live_chains(on_spans) == []
        assert {r.reason for r in chains(on_spans).rejected} == {"no_content"}


@each
def test_log_records_that_are_joined_change_nothing_but_what_was_missing(recording: Recording) -> None:
    plain = {s.span_id: s for s in records(recording.name)}
    for span in spans_of(recording):
        told = canonical(span).attributes
        for key, value in canonical(plain[span.span_id]).attributes.items():
            assert key == DIALECT or told[key] == value


@each
def test_the_order_of_a_file_does_not_matter(recording: Recording) -> None:
    items = list(open_source(str(RECORDINGS / f"{recording.name}.jsonl")))
    expected = facts(chains(joined(items)).chains)
    for seed in range(3):
        random.Random(seed).shuffle(items)
        assert facts(chains(joined(items)).chains) == expected


@each
def test_lists_that_a_store_keeps_as_json_are_read_as_lists(recording: Recording) -> None:
    """As Jaeger does it."""

    def kept(attributes: Mapping[str, Any]) -> dict[str, Any]:
        return {k: json.dumps(v) if isinstance(v, list | tuple | dict) else v for k, v in attributes.items()}

    spans = spans_of(recording)
    stored = [
        replace(
            s, attributes=kept(s.attributes), events=tuple(replace(e, attributes=kept(e.attributes)) for e in s.events)
        )
        for s in spans
    ]
    assert facts(chains(stored).chains) == facts(chains(spans).chains)


@each
def test_tokens_of_a_request_are_counted_once(recording: Recording) -> None:
    found = {a.chain.answer: a for a in answers(spans_of(recording))}
    for request in ANSWERED:
        billed = found[request.answer].tokens
        if request.streamed and not recording.usage_of_stream:
            continue
        assert billed is not None
        assert billed[1] == request.tokens.output + (request.query_tokens.output if request.query_tokens else 0)


@each
def test_the_planted_falsehood_is_found_and_the_rest_passes(recording: Recording) -> None:
    evaluator = Faithfulness()
    outcomes = {c.answer: evaluator.evaluate(c) for c in by_answer(recording).values()}
    for request in ANSWERED:
        outcome = outcomes[request.answer]
        if request.refusal:
            assert isinstance(outcome, Skipped)
            assert outcome.reason == "refusal"
            continue
        assert isinstance(outcome, Score)
        assert outcome.passed is (not request.false_words)


@each
def test_the_dialect_is_recognised(recording: Recording) -> None:
    told = {canonical(span).attributes.get(DIALECT, "") for span in spans_of(recording)}
    assert recording.dialect in told


def test_the_quickstart_of_trulens_gives_chains_without_a_prompt() -> None:
    found = {c.answer: c for c in chains(records("trulens_quickstart")).chains}
    for request in ANSWERED:
        chain = found[request.answer]
        assert chain.question == request.question
        assert [(p.text, p.in_prompt) for p in chain.passages] == [(text, True) for text in truth.texts(request.prompt)]
        assert chain.usage is None
    assert len(found) == len(ANSWERED)
    spans = records("trulens_quickstart")
    assert facts(live_chains(spans)) == facts(chains(spans).chains)


def test_an_agent_that_finds_its_passages_with_a_tool() -> None:
    spans = records("pydantic_ai")
    assembly = chains(spans)
    found = {c.answer: c for c in assembly.chains}
    asked = [request for request in ANSWERED if request.query is None]
    assert len(found) == len(asked)
    for request in asked:
        chain = found[request.answer]
        assert chain.question == request.question
        assert [(p.text, p.in_prompt) for p in chain.passages] == [
            (text, True) for text in truth.texts(request.retrieved)
        ]
        assert (chain.model, chain.provider) == (truth.RESPONSE_MODEL, "openai")
        assert chain.usage is not None
        assert (chain.usage.input_tokens, chain.usage.output_tokens) == (request.tokens.input, request.tokens.output)
    assert {a.cost_usd is not None for a in answers(spans)} == {True}
    assert sorted({r.reason for r in assembly.rejected}) == ["no_answer_text", "no_passages"]
    assert facts(live_chains(spans)) == facts(assembly.chains)


def test_two_instrumentors_of_one_call_give_one_chain_and_one_bill() -> None:
    spans = records("openinference_openllmetry")
    said = [s for s in map(canonical, spans) if s.attributes.get("gen_ai.operation.name") == "chat"]
    assert {s.attributes[DIALECT] for s in said if DIALECT in s.attributes} >= {"openinference"}
    assert len(said) == 2 * (len(truth.REQUESTS) + 1), "two spans a call, one of them of the query rewriting"
    assembly = chains(spans)
    assert len(assembly.chains) == len(ANSWERED)
    assert sum(r.reason == "duplicate" for r in assembly.rejected) == len(truth.REQUESTS) + 1


def test_a_price_of_0_is_none() -> None:
    spans = [replace(s, attributes={**s.attributes, "gen_ai.usage.cost": 0}) for s in _chats("openlit")]
    assert spans
    assert all(canonical(s).attributes["gen_ai.usage.cost"] is None for s in spans)


def _chats(name: str) -> list[Any]:
    return [s for s in with_logs(name) if s.attributes.get("gen_ai.operation.name") == "chat"]
