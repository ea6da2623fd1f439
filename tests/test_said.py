"""What of a model's output is its answer: a text, a member of a structure, the arguments of a tool, or nothing."""

import json
from typing import Any

import pytest

from built import ANSWER, LOUVRE, TOWER, Trace, prompt


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


def calling(arguments: Any, name: str = "respond") -> dict[str, Any]:
    return {"type": "tool_call", "id": "1", "name": name, "arguments": arguments}


LONG = f"{ANSWER} " + "That is about as much as a building of eighty floors, counted from the street. " * 3
CHINESE = "埃菲尔铁塔高三百三十米，于一八八九年建成，是巴黎最著名的建筑之一。" * 3
RESULT = {"type": "tool_call_response", "id": "1", "response": [{"title": "Louvre"}]}
SAID = {
    "the one member of a structure": ([text(json.dumps({"height": ANSWER}))], ANSWER),
    "a structure by a tool": ([calling({"answer": ANSWER, "sources": [1]})], ANSWER),
    "arguments as text": ([calling(json.dumps({"final_answer": ANSWER}))], ANSWER),
    "announced": ([text("Let me write that down."), calling({"answer": ANSWER})], ANSWER),
    "a whole answer, and something done beside it": ([text(LONG), calling({"name": "tower"}, "remember")], LONG),
    "the same without blanks": ([text(CHINESE), calling({"name": "铁塔"}, "remember")], CHINESE),
    "the end of thoughts that the prompt began": ([text(f" I know it now.\nFinal Answer: {ANSWER}")], ANSWER),
    "the end of a talk": ([text(f"Thought: Do I need to use a tool? No\nAI: {ANSWER}")], ANSWER),
    "an action that ends": ([text(f'```json\n{{"action": "Final Answer", "action_input": "{ANSWER}"}}\n```')], ANSWER),
    "a tag after thoughts": ([text(f"<thinking>The first one.</thinking>\n<answer>\n{ANSWER}\n</answer>")], ANSWER),
    "a tag whose end was the word to stop at": ([text(f"<scratchpad>1889?</scratchpad><answer>{ANSWER}")], ANSWER),
    "after thoughts of an open model": ([text(f"<think>\nIt says 330.\n</think>\n\n{ANSWER}")], ANSWER),
    "after thoughts that the template began": ([text(f"It says 330.\n</think>\n\n{ANSWER}")], ANSWER),
    "JSON in a fence": ([text(f'```json\n{{"answer": "{ANSWER}", "sources": [1]}}\n```')], ANSWER),
    "signs of a comparison": ([text("300 < 330, so it is taller.")], "300 < 330, so it is taller."),
    "after a tool of the provider": (
        [text("Let me see."), calling({"query": "x"}), RESULT, text(ANSWER)],
        f"Let me see.{ANSWER}",
    ),
}
CALLED = {
    "a search": [calling({"query": "Eiffel Tower"})],
    "an announced search": [text("Let me look for more about the tower."), calling({"query": "tower height"})],
    "a grade": [calling({"binary_score": "yes"}, "Grade")],
    "two tools": [calling({"answer": ANSWER}), calling({"query": "x"})],
    "arguments that are no object": [calling("[1]")],
    "arguments cut in their middle": [calling('{"answer": "It is')],
    "a thought that the prompt began": [text(" I look for more.\nAction: search\nAction Input: tower height")],
    "an action": [text('Action:\n```\n{"action": "search", "action_input": {"query": "tower"}}\n```')],
    "a field of JSON": [text('{"next_thought": "Hm.", "next_tool_name": "search", "next_tool_args": {"query": "x"}}')],
    "a field in tags": [text("<next_thought>Hm.</next_thought>\n<next_tool_name>search</next_tool_name>")],
    "an empty answer": [calling({"answer": ""})],
}


def trace_of(parts: list[dict[str, Any]]) -> Trace:
    trace = Trace()
    trace.retrieval(TOWER, LOUVRE)
    output = json.dumps([{"role": "assistant", "parts": parts}])
    trace.chat(prompt(TOWER), attributes={"gen_ai.output.messages": output})
    return trace


@pytest.mark.parametrize("which", SAID)
def test_an_answer_may_be_the_arguments_of_a_tool_or_stand_beside_one(which: str) -> None:
    parts, answer = SAID[which]
    assert trace_of(parts).chain.answer == answer


@pytest.mark.parametrize("which", CALLED)
def test_who_calls_a_tool_does_not_answer_whatever_he_says_to_it(which: str) -> None:
    trace = trace_of(CALLED[which])
    assert trace.assembly.chains == ()
    assert trace.reasons == ["no_answer_text"]


def test_a_framework_around_a_client_that_answers_by_a_tool_is_one_answer() -> None:
    output = json.dumps([{"role": "assistant", "parts": [calling({"answer": ANSWER})]}])
    other = json.dumps([{"role": "assistant", "parts": [calling({"query": "x"})]}])
    trace = Trace()
    trace.retrieval(TOWER)
    for start, end, scope, said in ((2_010, 2_090, "client", output), (2_000, 2_100, "framework", output)):
        changes: Any = {"start_ns": start, "end_ns": end, "scope": scope}
        trace.chat(prompt(TOWER), attributes={"gen_ai.output.messages": said}, **changes)
    trace.chat(prompt(TOWER), start_ns=1_990, end_ns=2_200, scope="other", attributes={"gen_ai.output.messages": other})
    assert [chain.answer for chain in trace.assembly.chains] == [ANSWER]
    assert trace.reasons == ["duplicate", "no_answer_text"]
