"""Recordings that differ from the others: an agent, a quickstart without prompts, two instrumentors at once."""

from dataclasses import replace

from dialects.recorded import facts, live_chains, records
from dialects.recording import ANSWERED
from groundwire.answers import answers
from groundwire.chain import chains
from groundwire.dialects import DIALECT, canonical
from recordings import truth


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
    spans = [
        replace(s, attributes={**s.attributes, "gen_ai.usage.cost": 0})
        for s in records("openlit")
        if s.attributes.get("gen_ai.operation.name") == "chat"
    ]
    assert spans
    assert all(canonical(s).attributes["gen_ai.usage.cost"] is None for s in spans)
