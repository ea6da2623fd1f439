"""An agent that searches by a tool: every SDK's recording of it gives the true chains. All that was found is read."""

import pytest

from dialects.recorded import facts, live_chains, observed_chains, records
from groundwire.answers import answers
from groundwire.chain import chains
from recordings import truth

each = pytest.mark.parametrize("name", ["openinference_agent", "langfuse_agent", "langsmith_agent", "mlflow_agent"])
ANSWERED = tuple(r for r in truth.REQUESTS if r.retrieved)


@each
def test_each_answer_has_all_that_the_tool_found(name: str) -> None:
    found = {c.answer: c for c in chains(records(name)).chains}
    assert set(found) == {r.answer for r in ANSWERED}
    for request in ANSWERED:
        chain = found[request.answer]
        assert chain.question == request.question
        assert [p.text for p in chain.context] == truth.texts(request.retrieved)
        assert [p.prompt_rank for p in chain.context] == [p.retrieved_rank for p in chain.context]
        assert chain.usage is not None
        assert (chain.usage.input_tokens, chain.usage.output_tokens) == (request.tokens.input, request.tokens.output)


@each
def test_calls_of_the_tool_are_no_answers(name: str) -> None:
    rejected = chains(records(name)).rejected
    assert sorted(r.reason for r in rejected) == ["no_answer_text"] * len(ANSWERED) + ["no_passages"]


@each
def test_live_chains_are_the_stored_ones(name: str) -> None:
    spans = records(name)
    assert facts(live_chains(spans)) == facts(chains(spans).chains) == facts(observed_chains(spans))


@each
def test_both_calls_of_a_request_are_counted_once(name: str) -> None:
    found = {a.chain.answer: a for a in answers(records(name))}
    for request in ANSWERED:
        # The server bills the call of the tool as it does the answer.
        assert found[request.answer].tokens == (2 * request.tokens.input, 2 * request.tokens.output)
