from dataclasses import replace
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwire.console import render
from groundwire.model import SpanLink, SpanRecord
from groundwire.terminal import columns, cut, inert, wrapped
from groundwire.trace import read_traces
from stored import ANSWER, CHAT, FAITHFUL, RELEVANT, TRACE, UNFAITHFUL, at_ms, chat, judged, request, retrieval


def block(text: str) -> str:
    return dedent(text).strip("\n")


def test_failing_request_unfolds_and_names_the_words_that_nothing_supports() -> None:
    assert render([*request(), UNFAITHFUL, RELEVANT]) == block(
        """
        ✗ rag.answer                1 of 2 checks failed  186 ms  137→27 tok    $0.00004
          Q How tall is the Eiffel Tower?
          A The tower is 330 metres tall. Gustave Eiffel was born in Paris.
          ├─ embeddings text-embedding-3-small            8.5 ms       9 tok  $0.0000002
          ├─ retrieval kb                                  55 ms      3 docs
          │    ✓ d1  0.91  The Eiffel Tower is 330 metres tall. It was completed in 188…
          │    · d2  0.55  Gustave Eiffel was an engineer from Dijon.
          │    ✗ d3  0.12  Bananas are rich in potassium.                      off topic
          └─ chat gpt-4o-mini                             130 ms  128→27 tok   $0.000035
               ✗ faithfulness  0.41  unfaithful  (≥0.50)  1 of 2 sentences not supported
                 ✗ "Gustave Eiffel was born in Paris."
                   not in the 3 passages: "Paris"
                 ✓ "The tower is 330 metres tall."                                    d1
               ✓ context_relevance  0.62  relevant
          scored locally in 8.4 ms, no key
        """
    )


def test_passing_request_takes_one_line() -> None:
    assert render([*request(), FAITHFUL, RELEVANT]) == (
        "✓ rag.answer  How tall is th…  faithfulness 0.93, all passed   186 ms   $0.00004"
    )


def test_terminal_without_unicode_gets_ascii_alone() -> None:
    text = render([*request(), UNFAITHFUL, RELEVANT], unicode=False, next_step="groundwire show traces.jsonl")

    assert text.isascii()
    assert text.startswith("x rag.answer ")
    assert "  |    x d3  0.12" in text
    assert "  `- chat gpt-4o-mini" in text
    assert "128>27 tok" in text
    assert text.endswith("\n  next: groundwire show traces.jsonl")


def test_colours_mark_the_flawed_words_and_change_no_character() -> None:
    import re

    plain = render([*request(), UNFAITHFUL, RELEVANT])
    coloured = render([*request(), UNFAITHFUL, RELEVANT], color=True)

    assert "\x1b[1;4;31mParis\x1b[0m" in coloured
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in bare.split("\n")] == plain.split("\n")


def test_contradicted_sentence_shows_what_the_passage_says() -> None:
    answer = "It is 350 metres tall."
    contradiction = judged(
        "faithfulness", 0.02, "unfaithful", False,
        evidence=[{
            "text": answer, "start": 0, "end": 22, "verdict": "contradicted", "probability": 0.01,
            "passage": 0, "passage_start": 0, "passage_end": 36, "flaws": [{"start": 6, "end": 9, "reason": "value"}],
        }],
    )  # fmt: skip
    lines = render([*request(answer), contradiction]).split("\n")

    assert '         ✗ "It is 350 metres tall."' in lines
    assert '           "350" against d1: The Eiffel Tower is 330 metres tall.' in lines


def test_flaw_at_the_end_of_a_long_sentence_is_in_view() -> None:
    answer = "The tower, " + "which everybody in the city knows and likes, " * 6 + "was built in 1901."
    start = answer.index("1901")
    evidence = {
        "text": answer, "start": 0, "end": len(answer), "verdict": "unsupported", "probability": 0.1,
        "flaws": [{"start": 4, "end": 9, "reason": "words"}, {"start": start, "end": start + 4, "reason": "date"}],
    }  # fmt: skip
    text = render([*request(answer), judged("faithfulness", 0.1, "unfaithful", False, evidence=[evidence])])

    assert 'in 1901."' in text
    assert 'not in the 3 passages: "1901", "tower"' in text


def test_what_was_not_scored_says_why_and_never_shows_a_number() -> None:
    text = render([*request(), judged("faithfulness", None, status="skipped: refusal")])

    assert "not scored: refusal" in text
    assert "\n" not in text
    assert "0.00 " not in text


def test_answer_that_was_dropped_from_scoring_says_why() -> None:
    spans = [*request()[:3], chat(attributes={"groundwire.evaluation.status": "queue_full"})]

    assert "not scored: queue full" in render(spans)


def test_broken_evaluator_is_not_taken_for_a_pass() -> None:
    broken = replace(judged("faithfulness", None, status="failed: KeyError"), status="error", status_message="'linear'")

    assert render([*request(), broken, RELEVANT]).startswith("! rag.answer")
    assert "1 passed, 1 broke" in render([*request(), broken, RELEVANT])
    assert "faithfulness  broke: KeyError: 'linear'" in render([*request(), broken, RELEVANT], full=True)


def test_scores_without_evaluate_spans_are_read_from_the_answer() -> None:
    on_answer = {
        "gen_ai.evaluation.faithfulness.score.value": 0.2,
        "gen_ai.evaluation.faithfulness.score.label": "unfaithful",
        "gen_ai.evaluation.faithfulness.explanation": "made up",
    }
    text = render([*request()[:3], chat(attributes=on_answer)])

    assert "1 of 1 check failed" in text
    assert "✗ faithfulness  0.20  unfaithful  made up" in text


def test_failed_call_shows_its_error() -> None:
    failed = chat(
        "", status="error", status_message="Connection error.", attributes={"error.type": "APIConnectionError"}
    )
    root = replace(request()[0], status="error", status_message="Connection error.")
    lines = render([root, *request()[1:3], failed]).split("\n")

    assert lines[0].startswith("✗ rag.answer")
    assert " error  186 ms" in lines[0]
    assert "       APIConnectionError: Connection error." in lines


def test_answer_without_a_root_is_told_with_the_retrieval_it_links_to() -> None:
    other = "1af7651916cd43dd8448eb211c80319d"
    linked = chat(parent_id=None, links=(SpanLink(other, "00000000000000a2"),))
    text = render([retrieval(other, None), linked, UNFAITHFUL, RELEVANT])

    assert text.startswith("✗ chat gpt-4o-mini")
    assert "├─ retrieval kb" in text
    assert "✗ d3  0.12" in text
    assert [t.trace_id for t in read_traces([linked, retrieval(other, None), UNFAITHFUL])] == [TRACE]


def test_content_cannot_steer_the_terminal() -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07evil\u202etxt\r\x9b31m\x00 \ud800 line\nbreak"
    evidence = {"text": hostile, "start": 0, "end": len(hostile), "verdict": "unsupported", "probability": 0.1}
    spans = [
        *request(hostile),
        judged(hostile, 0.1, hostile, False, evidence=[evidence], **{"gen_ai.evaluation.explanation": hostile}),
    ]
    for full in (False, True):
        text = render(spans, full=full, next_step=hostile)
        assert not set(text) & set("\x1b\x07\x9b\x00\r\u202e\ud800")
        assert "owned" in text


def test_wide_characters_count_as_two_columns() -> None:
    spans = [*request("エッフェル塔の高さは三百三十メートルです。" * 6), UNFAITHFUL]
    lines = render(spans).split("\n")

    assert max(map(columns, lines)) <= 80
    assert lines[2].endswith("…")
    assert columns(lines[2]) in (79, 80)


@given(
    st.text(max_size=300),
    st.text(max_size=30),
    st.integers(40, 120),
    st.booleans(),
    st.lists(st.tuples(st.integers(-5, 300), st.integers(-5, 300)), max_size=4),
)
def test_no_line_is_ever_wider_than_the_page(
    answer: str, name: str, width: int, full: bool, flaws: list[tuple[int, int]]
) -> None:
    evidence = {
        "text": answer, "start": 0, "end": len(answer), "verdict": "unsupported", "passage": 1,
        "flaws": [{"start": a, "end": b, "reason": "words"} for a, b in flaws],
    }  # fmt: skip
    score = judged(name, 0.1, "unfaithful", False, evidence=[evidence], **{"gen_ai.evaluation.explanation": answer})
    spans = [*request(answer), score]
    for line in render(spans, width=width, full=full, next_step=answer).split("\n"):
        assert columns(line) <= width
        assert inert(line) == line


@pytest.mark.parametrize(
    "odd",
    [
        {"gen_ai.retrieval.documents": "[{"},
        {"gen_ai.output.messages": "null"},
        {"gen_ai.usage.cost": "free"},
        {"gen_ai.evaluation.faithfulness.score.value": "high"},
        {"gen_ai.input.messages": [1, 2]},
    ],
)
def test_odd_attributes_break_nothing(odd: dict[str, object]) -> None:
    assert render([*request()[:3], chat(attributes=odd), UNFAITHFUL])


def test_spans_that_are_each_others_parents_are_told_once() -> None:
    a = SpanRecord(
        TRACE, "00000000000000b1", "chat a", 0, 1, "00000000000000b2", attributes={"gen_ai.operation.name": "chat"}
    )
    b = SpanRecord(
        TRACE, "00000000000000b2", "chat b", 0, 1, "00000000000000b1", attributes={"gen_ai.operation.name": "chat"}
    )

    assert render([a, b], full=True).count("chat b") == 1


def test_framework_span_around_a_client_span_does_not_count_tokens_twice() -> None:
    framework = replace(chat(), span_id="00000000000000c1", name="ChatOpenAI.chat")
    client = replace(chat(), parent_id=framework.span_id)
    [trace] = read_traces([*request()[:1], framework, client])

    assert trace.tokens == (128, 27)


def test_worst_trace_comes_first() -> None:
    def other(span: SpanRecord, n: int) -> SpanRecord:
        return replace(span, trace_id=f"{n:032x}")

    found = read_traces([
        *(other(s, 1) for s in (*request(), FAITHFUL)),
        *(other(s, 2) for s in (*request(), UNFAITHFUL)),
        *(other(s, 3) for s in (*request(), judged("faithfulness", 0.1, "unfaithful", False))),
        *(other(s, 4) for s in request()),
    ])  # fmt: skip

    assert [int(t.trace_id, 16) for t in found] == [3, 2, 1, 4]


def test_nothing_to_tell_is_an_empty_text() -> None:
    assert render([]) == ""
    assert render([UNFAITHFUL]) == ""


def test_blocks_with_very_many_calls_stay_short_and_keep_the_answer() -> None:
    calls = [
        replace(request()[1], span_id=f"{i:016x}", start_ns=at_ms(i / 100), end_ns=at_ms(i / 100))
        for i in range(1, 200)
    ]
    text = render([request()[0], *calls, *request()[2:], UNFAITHFUL])

    assert len(text.split("\n")) < 40
    assert "faithfulness  0.41" in text
    assert "more calls" in text


@given(st.text(max_size=60), st.integers(1, 40))
def test_cut_text_fits_and_keeps_its_beginning(text: str, width: int) -> None:
    text = inert(text)
    short = cut(text, width, "…")

    assert columns(short) <= width
    assert short == text or text.startswith(short.removesuffix("…"))


@given(st.text(alphabet="ab 漢é", max_size=80), st.integers(2, 20))
def test_wrapped_lines_hold_every_character_but_blanks(text: str, width: int) -> None:
    lines = [text[start:end] for start, end in wrapped(text, width)]

    assert all(columns(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_answer_span_constant_is_what_judgements_hang_from() -> None:
    assert UNFAITHFUL.parent_id == CHAT
    assert ANSWER[57:62] == "Paris"


def test_spans_below_a_call_hang_from_it_in_full() -> None:
    below = SpanRecord(TRACE, "00000000000000e1", "POST", at_ms(60), at_ms(180), CHAT, "client")
    again = replace(chat(), span_id="00000000000000e2", start_ns=at_ms(190), end_ns=at_ms(200))
    text = render([*request(), below, again], full=True)
    tree = [line[:12] for line in text.split("\n") if "─ " in line]

    assert tree == ["  ├─ embeddi", "  ├─ retriev", "  ├─ chat gp", "  │  └─ POST", "  └─ chat gp"]


def test_a_search_inside_a_retriever_is_told_inside_it_and_one_inside_a_step_is_not() -> None:
    outer = request()[2]
    inner = replace(outer, span_id="00000000000000f1", name="retrieval store", parent_id=outer.span_id)
    step = SpanRecord(TRACE, "00000000000000f2", "step", outer.end_ns, outer.end_ns, request()[0].span_id)
    other = replace(outer, span_id="00000000000000f3", name="retrieval other", parent_id=step.span_id)
    other = replace(other, start_ns=outer.end_ns, end_ns=outer.end_ns)
    text = render([*request(), inner, step, other, UNFAITHFUL])
    tree = [line[:20] for line in text.split("\n") if "─ " in line]

    assert tree == [
        "  ├─ embeddings text", "  ├─ retrieval kb   ", "  │  └─ retrieval st", "  ├─ chat gpt-4o-min",
        "  └─ retrieval other",
    ]  # fmt: skip


def test_judgement_without_texts_says_where_to_look() -> None:
    spans = [
        replace(s, attributes={k: v for k, v in s.attributes.items() if "messages" not in k and "value" not in k[:13]})
        for s in request()
    ]
    evidence = [{"start": 30, "end": 63, "verdict": "unsupported", "probability": 0.1}]
    text = render([*spans, judged("faithfulness", 0.41, "unfaithful", False, evidence=evidence)])

    assert "✗ characters 30 to 63 of the answer (text not recorded)" in text
    assert "no support" not in text
