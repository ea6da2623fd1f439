"""Templates as cookbooks and hand-made applications write them: question and passages come out of each."""

import json
from typing import Any

import pytest

from built import ANSWER, BANANA, LOUVRE, QUESTION, TOWER, Trace, message

PASSAGES = (TOWER, LOUVRE)
BOTH = "\n\n".join(PASSAGES)
REQUEST = "Tell me the height of the Eiffel Tower"
INDENT = " " * 12

TEMPLATES = {
    "indented with the code": f"\n{INDENT}Use the facts given.\n{INDENT}Context:\n{INDENT}{{context}}\n\n"
    f"{INDENT}Question: {{question}}\n{INDENT}Answer:\n",
    "quoted question and passages": "QUESTION: '{question}'\nPASSAGE: '{context}'\n\nANSWER:",
    "tags named before they come": "Take the text in <context> tags for the question in <question> tags.\n"
    "<context>\n{context}\n</context>\n<question>\n{question}\n</question>",
    "tags named in pairs": "<context>\n{context}\n</context>\n\nReply to what <q></q> holds.\n\n<q>{question}</q>",
    "a context that is not closed right": "<context>\n{context}\n<context/>\n\nQuestion: {question}",
    "an instruction that ends in the question": "Answer from this context only:\n\n{context}\n\n---\n\n"
    "Answer the question from the context above: {question}",
    "a question under an instruction": "Context:\n{context}\n\nWith that, answer the following question:\n\n{question}"
    "\n\nIf it is not in there, say so.",
    "the words for not knowing": 'Where the context lacks it, say:\n"I do not have that information."\n\n'
    "Context:\n\n{context}\n\nQuestion:\n\n{question}\n",
    "question first, no blank line": "{question}\nSources:\n{context}",
    "a title without signs": "Give a short answer from the provided context:\n{context}\nQuestion\n{question}\n",
    "a label at the end": "Original query: {question}\nRetrieved documents: {context}\nSummary answer:",
    "between rules": "Here is the question to work on:\n\n --- \n {question} \n --- \n\n"
    "Here is additional context relevant to the question:\n\n --- \n {context} \n --- \n\nUse it to write the answer.",
    "a rule and a last remark": "Context:\n{context}\n---\nNow comes what is asked.\n\nQuestion: {question}\n",
    "a chat template": "<|im_start|>system\nAnswer from the context.<|im_end|>\n<|im_start|>user\nContext:\n{context}\n"
    "\nQuestion: {question}<|im_end|>\n<|im_start|>assistant\n",
    "instructions of Llama and Mistral": "<s>[INST] Context: {context}\n\nQuestion: {question} [/INST]",
    "retrieved content": "Query: {question}\n\nRetrieved content:\n{context}\n\nPlease answer from it.",
    "several instructions in front": "Use the following pieces of context to answer the question at the end.\n"
    "If you don't know the answer, just\nsay that you don't.\n\n{context}\n\nQuestion: {question}\nHelpful Answer:",
    "no blank line at all": "Use the following pieces of context to answer the question at the end.\n"
    "If you don't know the answer, say so.\n{context}\nQuestion: {question}",
    "a question with more after it": "Context:\n{context}\n\nQuestion: {question}\nPlease answer in one sentence.",
    "what to do as the last line": "Question: {question}\n\nRelevant evidence:\n{context}\n\nGive a brief answer.",
    "from the documents above": "Documents:\n\n{context}\n\nBased on the documents above, {question}",
}


@pytest.mark.parametrize("asked", [QUESTION, REQUEST])
@pytest.mark.parametrize("listed", [True, False], ids=["listed", "cut"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_question_and_passages_come_out(name: str, listed: bool, asked: str) -> None:
    trace = Trace()
    if listed:
        trace.retrieval(*PASSAGES, BANANA, query="Eiffel Tower height in metres")
    trace.chat(TEMPLATES[name].format(context=BOTH, question=asked))
    chain = trace.chain
    assert chain.question == asked
    assert [p.text for p in chain.context] == list(PASSAGES)


@pytest.mark.parametrize(
    ("template", "asked"),
    [
        (f"Answer the question: {QUESTION} Here is relevant information: {TOWER}", QUESTION),
        (f"{QUESTION}Sources:\n{TOWER}", QUESTION),
        (f"Answer this user query: {QUESTION} with the following context:\n{TOWER}", QUESTION),
        (f"Using this data: {TOWER}. Respond to this prompt: {QUESTION}", QUESTION),
        (f"You have been asked: {REQUEST}\n\n<text>\n{TOWER}\n</text>\nWrite an answer.", REQUEST),
        (f"Context: {TOWER}. What is the answer to the question: `{QUESTION}`? Be brief.", QUESTION),
        (f"Given the query '{QUESTION}' and the context '{TOWER}', write an answer.", QUESTION),
        (f"Context: {TOWER}\n------Query: {QUESTION}Answer: ", QUESTION),
        (f"User Question: {REQUEST}\nRelevant Information: see [1] {TOWER}\n\nHelp with the information.", REQUEST),
        (f"Answer.\n\n[[ question ]]\n{REQUEST}\n\n[[ context ]]\n{TOWER}\n\n[[ answer ]]", REQUEST),
        (f"User Question: {REQUEST}\n[1] {TOWER}\nCite the numbers of what you use.", REQUEST),
        (f"User Question: {REQUEST}\n['{TOWER}', '{LOUVRE}']\nAnswer from the list above.", REQUEST),
        (f"Human: Hi\nAssistant: Hello!\nContext:\n{TOWER}\nHuman: {QUESTION}\nAssistant:", QUESTION),
        (f"Question: {QUESTION}\nContext:\n{TOWER}\nHistory:\nHuman: Hi there\nAI: Hello!", QUESTION),
        (f"The original query is as follows: {REQUEST}\nWe have this context:\n{TOWER}", REQUEST),
        (
            f"<|start_header_id|>user<|end_header_id|>\nContext: {TOWER}<|eot_id|>\nQuestion: {REQUEST}<|eot_id|>",
            REQUEST,
        ),
    ],
)
def test_a_question_stands_without_what_is_glued_to_it(template: str, asked: str) -> None:
    trace = Trace()
    trace.retrieval(TOWER, query="Eiffel Tower height in metres")
    trace.chat(template)
    assert trace.chain.question == asked


def numbered(form: str, parting: str = "\n") -> str:
    return parting.join(form.format(n=n, text=text) for n, text in enumerate(PASSAGES, 1))


BLOCKS = {
    "a document with its source": numbered(
        '<document index="{n}">\n<source>guide of {n}.pdf</source>\n<document_content>\n{text}\n</document_content>\n'
        "</document>"
    ),
    "results with titles": numbered("<result>\n<title>Guide {n}</title>\n<content>{text}</content>\n</result>"),
    "items": numbered('<item index="{n}">\n<page_content>\n{text}\n</page_content>\n</item>'),
    "rules with numbers": numbered("--- Document {n} ---\n{text}"),
    "thick rules with numbers": numbered("=== Chunk {n} ===\n{text}", "\n\n"),
    "bold numbers with scores": numbered("**Document {n}** (score: 0.81)\n{text}", "\n\n"),
    "excerpts with pages": numbered("Excerpt {n} [guide.pdf, p. {n}]:\n{text}", "\n\n"),
    "files in front": numbered("guide{n}.pdf#page={n}: {text}"),
    "a fence around each": numbered("```\n{text}\n```"),
    "quotes around each": numbered('"""\n{text}\n"""'),
    "a list of Python": repr(list(PASSAGES)),
    "rows of Python": repr([{"id": n, "text": text} for n, text in enumerate(PASSAGES)]),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_passages_are_parted_as_they_were_put_together(name: str) -> None:
    trace = Trace()
    trace.chat(f"Answer from the context.\n\nContext:\n{BLOCKS[name]}\n\nQuestion: {QUESTION}")
    titles = [f"\ntitle: Guide {n}" if "titles" in name else "" for n in (1, 2)]
    assert [p.text for p in trace.chain.passages] == [*map("".join, zip(PASSAGES, titles, strict=True))]
    assert trace.chain.question == QUESTION


def test_the_file_in_front_of_a_passage_is_its_id() -> None:
    trace = Trace()
    trace.chat(f"{QUESTION}\n\nSources:\n\n{BLOCKS['files in front']}")
    assert [p.id for p in trace.chain.passages] == ["guide1.pdf#page=1", "guide2.pdf#page=2"]


@pytest.mark.parametrize(
    "system",
    [
        "When given context from documents:\n- Prefer what the newest of them says\n- Be precise",
        'Reply as JSON:\n{\n  "answer": "your answer",\n  "sources": ["the name of each source that you used"]\n}',
        "Be kind. Close every report with a 'Sources:' section that lists all pages you have read.",
    ],
)
def test_an_instruction_is_no_passage(system: str) -> None:
    trace = Trace()
    trace.chat([message("system", system), message("user", "Hello, who are you and what can you do for me?")])
    assert trace.reasons == ["no_passages"]


def test_a_question_in_json_is_taken_as_it_stands() -> None:
    trace = Trace()
    trace.chat(json.dumps({"question": f"'{QUESTION}' he asked", "context": TOWER}), ANSWER)
    assert trace.chain.question == f"'{QUESTION}' he asked"


def told(*turns: tuple[str, str]) -> list[dict[str, Any]]:
    return [message(role, text) for role, text in turns]


CONTEXT = f"Context:\n{BOTH}"


@pytest.mark.parametrize(
    "prompt",
    [
        told(("system", "Answer."), ("user", "{}"), ("user", CONTEXT)),
        told(("user", "{}"), ("user", CONTEXT), ("user", "Answer my question from the documents above.")),
        told(("user", "Question: {}"), ("user", f"{CONTEXT}\n\nNow answer, and cite.")),
        told(("system", f"Answer from this.\n{CONTEXT}\nQuestion: {{}}")),
        told(("user", "Hi!"), ("assistant", "Hello, ask me."), ("system", CONTEXT), ("user", "{}")),
        told(("user", f"{{}}\n\nAnswer in JSON.\n\n{CONTEXT}")),
    ],
    ids=["passages after it", "in three", "what to do after it", "no user", "after a greeting", "before what to do"],
)
@pytest.mark.parametrize("asked", [QUESTION, REQUEST])
@pytest.mark.parametrize("listed", [True, False], ids=["listed", "cut"])
def test_a_question_may_stand_in_another_message(prompt: list[dict[str, Any]], listed: bool, asked: str) -> None:
    trace = Trace()
    if listed:
        trace.retrieval(*PASSAGES, BANANA, query="height")
    trace.chat(json.loads(json.dumps(prompt).replace("{}", asked)))
    assert trace.chain.question == asked
    assert [p.text for p in trace.chain.context] == list(PASSAGES)


@pytest.mark.parametrize("query", ["Eiffel Tower", "tall", "museum"])
def test_words_that_were_searched_for_are_not_the_question_that_they_are_part_of(query: str) -> None:
    trace = Trace()
    trace.retrieval(*PASSAGES, query=query)
    trace.chat(f"{QUESTION}\n\nSources:\n{BOTH}")
    assert trace.chain.question == QUESTION


def test_what_is_asked_for_beside_a_question_is_no_part_of_it() -> None:
    trace = Trace()
    trace.chat([message("system", CONTEXT), message("user", f"{QUESTION}\n\nRemember to cite the sources.")])
    assert trace.chain.question == QUESTION


@pytest.mark.parametrize(
    "asked",
    ['Who built the tower of "Which Tower?"', "Can you tell me more about the query API?", "Use the tower of Paris"],
)
def test_a_question_behind_tags_is_whole(asked: str) -> None:
    trace = Trace()
    trace.chat(f"<documents>\n<document>\n{TOWER}\n</document>\n</documents>\n\n{asked}")
    assert trace.chain.question == asked


def test_what_passages_ask_is_not_the_question_above_them() -> None:
    trace = Trace()
    trace.chat(f"{QUESTION}\n\nSources:\n[1] {TOWER}\n\nWas this page helpful?")
    assert trace.chain.question == QUESTION
