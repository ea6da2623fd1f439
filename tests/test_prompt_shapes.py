"""Prompts as applications build them: the passages come out of each, whether a span lists them or not."""

import json
from typing import Any

import pytest

from built import ANSWER, BANANA, LOUVRE, QUESTION, TOWER, Trace, message, prompt
from groundwire.dialects.chat_messages import message as as_message

PASSAGES = (TOWER, LOUVRE)


def documents(*texts: str) -> list[dict[str, Any]]:
    source = [{"type": "text", "media_type": "text/plain", "data": text} for text in texts]
    return [{"type": "document", "source": one, "title": f"t{n}"} for n, one in enumerate(source)]


def search_results(*texts: str) -> list[dict[str, Any]]:
    return [
        {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": text}]}
        for text in texts
    ]


def parts(*given: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "parts": list(given)}]


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


def rows(*texts: str) -> list[dict[str, str]]:
    return [{"title": f"t{n}", "text": one} for n, one in enumerate(texts)]


BOTH = "\n\n".join(PASSAGES)
SHAPES: dict[str, str | list[dict[str, Any]]] = {
    "an object": json.dumps({"question": QUESTION, "context": PASSAGES}),
    "an object with rows": json.dumps({"query": QUESTION, "documents": rows(*PASSAGES)}),
    "an object with one text": json.dumps({"user_question": QUESTION, "retrieved_context": BOTH}),
    "metadata above each": "Context information is below.\n---------------------\n"
    + "\n\n".join(f"page_label: {n}\nfile_path: data/h{n}.pdf\n\n{one}" for n, one in enumerate(PASSAGES))
    + f"\n---------------------\nGiven the context information, answer the query.\nQuery: {QUESTION}\nAnswer: ",
    "source and content": "Context:\n"
    + "\n\n".join(f"Source: handbook.pdf (page {n})\nContent: {one}" for n, one in enumerate(PASSAGES))
    + f"\n\nQuestion: {QUESTION}",
    "rows in YAML": "documents:\n"
    + "\n".join(f"  - id: d{n}\n    text: {one}" for n, one in enumerate(PASSAGES))
    + f"\nquestion: {QUESTION}",
    "at the end of system instructions": [
        message(
            "system", f"You answer. Use the following pieces of context to answer the question. Be brief.\n\n{BOTH}"
        ),
        message("user", QUESTION),
    ],
    "in tags that seem to be closed": "Use this context to answer.\n\n"
    + "\n\n---\n\n".join(
        f'<Document source="h{n}.pdf" page="{n}"/>\n{one}\n</Document>' for n, one in enumerate(PASSAGES)
    )
    + f"\n\nQuestion: {QUESTION}",
    "in guillemets": "[[ ## context ## ]]\n"
    + "\n".join(f"[{n}] «{one}»" for n, one in enumerate(PASSAGES, 1))
    + f"\n\n[[ ## question ## ]]\n{QUESTION}\n\nRespond with the corresponding output fields.",
    "rows under an instruction": [
        message("system", "Answer from these only.\n\n" + json.dumps(rows(*PASSAGES))),
        message("user", QUESTION),
    ],
    "German": f"Beantworte die Frage nur anhand des Kontexts.\n\nKontext:\n{BOTH}\n\nFrage: {QUESTION}",
    "French": f"Réponds à l'aide du contexte.\n\nContexte :\n{BOTH}\n\nQuestion : {QUESTION}",
    "Spanish": f"Responde a partir del contexto.\n\nContexto:\n{BOTH}\n\nPregunta: {QUESTION}\nRespuesta:",
    "between instruction and question": "Use the following pieces of context to answer the question at the end. If you "
    f"don't know the answer, say so.\n\n{BOTH}\n\nQuestion: {QUESTION}\nHelpful Answer:",
    "a question in quotes": f'Answer the user\'s question "{QUESTION}" from this context:\n\n{BOTH}',
    "documents handed over": parts(*documents(*PASSAGES), text(QUESTION)),
    "search results handed over": parts(*search_results(*PASSAGES), text(QUESTION)),
    "an image among the parts": parts(
        text(f"Context:\n{TOWER}\n\n{LOUVRE}"), {"type": "image_url"}, text(f"Question: {QUESTION}")
    ),
}


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "cut"])
@pytest.mark.parametrize("name", SHAPES)
def test_passages_and_question_come_out_of_the_prompt(name: str, listed: bool) -> None:
    shape = SHAPES[name]
    trace = Trace()
    if listed:
        trace.retrieval(*PASSAGES, BANANA)
    trace.chat([message("user", shape)] if isinstance(shape, str) else shape)
    chain = trace.chain
    assert chain.question == QUESTION
    assert [p.text.removesuffix(f"\ntitle: t{n}") for n, p in enumerate(chain.context)] == list(PASSAGES)
    assert [p.text for p in chain.passages if not p.in_prompt] == ([BANANA] if listed else [])


def test_passages_of_a_tool_come_without_their_labels() -> None:
    said = "\n\n".join(f"Source: {{'source': 'h{n}.pdf'}}\nContent: {one}" for n, one in enumerate(PASSAGES))
    tool = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": said}]}
    trace = Trace()
    trace.chat([message("user", QUESTION), tool])
    assert [p.text for p in trace.chain.passages] == list(PASSAGES)


@pytest.mark.parametrize(
    "plain",
    [
        "You are an assistant who answers questions from the given context.\n\nYour name is Bob, and you are brief.",
        "You use the given context to answer the question.\n\nYour name is Bob, and you are brief and friendly.",
        '{"question": "How tall is it?", "language": "en"}',
        '{"task": "extract", "information": "the tower is tall and was built long ago", "format": "json"}',
        "Write a poem with the title: the following answer to a question",
        "Summarise for the query: the existing answer is fine.",
    ],
)
def test_a_plain_prompt_has_no_passages(plain: str) -> None:
    trace = Trace()
    trace.chat([message("system", plain), message("user", "Hello, who are you and what can you do for me?")])
    assert trace.reasons == ["no_passages"]


@pytest.mark.parametrize(
    "said",
    [
        "Error: ImportError('search is not installed')\n Please fix your mistakes.",
        "ToolException: the index cannot be reached at the moment",
        "Error executing tool search: connection refused by the index",
        "Traceback (most recent call last):\n  File 'shop.py', line 3, in search",
    ],
)
def test_what_a_tool_says_of_its_failure_is_no_passage(said: str) -> None:
    tool = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": said}]}
    trace = Trace()
    trace.chat([message("user", QUESTION), tool])
    assert trace.reasons == ["no_passages"]


def test_a_passage_about_errors_is_one() -> None:
    said = "Error E42: the pump is blocked, and its filter must be rinsed."
    tool = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": said}]}
    trace = Trace()
    trace.chat([message("user", QUESTION), tool])
    assert [p.text for p in trace.chain.passages] == [said]


def test_messages_in_json_are_no_passages() -> None:
    history = json.dumps([{"role": "user", "content": QUESTION}, {"role": "assistant", "content": ANSWER}])
    trace = Trace()
    trace.chat(f"Give this conversation a title.\n{history}", "The tower's height")
    assert trace.reasons == ["no_passages"]


def test_a_synthesis_rests_on_the_answers_to_its_parts() -> None:
    trace = Trace()
    for text, part, said in ((TOWER, "How tall is it?", "It is 330 metres tall."), (LOUVRE, "And visited?", "Most.")):
        trace.retrieval(text, query=part)
        trace.chat(f"Context:\n{text}\n\nQuestion: {part}", said)
    asked = "Compare the tower and the museum."
    parts_answered = [
        "Sub question: How tall is it?\nResponse: It is 330 metres tall.",
        "Sub question: And visited?\nResponse: Most.",
    ]
    final = trace.chat(
        "Context information is below.\n---------------------\n"
        + "\n\n".join(parts_answered)
        + f"\n---------------------\nGiven the context information, answer the query.\nQuery: {asked}\nAnswer: "
    )
    chain = trace.assembly.chains[-1]
    assert chain.span_id == final.span_id
    assert (chain.question, [p.text for p in chain.passages]) == (asked, parts_answered)


@pytest.mark.parametrize("label", ["We have provided an existing answer:", "Original Answer:"])
def test_a_refined_answer_rests_on_the_earlier_one_as_well(label: str) -> None:
    draft = "It is 330 metres tall."
    trace = Trace()
    trace.retrieval(TOWER, LOUVRE)
    trace.chat(f"Context:\n{TOWER}\n\nQuestion: {QUESTION}", draft)
    trace.chat(f"The original query is: {QUESTION}\n{label} {draft}\nMore context below.\n---\n{LOUVRE}\n---\n")
    chain = trace.assembly.chains[-1]
    assert [(p.text, p.in_prompt) for p in chain.passages] == [(LOUVRE, True), (draft, True), (TOWER, False)]


@pytest.mark.parametrize(
    ("asks", "rests"), [("Given the new context, refine the original answer.", True), ("And now?", False)]
)
def test_an_earlier_answer_that_stands_as_the_models_own_words_may_be_refined_too(asks: str, rests: bool) -> None:
    draft = "It is 330 metres tall."
    trace = Trace()
    trace.retrieval(TOWER, LOUVRE)
    trace.chat(f"Context:\n{TOWER}\n\nQuestion: {QUESTION}", draft)
    refine = f"More context below.\n---\n{LOUVRE}\n---\n{asks}"
    trace.chat([message("user", QUESTION), message("assistant", draft), message("user", refine)], draft)
    assert [p.text for p in trace.assembly.chains[-1].context] == [LOUVRE, *([draft] if rests else [])]


@pytest.mark.parametrize(
    ("result", "passages"),
    [
        (f"Answer: {ANSWER}", [f"Answer: {ANSWER}"]),
        (json.dumps({"replies": [{"text": ANSWER, "tokens": 7}]}), [ANSWER]),
        ("It rains in Paris, yes.", []),
    ],
)
def test_an_answer_rests_on_what_a_tool_answered_from_passages(result: str, passages: list[str]) -> None:
    trace = Trace()
    trace.retrieval(TOWER, LOUVRE)
    trace.chat(f"Decide what to do.\n\nContext:\n{TOWER}", "yes")
    trace.chat(f"Context:\n{TOWER}\n\nQuestion: {QUESTION}", ANSWER)
    tool = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": result}]}
    final = trace.chat([message("user", QUESTION), tool], "The tower is 330 metres tall.")
    chain = trace.assembly.chains[-1]
    assert (chain.span_id == final.span_id) is bool(passages)
    assert not passages or [p.text for p in chain.context] == passages


@pytest.mark.parametrize(
    "brings_together",
    [
        "Write the final answer out of these notes:\n\n{}\n\n{}\n\nQuestion: {}",
        "Here are question and answer pairs:\n\nQuestion 1: Tall?\nAnswer 1: {}\n\nQuestion 2: And?\nAnswer 2: {}\n\n"
        "Use them to answer the question: {}",
        "Answer the query.\nQuery: {2}\nKnowledge: {0}\n{1}\nSources: the city's register, page 7\nAnswer:",
    ],
)
def test_what_was_said_of_each_passage_is_what_the_whole_rests_on(brings_together: str) -> None:
    said = "The tower is 330 metres tall.", "The museum is the most visited one."
    trace = Trace()
    trace.retrieval(TOWER, LOUVRE)
    for passage, each in zip((TOWER, LOUVRE), said, strict=True):
        trace.chat(f"Context: {passage}\n\nQuestion: {QUESTION}", each)
    trace.chat(brings_together.format(*said, QUESTION), ANSWER)
    chain = trace.assembly.chains[-1]
    assert (len(trace.assembly.chains), chain.question, [p.text for p in chain.context]) == (3, QUESTION, list(said))


def test_pairs_under_a_heading_are_what_a_synthesis_rests_on() -> None:
    said = {"How tall is it?": "It is 330 metres tall.", "And the museum?": "It is the most visited."}
    trace = Trace()
    for passage, (part, answer) in zip((TOWER, LOUVRE), said.items(), strict=True):
        trace.retrieval(passage, query=part)
        trace.chat(f"Context: {passage}\n\nQuestion: {part}", answer)
    pairs = [f"Question: {part}\nAnswer: {answer}" for part, answer in said.items()]
    below = "Context information is below.\n-----\n{}\n-----\nAnswer the query.\nQuery: Compare the two.\nAnswer: "
    trace.chat(below.format("\n\n".join(pairs)))
    assert [p.text for p in trace.assembly.chains[-1].context] == pairs


REASONING = (
    "Use this format:\n\nQuestion: the input\nThought: what to do\nAction: the tool\nAction Input: its input\n"
    "Observation: the result of the action\nThought: I know the final answer\nFinal Answer: the answer\n\nBegin!\n\n"
)


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("as_messages", [True, False])
def test_what_a_tool_answered_in_plain_text_is_what_an_answer_rests_on(as_messages: bool, listed: bool) -> None:
    acts = "Thought: I ask.\nAction: guide\nAction Input: tower"
    trace = Trace()
    if listed:  # the tool answers from passages itself
        trace.retrieval(TOWER)
        trace.chat(prompt(TOWER), ANSWER)
    one = [message("user", f"{REASONING}Question: {QUESTION}\n{acts}\nObservation: {ANSWER}\nThought:")]
    turns = ("system", REASONING), ("user", QUESTION), ("assistant", acts), ("user", f"Observation: {ANSWER}")
    trace.chat(
        [message(*turn) for turn in turns] if as_messages else one, "Thought: I know.\nFinal Answer: 330 metres."
    )
    chain = trace.assembly.chains[-1]
    assert (chain.answer, chain.question, [p.text for p in chain.context]) == ("330 metres.", QUESTION, [ANSWER])


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("asks", ["question", "request", "claim"])
def test_what_a_program_of_dspy_asks_and_observes(asks: str, listed: bool) -> None:
    trace = Trace()
    if listed:
        trace.retrieval(TOWER, query="tower height metres")
    fields = {"thought_0": "I look.", "tool_name_0": "search", "tool_args_0": '{"query": "tower height metres"}'}
    fields = {asks: QUESTION, "trajectory": "", **fields, "observation_0": TOWER}
    asked = "\n\n".join(f"[[ ## {name} ## ]]\n{text}" for name, text in fields.items())
    ends = (
        "the corresponding output fields, starting with `[[ ## answer ## ]]`."
        if listed
        else "JSON of the fields `answer`."
    )
    trace.chat(f"{asked}\n\nRespond with {ends}", f"[[ ## answer ## ]]\n{ANSWER}\n\n[[ ## completed ## ]]")
    assert (trace.chain.question, [p.text for p in trace.chain.context]) == (QUESTION, [TOWER])


def test_what_a_model_takes_out_of_a_passage_for_a_search_is_found_and_not_said_before() -> None:
    part = "It is 330 metres tall and was completed in 1889."
    trace = Trace()
    trace.chat(f"Take out what is relevant.\n\nContext:\n{TOWER}", part, attributes={"groundwire.part_of": "retrieval"})
    trace.retrieval(part)
    trace.chat([message("system", f"Use these pieces of context to answer.\n\n{part}"), message("user", QUESTION)])
    assert [(p.text, p.source) for p in trace.chain.context] == [(part, "retrieval")]


def test_an_earlier_turn_that_is_quoted_is_no_passage() -> None:
    trace = Trace()
    trace.retrieval(TOWER)
    trace.chat(f"Context:\n{TOWER}\n\nQuestion: {QUESTION}", "It is 330 metres tall.")
    trace.retrieval(LOUVRE, query="museum")
    history = f"Chat history:\nuser: {QUESTION}\nassistant: It is 330 metres tall."
    trace.chat(f"{history}\n\nContext:\n{LOUVRE}\n\nQuestion: Which museum is there?", "The Louvre.")
    assert [p.text for p in trace.assembly.chains[-1].context] == [LOUVRE]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Der Turm läuft über Nacht für 14 Stunden.", "Der Turm la\u0308uft u\u0308ber Nacht fu\u0308r 14 Stunden."),
        ("Der Turm läuft über Nacht.", json.dumps("Der Turm läuft über Nacht.")),
        ("Towers &amp; hills: it&#39;s open &gt;14 hours a day", "Towers & hills: it's open >14 hours a day"),
        ("Towers & hills: it's open >14 hours a day", "Towers &amp; hills: it&#39;s open &gt;14 hours a day"),
    ],
)
def test_the_way_in_which_letters_are_written_does_not_hide_a_passage(text: str, shown: str) -> None:
    trace = Trace()
    trace.retrieval(text)
    trace.chat(f"Context:\n{shown}\n\nQuestion: {QUESTION}")
    assert [(p.source, p.in_prompt) for p in trace.chain.passages] == [("retrieval", True)]


@pytest.mark.parametrize(
    ("context", "question"), [("上下文：", "问题："), ("参考资料:", "用户问题:"), ("資料：", "質問：")]
)
def test_prompts_of_east_asia_are_read(context: str, question: str) -> None:
    passage, asked = "埃菲尔铁塔高三百三十米，于一八八九年建成。", "铁塔有多高？"
    trace = Trace()
    trace.chat(f"{context}\n{passage}\n\n{question}{asked}", "三百三十米。")
    assert (trace.chain.question, [p.text for p in trace.chain.passages]) == (asked, [passage])


@pytest.mark.parametrize("asked", ["List the sights of Paris", "museums"])
def test_a_question_without_label_or_mark_is_what_the_passages_leave(asked: str) -> None:
    trace = Trace()
    trace.retrieval(*PASSAGES, query="Paris sights to be listed")
    trace.chat(f"Context:\n{BOTH}\n\n{asked}")
    assert trace.chain.question == asked


def test_a_question_of_several_paragraphs_is_the_one_that_was_searched_for() -> None:
    asked = "I am in Paris.\n\nHow tall is the tower there?"
    trace = Trace()
    trace.retrieval(*PASSAGES, query=asked)
    trace.chat(f"Context:\n{BOTH}\n\nQuestion: {asked}")
    assert trace.chain.question == asked


@pytest.mark.parametrize(
    ("resource", "known"), [({"service.name": "search"}, True), ({"service.name": "shop"}, False), ({}, False)]
)
def test_clocks_of_two_services_differ(resource: dict[str, str], known: bool) -> None:
    trace = Trace()
    trace.retrieval(TOWER, BANANA, start_ns=1_000, end_ns=2_005, resource=resource)
    trace.chat(f"Context:\n{TOWER}\n\nQuestion: {QUESTION}", start_ns=2_000, resource={"service.name": "shop"})
    assert [p.source for p in trace.chain.passages] == (["retrieval", "retrieval"] if known else ["prompt"])


def test_a_file_that_is_handed_over_has_no_text() -> None:
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjcK"}}
    trace = Trace()
    trace.chat(parts(pdf, text(QUESTION)))
    assert trace.reasons == ["no_passages"]


def test_documents_stay_documents_where_another_sdk_wrote_the_message() -> None:
    told = as_message({"role": "user", "content": [*documents(TOWER), *search_results(LOUVRE)]})
    assert told is not None
    assert told["parts"] == [{"type": "document", "content": TOWER}, {"type": "search_result", "content": LOUVRE}]


@pytest.mark.parametrize(
    "said",
    [
        f"[[ ## reasoning ## ]]\nThe context says so.\n\n[[ ## response ## ]]\n{ANSWER}\n\n[[ ## completed ## ]]",
        f"[[ ## reasoning ## ]]\nThe context says so.\n\n[[ ## verdict ## ]]\n{ANSWER}\n\n[[ ## completed ## ]]",
        json.dumps({"reasoning": "The context says so.", "response": ANSWER}),
        f"Thought: I can answer without using any more tools.\nAnswer: {ANSWER}",
        f"Thought: I now know the final answer\nFinal Answer: {ANSWER}",
    ],
)
def test_the_answer_is_one_of_several_fields(said: str) -> None:
    trace = Trace()
    trace.chat(f"Context:\n{TOWER}\n\nQuestion: {QUESTION}", said)
    assert trace.chain.answer == ANSWER


@pytest.mark.parametrize(
    "said",
    [
        "[[ ## next_thought ## ]]\nDone.\n\n[[ ## next_tool_name ## ]]\nfinish\n\n[[ ## next_tool_args ## ]]\n{}\n",
        'Thought: I search again.\nAction: search\nAction Input: {"query": "tower"}',
    ],
)
def test_a_tool_that_is_called_in_plain_text_is_no_answer(said: str) -> None:
    trace = Trace()
    trace.chat(f"Context:\n{TOWER}\n\nQuestion: {QUESTION}", said)
    assert [no.reason for no in trace.assembly.rejected] == ["no_answer_text"]


def test_a_question_that_has_its_answer_in_the_prompt_was_asked_before() -> None:
    before = f"Question: {QUESTION}\nAnswer: {ANSWER}\n\n"
    prompt = f"Pairs so far:\n\n{before}Context:\n\n{TOWER}\n\n---\nAnswer this:\n{{}}"
    trace = Trace()
    trace.retrieval(TOWER, query="When was it built?")
    trace.chat(prompt.format("When was it built?"), "In 1889.")
    assert trace.chain.question == "When was it built?"
