"""What each SDK has recorded of the same five requests gives the chains that are known to be true."""

from dataclasses import dataclass, replace

import pytest

from dialects.recorded import facts, live_chains, observed_chains, records
from groundwire.answers import answers
from groundwire.chain import chains
from groundwire.dialects import canonical
from groundwire.model import RagChain, Score, Skipped
from groundwire_evaluators.faithfulness import Faithfulness
from recordings import truth


@dataclass(frozen=True)
class Recording:
    """A recording, and what its SDK does not say."""

    name: str
    provider: str | None = "openai"
    documents: bool = True
    """Whether retrievals carry their documents: without, passages are cut out of the prompt."""
    scores: bool | None = False
    """None: those of the reranker only."""
    model: str = truth.RESPONSE_MODEL
    cached: bool = True
    model_of_stream: str = truth.RESPONSE_MODEL
    cached_of_stream: bool = True
    usage_of_stream: bool = True


ALL = (
    Recording("openinference", scores=True),
    # A stream through LangChain has neither the served model nor the cached tokens.
    Recording("openinference_langchain", scores=None, model_of_stream=truth.MODEL, cached_of_stream=False),
    # LlamaIndex does not ask for the usage of a stream, and ends its span of one before the client's begins.
    Recording("openinference_llama_index", scores=True, model_of_stream=truth.MODEL, usage_of_stream=False),
    Recording("langfuse", provider=None, scores=True),
    Recording("langfuse_langchain", scores=None, model_of_stream=truth.MODEL),
    Recording("langsmith"),
    Recording("langsmith_langchain", scores=None),
    Recording("mlflow"),
    Recording("mlflow_langchain", scores=None, model=truth.MODEL, model_of_stream=truth.MODEL),
    Recording("mlflow_llama_index", scores=True, usage_of_stream=False),
    Recording("mlflow_semconv", provider=None, documents=False, cached=False),
)
ANSWERED = tuple(r for r in truth.REQUESTS if r.retrieved)

each = pytest.mark.parametrize("recording", ALL, ids=lambda r: r.name)


def by_answer(recording: Recording) -> dict[str, RagChain]:
    found = chains(records(recording.name)).chains
    assert len(found) == len(ANSWERED), "each answer once, and nothing that is none"
    return {chain.answer: chain for chain in found}


@each
def test_question_answer_and_passages_are_the_true_ones(recording: Recording) -> None:
    found = by_answer(recording)
    for request in ANSWERED:
        chain = found[request.answer]
        assert chain.question == request.question
        expected = request.ranked if recording.documents else request.prompt
        assert [p.text for p in chain.passages] == truth.texts(expected)
        assert [p.in_prompt for p in chain.passages] == [name in request.prompt for name in expected]
        assert [p.text for p in chain.context] == truth.texts(request.prompt)


@each
def test_places_ids_and_scores_are_the_retrievers(recording: Recording) -> None:
    found = by_answer(recording)
    for request in ANSWERED:
        for passage in found[request.answer].passages:
            (name,) = (name for name, text in truth.CORPUS.items() if text == passage.text)
            in_prompt = request.prompt.index(name) + 1 if name in request.prompt else None
            assert passage.prompt_rank == in_prompt
            if not recording.documents:
                assert (passage.source, passage.retrieved_rank, passage.id) == ("prompt", None, None)
                continue
            assert passage.source in ("retrieval", "rerank")
            assert passage.retrieved_rank == request.retrieved.index(name) + 1
            assert passage.id == name
            scored = recording.scores if recording.scores is not None else name in request.reranked
            assert (passage.score is not None) == scored


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
        known = recording.cached and (recording.cached_of_stream or not request.streamed)
        assert chain.usage.cache_read_tokens == (request.tokens.cached if known else None)


@each
def test_what_is_no_answer_is_told_apart(recording: Recording) -> None:
    rejected = chains(records(recording.name)).rejected
    assert {r.reason for r in rejected} <= {"no_passages", "duplicate", "no_answer_text"}
    # The query rewriting and the chat without retrieval.
    assert sum(r.reason == "no_passages" for r in rejected) == 2


@each
def test_live_chains_are_the_stored_ones(recording: Recording) -> None:
    spans = records(recording.name)
    assert facts(live_chains(spans)) == facts(chains(spans).chains)


@each
def test_chains_seen_beside_a_foreign_pipeline_are_the_stored_ones(recording: Recording) -> None:
    spans = records(recording.name)
    assert facts(observed_chains(spans)) == facts(chains(spans).chains)


@each
def test_tokens_of_a_request_are_counted_once(recording: Recording) -> None:
    found = {a.chain.answer: a for a in answers(records(recording.name))}
    for request in ANSWERED:
        if request.streamed and not recording.usage_of_stream:
            continue
        billed = found[request.answer].tokens
        assert billed is not None
        rewriting = request.query_tokens.output if request.query_tokens else 0
        assert billed[1] == request.tokens.output + rewriting


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
def test_a_canonical_record_differs_by_attributes_only(recording: Recording) -> None:
    for record in records(recording.name):
        told = canonical(record)
        assert replace(told, attributes=record.attributes) == record
