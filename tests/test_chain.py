"""Which call answered which question from which passages."""

import json
from typing import Any

import pytest

from built import ANSWER, BANANA, LOUVRE, QUESTION, TOWER, Trace, message, prompt
from groundwire.chain import chains
from groundwire.model import SpanLink

# --- which calls are answers ----------------------------------------------------------------------------------------


def test_an_answer_has_the_question_the_passages_and_the_text() -> None:
    trace = Trace()
    retrieval = trace.retrieval(TOWER, LOUVRE)
    chat = trace.chat(prompt(TOWER, LOUVRE))
    chain = trace.chain
    assert chain.question == QUESTION
    assert [(p.text, p.id, p.score, p.in_prompt, p.source, p.span_id) for p in chain.passages] == [
        (TOWER, "d0", 0.5, True, "retrieval", retrieval.span_id),
        (LOUVRE, "d1", 0.5, True, "retrieval", retrieval.span_id),
    ]
    assert chain.answer == ANSWER
    assert chain.span_id == chat.span_id
    assert chain.model == "gpt-4o-mini"


def test_a_query_rewrite_before_and_follow_ups_after_are_no_answers() -> None:
    trace = Trace()
    trace.chat("Rewrite this as a search query: how tall is that tower in Paris?", "Eiffel Tower height")
    trace.retrieval(TOWER, query="Eiffel Tower height")
    answer = trace.chat(prompt(TOWER, question="how tall is that tower in Paris?"))
    trace.chat(f"Suggest three follow-up questions.\nQ: how tall?\nA: {ANSWER}", "1. Who built it?\n2. When?")
    trace.chat(f"Write a title for this conversation:\nuser: how tall?\nassistant: {ANSWER}", "Tower height")
    assert [c.span_id for c in trace.assembly.chains] == [answer.span_id]
    assert trace.reasons == ["no_passages"] * 3
    assert trace.chain.question == "how tall is that tower in Paris?"


def test_a_follow_up_that_quotes_an_extractive_answer_is_no_answer() -> None:
    trace = Trace()
    trace.retrieval(TOWER)
    answer = trace.chat(prompt(TOWER), TOWER)
    trace.chat(f"Suggest follow-up questions.\nQuestion: {QUESTION}\nAnswer: {TOWER}", "Who built it?")
    assert [c.span_id for c in trace.assembly.chains] == [answer.span_id]


def test_an_extract_made_for_the_prompt_counts_as_its_passage() -> None:
    trace = Trace()
    trace.retrieval(f"{BANANA} {TOWER} {LOUVRE}")
    trace.chat(f"Extract what matters for: {QUESTION}\n\nDocument:\n{BANANA} {TOWER} {LOUVRE}", TOWER)
    final = trace.chat(prompt(TOWER))
    assert [c.span_id for c in trace.assembly.chains][-1] == final.span_id


def test_tool_calls_and_empty_outputs_are_no_answers() -> None:
    trace = Trace()
    trace.retrieval(TOWER)
    call = {"role": "assistant", "parts": [{"type": "tool_call", "id": "1", "name": "search", "arguments": "{}"}]}
    trace.chat(prompt(TOWER), attributes={"gen_ai.output.messages": json.dumps([call])})
    trace.chat(prompt(TOWER), "")
    assert trace.reasons == ["no_answer_text", "no_answer_text"]


def test_a_span_without_content_says_so() -> None:
    trace = Trace()
    trace.span({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"})
    assert trace.reasons == ["no_content"]


def test_a_failed_call_says_so() -> None:
    trace = Trace()
    trace.chat(prompt(TOWER), None, status="error", status_message="boom")
    (rejected,) = trace.assembly.rejected
    assert (rejected.reason, rejected.detail) == ("error", "boom")


def test_several_answers_in_one_trace_have_their_own_passages() -> None:
    trace = Trace()
    trace.retrieval(TOWER)
    trace.chat(prompt(TOWER))
    trace.retrieval(BANANA, query="What colour are bananas?")
    trace.chat(prompt(BANANA, question="What colour are bananas?"), "Yellow fruits they are.")
    first, second = trace.assembly.chains
    assert [p.text for p in first.passages] == [TOWER]
    assert [p.text for p in second.passages] == [BANANA]
    assert second.question == "What colour are bananas?"


def test_a_retrieval_that_ended_after_the_answer_started_does_not_count() -> None:
    trace = Trace()
    chat = trace.chat(prompt(TOWER))
    trace.retrieval(TOWER, start_ns=chat.start_ns, end_ns=chat.start_ns + 5)
    assert [p.source for p in trace.chain.passages] == ["prompt"]


# --- passages that spans list ---------------------------------------------------------------------------------------


def test_retrieved_passages_that_never_reached_the_prompt_are_marked_and_come_last() -> None:
    trace = Trace()
    trace.retrieval(BANANA, TOWER, LOUVRE)
    trace.chat(prompt(TOWER, LOUVRE))
    assert [(p.text, p.in_prompt) for p in trace.chain.passages] == [(TOWER, True), (LOUVRE, True), (BANANA, False)]


def test_a_rerank_gives_the_order_and_names_what_it_dropped() -> None:
    trace = Trace()
    trace.retrieval(BANANA, TOWER, LOUVRE)
    rerank = trace.retrieval(LOUVRE, TOWER, kind="rerank")
    trace.chat(prompt(LOUVRE, TOWER))
    chain = trace.chain
    assert [(p.text, p.in_prompt) for p in chain.passages] == [(LOUVRE, True), (TOWER, True), (BANANA, False)]
    assert [p.source for p in chain.passages] == ["rerank", "rerank", "retrieval"]
    assert chain.passages[0].span_id == rerank.span_id


def test_a_passage_keeps_its_place_in_the_retrieval_that_a_rerank_was_fed_from() -> None:
    trace = Trace()
    trace.retrieval(BANANA, TOWER)
    trace.retrieval(LOUVRE, None, BANANA, TOWER)
    trace.retrieval(LOUVRE, TOWER, kind="rerank")
    trace.retrieval(TOWER)  # after the rerank, and of no use to it; but what it found is in the prompt
    trace.chat(prompt(LOUVRE, TOWER))
    assert [(p.text, p.retrieved_rank) for p in trace.chain.passages] == [(LOUVRE, 1), (TOWER, 1), (BANANA, 1)]


def test_a_passage_knows_its_place_in_the_prompt_which_may_be_another_than_in_the_ranking() -> None:
    trace = Trace()
    long = " ".join(f"word{n} of the long passage" for n in range(100))
    trace.retrieval(TOWER, LOUVRE, long, BANANA)
    trace.chat(prompt(LOUVRE, long[: len(long) // 3], TOWER))
    assert [(p.text[:12], p.prompt_rank) for p in trace.chain.passages] == [
        (TOWER[:12], 3), (LOUVRE[:12], 1), (long[:12], 2), (BANANA[:12], None),
    ]  # fmt: skip


def test_places_in_a_retrieval_count_documents_without_text() -> None:
    trace = Trace()
    trace.retrieval(None, BANANA, LOUVRE, TOWER)
    trace.chat(prompt(TOWER, LOUVRE))
    assert [(p.text, p.retrieved_rank) for p in trace.chain.passages] == [(LOUVRE, 3), (TOWER, 4), (BANANA, 2)]


def test_a_passage_that_only_a_rerank_listed_has_no_place() -> None:
    trace = Trace()
    trace.retrieval(LOUVRE, TOWER, kind="rerank")
    trace.chat(prompt(LOUVRE, TOWER))
    assert [p.retrieved_rank for p in trace.chain.passages] == [None, None]


def test_a_passage_found_by_two_retrievals_is_listed_once() -> None:
    trace = Trace()
    trace.retrieval(TOWER, LOUVRE)
    trace.retrieval(TOWER, BANANA)
    trace.chat(prompt(TOWER, LOUVRE, BANANA))
    assert [p.text for p in trace.chain.passages] == [TOWER, LOUVRE, BANANA]


def test_white_space_case_and_json_escapes_do_not_hide_a_passage() -> None:
    trace = Trace()
    text = 'Line one of the "manual" says:\nturn the valve\n\tslowly to the left until it clicks.'
    trace.retrieval(text)
    trace.chat(f"Use these: {json.dumps([{'text': text}])}\n\nQuestion: {QUESTION}")
    assert trace.chain.passages[0].in_prompt


def test_a_passage_that_was_cut_short_still_counts() -> None:
    trace = Trace()
    long = " ".join(f"word{n} of the long passage" for n in range(100))
    trace.retrieval(long, BANANA)
    trace.chat(prompt(long[: len(long) // 3]))
    assert [p.in_prompt for p in trace.chain.passages] == [True, False]


def test_the_overlap_of_neighbouring_chunks_does_not_count_for_the_dropped_one() -> None:
    words = [f"w{n}" for n in range(300)]
    first, second = " ".join(words[:200]), " ".join(words[150:])
    trace = Trace()
    trace.retrieval(first, second)
    trace.chat(prompt(first))
    assert [p.in_prompt for p in trace.chain.passages] == [True, False]


def test_passages_in_the_system_message_and_in_tool_results_count() -> None:
    trace = Trace()
    trace.retrieval(TOWER, LOUVRE)
    tool = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": LOUVRE}]}
    trace.chat([message("system", f"Context: {TOWER}"), message("user", QUESTION), tool])
    assert [p.in_prompt for p in trace.chain.passages] == [True, True]
    assert trace.chain.question == QUESTION


def test_a_linked_trace_supplies_passages() -> None:
    script = Trace("b" * 32)
    retrieval = script.retrieval(TOWER)
    trace = Trace()
    trace.now = 5_000
    trace.chat(prompt(TOWER), links=(SpanLink(script.trace_id, retrieval.span_id),))
    (chain,) = chains([*trace.spans, *script.spans]).chains
    assert [(p.text, p.span_id) for p in chain.passages] == [(TOWER, retrieval.span_id)]
    assert chain.question == QUESTION


# --- passages that only the prompt has ------------------------------------------------------------------------------

CONTEXTS = {
    "heading": f"Context:\n{TOWER}\n\n{LOUVRE}\n\nQuestion: {QUESTION}",
    "numbered": f"Use the sources below.\n\nSources:\n[1] {TOWER}\n[2] {LOUVRE}\n\nQuestion: {QUESTION}\nAnswer:",
    "documents": f"Document 1: {TOWER}\n\nDocument 2: {LOUVRE}\n\nQuestion: {QUESTION}",
    "labelled documents": f"Passages:\npassage 1: {TOWER}\npassage 2: {LOUVRE}\n\nUser question: {QUESTION}",
    "tags": f"<context>\n<doc id='1'>{TOWER}</doc>\n<doc id='2'>{LOUVRE}</doc>\n</context>\n{QUESTION}",
    "bare tags": f"<documents>{TOWER}\n\n{LOUVRE}</documents>\n\n<question>{QUESTION}</question>",
    "rules": f"Context information is below.\n---------------------\n{TOWER}\n\n{LOUVRE}\n---------------------\n"
    f"Given the context information and not prior knowledge, answer the query.\nQuery: {QUESTION}\nAnswer: ",
    "bullets": f"Retrieved context:\n- {TOWER}\n- {LOUVRE}\n\nQuestion: {QUESTION}",
    "markdown": f"## Context\n\n### Document 1\n{TOWER}\n\n### Document 2\n{LOUVRE}\n\n## Question\n{QUESTION}",
    "separate system message": "",
}


@pytest.mark.parametrize("shape", CONTEXTS)
def test_passages_are_cut_out_of_the_prompt_where_no_span_lists_them(shape: str) -> None:
    trace = Trace()
    text = CONTEXTS[shape]
    if text:
        trace.chat(text)
    else:
        trace.chat([message("system", f"Answer from this context:\n\n{TOWER}\n\n{LOUVRE}"), message("user", QUESTION)])
    chain = trace.chain
    assert [p.text for p in chain.passages] == [TOWER, LOUVRE]
    assert {p.source for p in chain.passages} == {"prompt"}
    assert chain.question == QUESTION


def test_a_retrieval_without_texts_still_gives_passages_from_an_unmarked_prompt() -> None:
    trace = Trace()
    trace.retrieval(None, None)
    trace.chat(f"You are a helpful assistant. Answer briefly.\n\n{TOWER}\n\n{LOUVRE}\n\n{QUESTION}")
    assert [p.text for p in trace.chain.passages] == [TOWER, LOUVRE]


@pytest.mark.parametrize(
    "text",
    [
        "Hello, how are you?",
        "Translate to French: good morning, my friend",
        "Rewrite the question so that it stands alone.\nHistory: user asked about Paris.\nQuestion: how tall is it?",
        "Classify the intent of: I want my money back. Answer with one of refund, other.",
    ],
)
def test_a_plain_prompt_has_no_passages(text: str) -> None:
    trace = Trace()
    trace.chat(text)
    assert trace.assembly.chains == ()
    assert trace.reasons == ["no_passages"]


# --- the question ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"Context: {TOWER}\n\nQuestion: {QUESTION}",
        f"{QUESTION}\n\nUse this context:\n{TOWER}",
        f"Question: {QUESTION}\n\nContext: {TOWER}\n\nAnswer:",
        f"Context: {TOWER}\n\n**Question:** {QUESTION}\n",
        f"Here are documents:\n\n{TOWER}\n\nNow answer: {QUESTION}",
    ],
)
def test_the_question_comes_without_its_template(text: str) -> None:
    trace = Trace()
    trace.retrieval(TOWER)
    trace.chat(text)
    assert trace.chain.question == QUESTION


def test_the_users_words_go_before_the_rewritten_query() -> None:
    trace = Trace()
    trace.retrieval(TOWER, query="Eiffel Tower height in metres")
    trace.chat([message("system", f"Context: {TOWER}"), message("user", "And how tall is it?")])
    assert trace.chain.question == "And how tall is it?"


# --- one call, several spans ----------------------------------------------------------------------------------------


def test_a_framework_span_around_a_client_span_gives_one_chain() -> None:
    trace = Trace()
    trace.retrieval(TOWER)
    inner = trace.chat(prompt(TOWER), start_ns=2_010, end_ns=2_090, parent_id="00000000000000ff", scope="client")
    trace.chat(prompt(TOWER), start_ns=2_000, end_ns=2_100, span_id="00000000000000ff", scope="framework")
    assert [c.span_id for c in trace.assembly.chains] == [inner.span_id]
    assert trace.reasons == ["duplicate"]


def test_a_span_that_is_stored_twice_gives_one_chain() -> None:
    trace = Trace()
    trace.retrieval(TOWER)
    trace.chat(prompt(TOWER))
    assert len(chains([*trace.spans, *trace.spans]).chains) == 1


def test_two_equal_calls_at_the_same_time_stay_two() -> None:
    trace = Trace()
    trace.retrieval(TOWER)
    trace.chat(prompt(TOWER), start_ns=2_000, end_ns=2_100, scope="client")
    trace.chat(prompt(TOWER), start_ns=2_010, end_ns=2_090, scope="client")
    assert len(trace.assembly.chains) == 2


def test_the_order_in_which_spans_are_given_does_not_matter() -> None:
    trace = Trace()
    trace.retrieval(BANANA, TOWER)
    trace.chat(prompt(TOWER))
    trace.retrieval(LOUVRE, query="x")
    trace.chat(prompt(LOUVRE, question="Which museum?"), "The Louvre of course.")
    assert chains(trace.spans) == chains(list(reversed(trace.spans)))


# --- odd input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.input.messages": "[{not json", "gen_ai.output.messages": '[{"role":"assistant"'},
        {"gen_ai.input.messages": "null", "gen_ai.output.messages": "3"},
        {"gen_ai.input.messages": [1, None, {"role": 3}], "gen_ai.output.messages": [{"parts": "x"}]},
        {"gen_ai.input.messages": {"role": "user", "content": "x"}, "gen_ai.output.messages": {"content": "y"}},
        {"gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text"},{"type":"text","content":5}]}]'},
    ],
)
def test_odd_attributes_give_a_reason_and_no_error(attributes: dict[str, Any]) -> None:
    trace = Trace()
    trace.span({"gen_ai.operation.name": "chat", **attributes})
    assert trace.assembly.chains == ()
    assert len(trace.reasons) == 1


def test_a_json_answer_is_read_by_its_answering_member() -> None:
    trace = Trace()
    trace.retrieval(TOWER)
    trace.chat(prompt(TOWER), json.dumps({"answer": ANSWER, "sources": [1]}))
    assert trace.chain.answer == ANSWER


def test_long_hostile_prompts_take_little_time() -> None:
    import time

    for text in (
        "<doc>" * 50_000,
        "Context:\n" * 30_000,
        "q: " * 80_000,
        "\n" * 250_000,
        "[1] " * 60_000,
        "- a\n" * 60_000,
    ):
        trace = Trace()
        trace.retrieval(TOWER)
        trace.chat(text)
        started = time.perf_counter()
        trace.assembly  # noqa: B018
        assert time.perf_counter() - started < 2.0


# --- templates that are in use --------------------------------------------------------------------------------------

TEMPLATES = {
    "langchain": "Use the following pieces of retrieved context to answer the question. If you don't know the answer, "
    "just say that you don't know.\n"
    f"Question: {QUESTION} \nContext: {TOWER}\n\n{LOUVRE} \nAnswer:",
    "ragtruth": f"Briefly answer the following question:\n{QUESTION}\nBear in mind that your response "
    f"should be strictly based on the following three passages:\n\npassage 1:{TOWER}\n\npassage 2:{LOUVRE}\n\n"
    "In case the passages do not "
    'contain the necessary information, please reply with: "Unable to answer."\noutput:',
    "llama-index": f"Context information is below.\n---------------------\nfile_path: a.txt\n\n{TOWER}\n\n"
    f"file_path: b.txt\n\n{LOUVRE}\n---------------------\nGiven the context information and not prior knowledge, "
    f"answer the query.\nQuery: {QUESTION}\nAnswer: ",
    "quoted articles": f'Use the below articles to answer the question.\n\nWikipedia article section:\n"""\n{TOWER}\n'
    f'"""\n\nWikipedia article section:\n"""\n{LOUVRE}\n"""\n\nQuestion: {QUESTION}',
    "claude": f'<documents>\n<document index="1">\n<source>a.txt</source>\n<document_content>\n{TOWER}\n'
    f'</document_content>\n</document>\n<document index="2">\n<document_content>\n{LOUVRE}\n</document_content>\n'
    f"</document>\n</documents>\n\n{QUESTION}",
    "haystack": f"\nGiven the following information, answer the question.\n\nContext:\n\n    {TOWER}\n\n    "
    f"{LOUVRE}\n\n\nQuestion: {QUESTION}\nAnswer:\n",
}


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("name", TEMPLATES)
def test_common_templates_are_read(name: str, listed: bool) -> None:
    trace = Trace()
    if listed:
        trace.retrieval(TOWER, LOUVRE)
    trace.chat(TEMPLATES[name])
    chain = trace.chain
    assert [p.text.strip() for p in chain.passages] == [TOWER, LOUVRE]
    assert chain.question == QUESTION


def test_passages_in_a_language_without_spaces_are_found() -> None:
    trace = Trace()
    passage = "国际空间站在轨道上运行，高度约四百公里。"
    trace.chat(f"Context: {passage}\n\nQuestion: 空间站有多高？", "约四百公里。")
    assert [p.text for p in trace.chain.passages] == [passage]


def test_questions_inside_passages_are_not_the_users() -> None:
    trace = Trace()
    faq = "Question: How do I reset it? Hold the button for ten seconds."
    trace.retrieval(faq, query="reset device")
    trace.chat(f"Context:\n{faq}\n\nHow long must I press the button?")
    assert trace.chain.question == "How long must I press the button?"
