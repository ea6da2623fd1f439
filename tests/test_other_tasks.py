"""What carries passages in its prompt and is no answer: judgements, and questions worded anew."""

import json

import pytest

from built import ANSWER, LOUVRE, QUESTION, TOWER, Trace, prompt

GRADER = (
    "You are a grader assessing relevance of a retrieved document to a user question.\n"
    "Give a binary score 'yes' or 'no' to say whether the document is relevant.\n\n"
    f"Retrieved document:\n\n{TOWER}\n\nUser question: {QUESTION}"
)
FACTS = f"\n\nSet of facts:\n\n{TOWER}\n\nLLM generation: {ANSWER}"
CONTEXT = f"\n\nContext:\n{TOWER}\n\nQuestion: {QUESTION}"
PASSAGES = f"\n\nPassages:\n[1] {TOWER}\n[2] {LOUVRE}\n\nQuestion: {QUESTION}"
JUDGED = [
    (GRADER, '{"binary_score":"yes"}'),
    (GRADER, "No."),
    (GRADER, '```json\n{"score": "yes"}\n```'),
    (GRADER, "The passage names the height.\n\nVerdict: relevant"),
    (f"Assess whether an answer is grounded in / supported by a set of facts.{FACTS}", '{"binary_score": true}'),
    (
        f"You are grading a quiz. A score of yes means that the answer is grounded in the facts.{FACTS}",
        '{"binary_score": "yes", "explanation": "The answer says 330 metres, which the facts say as well."}',
    ),
    (
        "Your task is to evaluate if the response is in line with the context. Answer YES or NO.\n"
        f"Query and Response:\n{QUESTION} {ANSWER}\nContext:\n{TOWER}\nAnswer: ",
        "YES",
    ),
    (f"Please tell if the information is supported by the context.\nInformation: {ANSWER}\nContext: {TOWER}", "YES"),
    (f"Your task is to judge the faithfulness of statements.{CONTEXT}", '{"statements":["x"],"statement_scores":[1]}'),
    (f"Is this document relevant to the question? Answer yes or no.{CONTEXT}", "yes"),
    (f"Decide if the passage is useful. Reply with 'relevant' or 'irrelevant' only.{CONTEXT}", "Irrelevant"),
    (f"Given this, return YES if the context is relevant to the question and NO if it isn't.{CONTEXT}", "YES"),
    (f"Verify that the text is based on the context.{CONTEXT}", '{"faithful": true}'),
    (
        f"Estimate the groundedness of what was said.{CONTEXT}",
        "[[ ## reasoning ## ]]\nSo.\n\n[[ ## system_response_claims ## ]]\n1. It is 330 metres tall.\n\n"
        "[[ ## discussion ## ]]\nIt is there.\n\n[[ ## groundedness ## ]]\n0.9\n\n[[ ## completed ## ]]",
    ),
    (
        f"Verify that the text is based on the context.{CONTEXT}",
        "[[ ## reasoning ## ]]\nIt says so.\n\n[[ ## faithful ## ]]\nTrue\n\n[[ ## completed ## ]]",
    ),
    (f"You are a classifier of overlap. Respond with a number from 0 to 3.{FACTS}", "3"),
    (
        f"Classify if each sentence can be attributed to the context.{CONTEXT}",
        '[{"statement": "x", "reason": "It is there.", "attributed": 1}]',
    ),
    (
        f"Make a list of verdicts that indicate whether each claim contradicts the context.{CONTEXT}",
        '{"verdicts": [{"verdict": "idk", "reason": null}]}',
    ),
    (f"Determine whether the answer is factual or hallucinated; one word.{FACTS}", "hallucinated"),
    (f"Rate the relevance of the passage on a scale from 1 to 5.{CONTEXT}", "4/5"),
    (f"Do the documents hold enough information? Reply SUFFICIENT or INSUFFICIENT.{CONTEXT}", "INSUFFICIENT"),
    (f"Decide whether the context is sufficient.{CONTEXT}", '{"is_sufficient": false, "reasoning": "No year."}'),
    (f"Which of these passages are relevant? Return their numbers as a list.{PASSAGES}", "[1]"),
    (f"From 0 to 1, how relevant is the document below to the query?{CONTEXT}\n\nRelevance score:", "0.8"),
    (f"You say whether the documents found are relevant. Answer only 'True' or 'False'.{PASSAGES}", "True"),
    (
        f"Return a verdict, and what is missing.{CONTEXT}",
        '{"verdict": "insufficient", "gaps": ["The year it was built"]}',
    ),
    (f"Rate on a scale from 1 to 5.{CONTEXT}", '{"relevance": 4, "completeness": 5, "conciseness": 3}'),
    (
        f"Give a rating of how well the context answers it.{CONTEXT}",
        "Evaluation: the height is there.\nTotal rating: 5",
    ),
    (f"You are told what to judge.\n\nOutput a single score, and why.{FACTS}", "4.5\nIt says what the facts say."),
    (f"Decide if the answer can be derived from the context: 1 or 0 as the score.{FACTS}", '{"score": 1}'),
    (
        "You are an expert at routing a user question to a store or a search on the web.\n"
        f"The store contains documents on:\n\n- Towers of the world\n- Museums in it\n\nQuestion: {QUESTION}",
        '{"datasource": "vector_store"}',
    ),
    (f"Rank the passages by their relevance, such as [2] > [1].{PASSAGES}", "[1] > [2]"),
    (f"Select the two most diverse documents.{PASSAGES}", '{"indices": [1, 2]}'),
]
PASSAGES_MADE = [
    (f"Which statements are relevant?{CONTEXT}", '{"relevant_statements": ["The tower is 330 metres tall."]}'),
    (
        f"<document>\n{TOWER}\n\n{LOUVRE}\n</document>\nHere is a chunk of it:\n<chunk>\n{LOUVRE}\n</chunk>\n"
        "Write a short context to situate this chunk within the document, so that a search finds it.",
        "This is about a museum in Paris, after a tower.",
    ),
    (f"Extract the parts of the context that are relevant to the question.{CONTEXT}", TOWER[:40]),
    (
        f"See if any of the text helps. Return any relevant text verbatim.{CONTEXT}",
        f"1. {TOWER[:40]}\n2. {TOWER[-22:]}",
    ),
    (
        f"Extract the key information from the following document:\nDocument: {TOWER}\nKey points:",
        '{"points": "330 m"}',
    ),
    (f"Extract any part of the context that is relevant, else return NO_OUTPUT.{CONTEXT}", "NO_OUTPUT"),
    (f"See if any of the text helps. Return any relevant text verbatim.{CONTEXT}", "None of it is relevant."),
]
QUERIES = [
    (f"The documents do not answer it. Rewrite the question for a search.{CONTEXT}", "What is the tower's height?"),
    (f"Given the context, return a question that can be answered from it.{CONTEXT}", "How tall is it?"),
    (f"The user's context: {TOWER}\nReformulate the query for his needs: {QUESTION}", "Eiffel Tower height in metres"),
    (f"Formulate a better query.{CONTEXT}\n\nImproved query:", "Eiffel Tower height metres"),
    (f"Generate three questions that the context answers.{CONTEXT}", "1. How tall is it?\n2. When was it built?"),
    (f"What may be asked about this?{CONTEXT}", '{"question_list": ["The height of the tower", "How old is it?"]}'),
    (f"Set up a quiz.{CONTEXT}", '{"question_1": "How tall is it?", "question_2": "Where is it?"}'),
    (f"What must be searched for next?{CONTEXT}", '{"reasoning": "The year is missing.", "search_query": "built in"}'),
    (
        f"Given the fields `context`, `question`, produce the fields `search_query`.{CONTEXT}",
        "[[ ## reasoning ## ]]\nThe year is missing.\n\n[[ ## search_query ## ]]\nyear built\n\n[[ ## completed ## ]]",
    ),
]
ANSWERS = [
    (prompt(TOWER, question="Is the Eiffel Tower taller than 300 metres?"), "Yes."),
    (prompt(TOWER, question="In which year was it completed?"), "1889"),
    (prompt("A grader gives a binary score.", question="Does a grader give a binary score?"), "Yes"),
    (prompt("A dose of 5 mg is enough for adults.", question="Is 5 mg enough?"), "Yes"),
    (f"Use the relevant documents below. If the documents are not relevant, say so.{CONTEXT}", "Yes"),
    (
        f"Say yes, no or a year. Make sure that the answer is supported by the context and is grounded.{CONTEXT}",
        "no",
    ),
    (f"Assess whether the context is helpful, and give the height.{CONTEXT}", "330"),
    (f"Check whether each passage is relevant before you answer. Only say yes, no or a name.{CONTEXT}", "no"),
    (f"Check whether your answer is correct before you respond, in one word.{CONTEXT}", "Yes"),
    (f"Verify that your answer is supported by the context.{CONTEXT}", "Yes"),
    (f"Assess whether the context is sufficient. If so, answer the question.{CONTEXT}", "330"),
    (f"Evaluate how relevant the passage is, and answer the question.{CONTEXT}", ANSWER),
    (f"Judge the relevance of the passage.{CONTEXT}", '{"relevant": true, "height": "330 metres"}'),
    (f"Judge the relevance of the passage.{CONTEXT}", json.dumps({"score": 0.9, "answer": ANSWER})),
    (f"Extract what guests gave the house, and whether its card is valid.{CONTEXT}", '{"rating": 4.5, "valid": true}'),
    (f"Extract the height in metres.{CONTEXT}", '{"height_m": 330}'),
    (f"Is the claim supported by the context? Answer SUPPORTED or REFUTED.{CONTEXT}", "SUPPORTED"),
    (f"Rewrite the question in your mind, then answer it.{CONTEXT}", ANSWER),
    (f"Answer, or ask what the user means.{CONTEXT}", "Do you mean the tower in Paris?"),
    (f"Generate a brief answer for the given question.{CONTEXT}", "Do you mean the tower in Paris?"),
    (f"If there is none, ask the user to rephrase the question.{CONTEXT}", "Could you rephrase the question?"),
    (f"Choose the best of the passages.{PASSAGES}", "The first one"),
    (f"Extract the answer from the context.{CONTEXT}", "330 metres"),
    (f"Answer yes or no.{CONTEXT}", '{"response": "Yes"}'),
    (f"List the key points from the following document.{CONTEXT}", "It is tall, and old."),
    (f"First extract the relevant quotes. Then answer the question.{CONTEXT}", TOWER[:40]),
    (f"Use the context to answer the question. Extract relevant facts, do not invent.{CONTEXT}", TOWER[:40]),
    (f"Extract the relevant facts.{CONTEXT}", "330 metres"),
    (f"Besides giving an answer, return a score of how well it answers.{CONTEXT}", f"{ANSWER}\nScore: 90"),
    (prompt("A model is asked to situate each chunk in its document.", question="What is asked?"), "To situate each."),
    (f"Reply with no_answer if the context is not relevant.{CONTEXT}", "no_answer"),
]


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize(
    ("reason", "asked", "said"),
    [("judgement", *c) for c in JUDGED]
    + [("query", *c) for c in QUERIES]
    + [("part_of_search", *c) for c in PASSAGES_MADE],
)
def test_what_judges_or_words_a_question_is_no_answer(reason: str, asked: str, said: str, listed: bool) -> None:
    trace = Trace()
    if listed:
        trace.retrieval(TOWER, LOUVRE)
    trace.chat(asked, said)
    assert trace.assembly.chains == ()
    assert trace.reasons == [reason]


@pytest.mark.parametrize(
    ("asks", "said"),
    [
        ("the query '{q}' and the context '{c}', determine if the context is relevant.", '{"response": "Relevant"}'),
        ("the response '{a}' and the context '{c}', determine if it is supported.", '{"response": "No support"}'),
    ],
)
def test_a_judge_may_be_told_in_one_sentence(asks: str, said: str) -> None:
    trace = Trace()
    trace.retrieval(TOWER, query=None)
    trace.chat(f"Given {asks.format(q=QUESTION, a=ANSWER, c=TOWER)}", said)
    assert trace.reasons == ["judgement"]


@pytest.mark.parametrize(("asked", "said"), ANSWERS)
def test_answers_that_are_short_or_speak_of_relevance_stay_answers(asked: str, said: str) -> None:
    trace = Trace()
    trace.chat(asked, said)
    assert trace.chain.answer in said


def test_who_lists_passages_himself_says_that_he_answers() -> None:
    trace = Trace()
    trace.chat(GRADER, "yes", attributes={"gen_ai.retrieval.documents": json.dumps([{"content": TOWER}])})
    assert trace.chain.answer == "yes"


def test_the_choices_of_a_router_are_no_passages() -> None:
    trace = Trace()
    trace.chat(
        "Some choices are given below.\n---------------------\n(1) Towers.\n\n(2) Museums.\n---------------------\n"
        f"Using only the choices above and not prior knowledge, return the choice for the question: '{QUESTION}'\n\n"
        'The output should be JSON.\n\nHere is an example:\n[{"choice": 1}]',
        '[{"choice": 1, "reason": "It is about a tower."}]',
    )
    assert trace.reasons == ["no_passages"]
