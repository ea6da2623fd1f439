"""What OpenInference's instrumentors write beyond the recordings, after their sources."""

import json
from typing import Any

import pytest

from dialects.spans import FROST, HERON, PROMPT, one_chain, read, said, span
from groundwire.chain import chains
from groundwire.checks import checks
from groundwire.dialects import canonical
from groundwire.model import Document, SpanRecord, Usage

KIND = "openinference.span.kind"


def llm(**attributes: Any) -> dict[str, Any]:
    return {KIND: "LLM", **{key.replace("__", "."): value for key, value in attributes.items()}}


def test_messages_with_several_parts_keep_their_order_and_leave_images_out() -> None:
    start = "llm.input_messages.0.message."
    call = read(
        {
            KIND: "LLM",
            start + "role": "user",
            start + "contents.1.message_content.type": "image",
            start + "contents.1.message_content.image.image.url": "data:image/png;base64,AAAA",
            start + "contents.0.message_content.type": "text",
            start + "contents.0.message_content.text": "What is this?",
            start + "contents.10.message_content.type": "text",
            start + "contents.10.message_content.text": "Be brief.",
            start + "contents.2.message_content.type": "document",
            start + "contents.2.message_content.document.document.content": HERON,
        }
    )
    ((role, parts),) = said(call.prompt)
    assert role == "user"
    assert [p for p in parts if p is not None] == ["What is this?", HERON, "Be brief."]


def test_a_thought_is_no_part_of_the_answer() -> None:
    start = "llm.output_messages.0.message."
    call = read(
        {
            KIND: "LLM",
            start + "role": "assistant",
            start + "contents.0.message_content.type": "reasoning",
            start + "contents.0.message_content.text": "Let me think.",
            start + "contents.1.message_content.type": "text",
            start + "contents.1.message_content.text": "14 hours.",
        }
    )
    assert [p["type"] for p in call.output[0]["parts"]] == ["reasoning", "text"]


def test_calls_of_tools_and_their_results_are_parts_of_their_own() -> None:
    call = read(
        {
            KIND: "LLM",
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "How long does it run?",
            "llm.input_messages.1.message.role": "assistant",
            "llm.input_messages.1.message.tool_calls.0.tool_call.id": "c1",
            "llm.input_messages.1.message.tool_calls.0.tool_call.function.name": "search",
            "llm.input_messages.1.message.tool_calls.0.tool_call.function.arguments": '{"q": "runtime"}',
            "llm.input_messages.2.message.role": "tool",
            "llm.input_messages.2.message.tool_call_id": "c1",
            "llm.input_messages.2.message.content": HERON,
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "It runs for 14 hours.",
        }
    )
    kinds = [[p["type"] for p in m["parts"]] for m in call.prompt]
    assert kinds == [["text"], ["tool_call"], ["tool_call_response"]]
    assert call.prompt[1]["parts"][0] == {
        "type": "tool_call",
        "name": "search",
        "arguments": {"q": "runtime"},
        "id": "c1",
    }
    assert call.prompt[2]["parts"][0]["response"] == HERON


def test_the_old_function_call_is_read_too() -> None:
    call = read(
        {
            KIND: "LLM",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.function_call_name": "search",
            "llm.output_messages.0.message.function_call_arguments_json": "{}",
        }
    )
    assert said(call.output) == [("assistant", ["search"])]


@pytest.mark.parametrize(
    "entry",
    [
        {"message.role": "user", "message.content": PROMPT},
        {"message": {"role": "user", "content": PROMPT}},
        {"message": {"role": "user", "contents": [{"message_content": {"type": "text", "text": PROMPT}}]}},
        {
            "message.role": "user",
            "message.contents": [{"message_content.type": "text", "message_content.text": PROMPT}],
        },
    ],
)
@pytest.mark.parametrize("as_text", [False, True])
def test_lists_that_stand_whole_are_the_spread_ones(entry: dict[str, Any], as_text: bool) -> None:
    # As Phoenix gives them back: with dots in the keys or without, as structure or as JSON.
    whole: Any = json.dumps([entry]) if as_text else [entry]
    assert said(read({KIND: "LLM", "llm.input_messages": whole}).prompt) == [("user", [PROMPT])]


def test_prompts_of_completions_are_read_in_both_spellings() -> None:
    assert said(read({KIND: "LLM", "llm.prompts": ("Hello",)}).prompt) == [("user", ["Hello"])]
    call = read(
        {KIND: "LLM", "llm.prompts.0.prompt.text": "Hello", "llm.choices.0.completion.text": "Hi", "output.value": "no"}
    )
    assert (said(call.prompt), said(call.output)) == ([("user", ["Hello"])], [("assistant", ["Hi"])])


def test_a_template_and_its_variables_are_the_prompt() -> None:
    call = read(
        {
            KIND: "LLM",
            "input.value": '{"prompt": "PromptTemplate(...)"}',
            "llm.prompt_template.template": "Use {context_str} and {{ more }} for {question}. {unknown}",
            "llm.prompt_template.variables": json.dumps({"context_str": HERON, "more": FROST, "question": "runtime"}),
        }
    )
    assert said(call.prompt) == [("user", [f"Use {HERON} and {FROST} for runtime. {{unknown}}"])]


def test_input_and_output_are_read_where_there_are_no_messages() -> None:
    request = {"model": "m", "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]}
    response = {"choices": [{"message": {"role": "assistant", "content": "Hello"}}]}
    call = read({KIND: "LLM", "input.value": json.dumps(request), "output.value": json.dumps(response)})
    assert said(call.prompt) == [("system", ["Be kind."]), ("user", ["Hi"])]
    assert said(call.output) == [("assistant", ["Hello"])]
    plain = read({KIND: "LLM", "input.value": "Hi", "output.value": "Hello"})
    assert (said(plain.prompt), said(plain.output)) == ([("user", ["Hi"])], [("assistant", ["Hello"])])


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"prompt": 10, "completion": 2}, Usage(10, 2)),
        ({"prompt": 10, "completion": 2, "prompt_details.cache_read": 8}, Usage(10, 2, 8)),
        # A part is no larger than the whole: these were counted apart.
        ({"prompt": 10, "completion": 2, "prompt_details.cache_read": 800}, Usage(810, 2, 800)),
        ({"prompt": 10, "completion": 2, "prompt_details.cache_write": 5}, Usage(10, 2, None, 5)),
        ({"prompt": 10, "completion": 9, "completion_details.reasoning": 7}, Usage(10, 9, None, None, 7)),
        ({"prompt": 10, "completion": 2, "prompt_details.cache_input": 3}, Usage(10, 2, 3)),
        ({"prompt": 0, "completion": 0}, Usage(0, 0)),
        ({"total": 12}, None),
        ({"prompt": "10", "completion": True}, None),
    ],
)
def test_tokens_are_counted_as_the_conventions_count(counts: dict[str, Any], expected: Usage | None) -> None:
    assert read({KIND: "LLM"} | {f"llm.token_count.{k}": v for k, v in counts.items()}).usage == expected


def test_cost_is_the_total_or_both_of_its_parts() -> None:
    def cost(**parts: float) -> Any:
        attributes = {KIND: "LLM"} | {f"llm.cost.{name}": value for name, value in parts.items()}
        return canonical(span(attributes)).attributes.get("gen_ai.usage.cost")

    assert cost(total=0.5, prompt=0.1, completion=0.1) == 0.5
    assert cost(prompt=0.25, completion=0.5) == 0.75
    assert cost(prompt=0.25) is None
    assert cost(total=float("nan")) is None


def test_models_asked_for_and_served_are_told_apart() -> None:
    attributes = canonical(span(llm(llm__model_name="a", llm__request__model_name="b", llm__response__model_name="c")))
    assert attributes.attributes["gen_ai.request.model"] == "b"
    assert attributes.attributes["gen_ai.response.model"] == "c"
    assert read(llm(llm__model_name="a")).model == "a"


def test_documents_may_have_their_text_in_the_metadata_only() -> None:
    call = read(
        {
            KIND: "RETRIEVER",
            "input.value": '{"query_str": "How long?", "custom_embedding_strs": ["runtime", "charge"]}',
            "retrieval.documents.0.document.metadata": json.dumps({"text": HERON, "doc_id": 7, "score": 0.5}),
            "retrieval.documents.1.document.metadata": json.dumps({"source": "a.md"}),
            "retrieval.documents.2.document.id": "x",
            "retrieval.documents.3.document.score": 0.1,
        }
    )
    assert call.kind == "retrieval"
    assert call.query == "How long?"
    assert call.documents == (
        Document(HERON, "7", 0.5, {"text": HERON, "doc_id": 7, "score": 0.5}),
        Document(None, None, None, {"source": "a.md"}),
        Document(None, "x"),
    )


def test_a_retriever_without_documents_may_return_them() -> None:
    returned = json.dumps([{"page_content": HERON, "metadata": {"id": "a"}}, {"page_content": FROST, "metadata": {}}])
    call = read({KIND: "RETRIEVER", "output.value": returned})
    assert [(d.text, d.id) for d in call.documents] == [(HERON, "a"), (FROST, None)]
    described = json.dumps(["<NodeWithScore(node=TextNode(id_=a), score=0.7)>"])
    assert read({KIND: "RETRIEVER", "output.value": described}).documents == ()


@pytest.mark.parametrize("kind", ["CHAIN", "AGENT", "TOOL", "GUARDRAIL", "EVALUATOR", "PROMPT", "UNKNOWN", "DECISION"])
def test_spans_around_a_call_are_no_second_answer(kind: str) -> None:
    answer = llm(llm__input_messages__0__message__content=PROMPT, llm__output_messages__0__message__content="14 hours.")
    inner = span(answer, start=2, end=3)
    around = span({KIND: kind, "input.value": PROMPT, "output.value": "14 hours."}, start=1, end=4)
    found = chains([inner, around])
    assert [c.span_id for c in found.chains] == [inner.span_id]
    assert found.rejected == ()


def test_a_chain_that_reranks_is_told_by_its_name_and_what_it_returns() -> None:
    retrieved = {KIND: "RETRIEVER", "retrieval.documents.0.document.content": FROST}
    retrieved["retrieval.documents.1.document.content"] = HERON
    answer = llm(llm__input_messages__0__message__content=PROMPT, llm__output_messages__0__message__content="14 hours.")
    reranked = {KIND: "CHAIN", "input.value": "How long?", "output.value": json.dumps([HERON])}
    chain = one_chain((retrieved, "search"), (reranked, "cross_encoder_re-rank"), (answer, "llm"))
    assert [(p.text, p.source, p.retrieved_rank) for p in chain.passages] == [
        (HERON, "rerank", 2),
        (FROST, "retrieval", 1),
    ]
    counted = {KIND: "CHAIN", "input.value": "How long?", "output.value": "2"}
    assert read({**counted, KIND: "RETRIEVER"}, "rerank").kind == "retrieval"
    assert canonical(span(counted, "rerank")).attributes["gen_ai.operation.name"] == "invoke_workflow"


def test_hidden_content_is_no_content() -> None:
    hidden = llm(input__value="__REDACTED__", output__value="__REDACTED__", llm__model_name="m")
    (rejected,) = chains([span(hidden)]).rejected
    assert rejected.reason == "no_content"
    document = {KIND: "RETRIEVER", "input.value": "__REDACTED__", "retrieval.documents.0.document.content": HERON}
    assert read(document).query is None


def test_what_stands_in_the_conventions_own_words_holds() -> None:
    both = llm(llm__model_name="other", gen_ai__request__model="own", gen_ai__operation__name="chat")
    assert read(both).model == "own"
    assert canonical(span(both)).attributes["gen_ai.operation.name"] == "chat"


def test_scores_that_others_gave_are_checks() -> None:
    answer = llm(llm__input_messages__0__message__content=PROMPT, llm__output_messages__0__message__content="14 hours.")
    answer |= {
        "evaluations.0.evaluation.name": "hallucination",
        "evaluations.0.evaluation.score": 0.0,
        "evaluations.0.evaluation.label": "hallucinated",
        "evaluations.1.evaluation.name": "no score",
    }
    (found,) = checks([canonical(span(answer))]).values()
    assert [(c.name, c.value, c.label, c.passed) for c in found] == [("hallucination", 0.0, "hallucinated", False)]


def test_a_span_without_the_mark_is_left_alone() -> None:
    record = span({"llm.model_name": "m", "input.value": "Hi"})
    assert canonical(record) is record


def test_one_call_told_by_two_instrumentations_is_one_answer_and_two_calls_are_two() -> None:
    def chat(scope: str, start: int, answer: str = "14 hours.") -> SpanRecord:
        told = llm(llm__input_messages__0__message__content=PROMPT, llm__output_messages__0__message__content=answer)
        return span(told, start=start, end=start + 1, scope=scope)

    # A framework may end its span of a stream before its client's begins.
    assert len(chains([chat("framework", 0), chat("client", 2)]).chains) == 1
    assert len(chains([chat("client", 0), chat("client", 2)]).chains) == 2
    assert len(chains([chat("framework", 0), chat("client", 2, "13 hours.")]).chains) == 2
