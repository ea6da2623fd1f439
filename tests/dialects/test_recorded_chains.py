"""What each SDK has recorded of the same five requests gives the chains that are known to be true."""

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from dialects.recorded import RECORDINGS, facts, live_chains, observed_chains, records
from dialects.recording import ALL, ANSWERED, Recording
from groundwire.answers import answers
from groundwire.chain import chains
from groundwire.dialects import DIALECT, canonical
from groundwire.model import Score, Skipped
from groundwire.traces import joined, open_source
from groundwire_evaluators.faithfulness import Faithfulness
from recordings import truth

each = pytest.mark.parametrize("recording", ALL, ids=lambda r: r.name)


@each
def test_question_answer_and_passages_are_the_true_ones(recording: Recording) -> None:
    found = recording.by_answer
    for request in ANSWERED:
        chain = found[request.answer]
        assert chain.question == request.question
        expected = recording.ranked(request)
        assert [p.text for p in chain.passages] == truth.texts(expected)
        assert [p.in_prompt for p in chain.passages] == [name in request.prompt for name in expected]
        in_order = request.prompt if recording.reranks else [name for name in expected if name in request.prompt]
        assert [p.text for p in chain.context] == truth.texts(tuple(in_order))


@each
def test_places_ids_and_scores_are_the_retrievers(recording: Recording) -> None:
    found = recording.by_answer
    for request in ANSWERED:
        for passage in found[request.answer].passages:
            (name,) = (name for name, text in truth.CORPUS.items() if text == passage.text)
            assert passage.prompt_rank == (request.prompt.index(name) + 1 if name in request.prompt else None)
            assert passage.retrieved_rank == (request.retrieved.index(name) + 1 if recording.documents else None)
            assert passage.source in (("retrieval", "rerank") if recording.documents else ("prompt",))
            assert (passage.source == "rerank") == (recording.reranks == "rerank" and name in request.reranked)
            assert passage.id == (name if recording.ids else None)
            scored = recording.scores if recording.scores is not None else name in request.reranked
            assert (passage.score is not None) == scored


@each
def test_model_and_tokens_are_those_of_the_server(recording: Recording) -> None:
    found = recording.by_answer
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
    found = {a.chain.answer: a for a in answers(recording.spans)}
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
    rejected = [r.reason for r in chains(recording.spans).rejected]
    assert rejected.count("no_passages") == recording.chats, "the query rewriting and the chat without retrieval"
    assert set(rejected) <= {"no_passages", "duplicate", "no_answer_text"}


@each
def test_live_chains_are_the_stored_ones(recording: Recording) -> None:
    on_spans = records(recording.name)
    if recording.live:
        assert facts(live_chains(on_spans)) == facts(chains(recording.spans).chains)
        assert facts(observed_chains(on_spans)) == facts(chains(recording.spans).chains)
    else:
        assert live_chains(on_spans) == []
        assert {r.reason for r in chains(on_spans).rejected} == {"no_content"}


@each
def test_log_records_that_are_joined_change_nothing_but_what_was_missing(recording: Recording) -> None:
    plain = {s.span_id: s for s in records(recording.name)}
    for span in recording.spans:
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

    spans = recording.spans
    stored = [
        replace(
            s, attributes=kept(s.attributes), events=tuple(replace(e, attributes=kept(e.attributes)) for e in s.events)
        )
        for s in spans
    ]
    assert facts(chains(stored).chains) == facts(chains(spans).chains)


@each
def test_tokens_of_a_request_are_counted_once(recording: Recording) -> None:
    found = {a.chain.answer: a for a in answers(recording.spans)}
    for request in ANSWERED:
        billed = found[request.answer].tokens
        if request.streamed and not recording.usage_of_stream:
            continue
        assert billed is not None
        assert billed[1] == request.tokens.output + (request.query_tokens.output if request.query_tokens else 0)


@each
def test_the_planted_falsehood_is_found_and_the_rest_passes(recording: Recording) -> None:
    evaluator = Faithfulness()
    outcomes = {c.answer: evaluator.evaluate(c) for c in recording.by_answer.values()}
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
    told = {canonical(span).attributes.get(DIALECT, "") for span in recording.spans}
    assert recording.dialect in told


@each
def test_a_canonical_record_differs_by_attributes_only(recording: Recording) -> None:
    for record in records(recording.name):
        told = canonical(record)
        assert replace(told, attributes=record.attributes) == record
