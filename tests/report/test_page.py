"""The page as data: what is in it, in which order, and that nothing in a trace can be more than text."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwire.model import SpanRecord
from groundwire.report import page
from reported import Document, listed, mixed, one, opened
from stored import ANSWER, CHAT, FAITHFUL, RELEVANT, ROOT, UNFAITHFUL, at_ms, chat, judged, request

HOSTILE = (
    "</script><script>alert(1)</script>", "</script ", "</SCRIPT\t/", "<!-- <script ",
    "<img src=x onerror=alert(1)>", "<!--<script>", "]]>", "\x1b[31mred\x1b[0m",
    "a\u202eb\u2066c", "nul\x00nul", "\u2028\u2029", "\ud800 alone", "{{script}}", "&lt;b&gt;", "'\"`${alert(1)}",
    "\\u003c/script>", "x" * 300_000, "e" + "\u0301" * 5_000,
)  # fmt: skip


def test_the_worst_answer_comes_first() -> None:
    rows = opened(mixed()).data["rows"]
    assert [r["question"] for r in rows] == [
        "Where was Eiffel born?", "Who was born where?", "What is forbidden?", "Is it tall?",
    ]  # fmt: skip
    assert [r["verdict"] for r in rows] == ["failed", "failed", "not_scored", "passed"]


def test_a_sentence_is_marked_with_its_flaws_and_its_passage() -> None:
    evidence: list[dict[str, Any]] = [
        {"text": ANSWER[:29], "start": 0, "end": 29, "verdict": "supported", "probability": 0.9, "passage": 0,
         "passage_start": 0, "passage_end": 34},
        {"text": ANSWER[30:], "start": 30, "end": 63, "verdict": "unsupported", "probability": 0.1, "passage": 1,
         "flaws": [{"start": 57, "end": 62, "reason": "name"}]},
    ]  # fmt: skip
    (detail,) = opened(one(0, judged("faithfulness", 0.4, "unfaithful", False, evidence=evidence))).details
    good, bad = detail["checks"][0]["marks"]
    assert detail["answer"]["text"][bad["flaws"][0][0] : bad["flaws"][0][1]] == "Paris"
    assert (
        detail["passages"][good["passage"]]["text"][good["from"] : good["to"]]
        == "The Eiffel Tower is 330 metres tall."[:34]
    )
    assert (good["verdict"], bad["verdict"], bad["passage"]) == ("supported", "unsupported", 1)
    assert "from" not in bad


def test_offsets_are_counted_as_scripts_count() -> None:
    answer = "😀 It is tall. 😀 It is old."
    evidence = [{"text": "It is old.", "start": 16, "end": 26, "verdict": "unsupported", "probability": 0.1}]
    assert answer[16:26] == "It is old."
    (detail,) = opened(
        one(0, judged("faithfulness", 0.4, "unfaithful", False, evidence=evidence), answer=answer)
    ).details
    (mark,) = detail["checks"][0]["marks"]
    units = detail["answer"]["text"].encode("utf-16-le")
    assert units[2 * mark["start"] : 2 * mark["end"]].decode("utf-16-le") == "It is old."


def test_words_far_down_a_long_passage_are_quoted() -> None:
    passage = f"{'word ' * 5_000}The tower is 330 metres tall."
    evidence = [
        {"start": 0, "end": 29, "verdict": "supported", "passage": 0, "passage_start": 25_000, "passage_end": 25_029}
    ]
    judgement = judged("faithfulness", 0.9, "faithful", True, evidence=evidence)
    (detail,) = opened(one(0, judgement, documents=[("d1", 0.9, passage)])).details
    assert detail["checks"][0]["marks"][0]["quote"] == "The tower is 330 metres tall."
    assert detail["passages"][0]["more"] == 17_029


def test_relevance_stands_beside_each_passage() -> None:
    (detail,) = opened(one(0, RELEVANT)).details
    assert [(a["passage"], a["verdict"]) for a in detail["checks"][0]["about"]] == [(0, "relevant"), (2, "irrelevant")]
    assert [p["id"] for p in detail["passages"]] == ["d1", "d2", "d3"]


@pytest.mark.parametrize(
    "evidence",
    [
        [{"verdict": "unsupported"}],
        [{"verdict": "unsupported", "start": "0", "end": True}],
        [{"verdict": "unsupported", "start": -4, "end": 10**30}],
        [{"verdict": "unsupported", "start": 0, "end": 9, "text": "not these words"}],
        [{"verdict": "unsupported", "start": 0, "end": 29, "passage": 99, "flaws": "no", "probability": "high"}],
        [{"verdict": "unsupported", "start": 0, "end": 29, "passage": -1, "flaws": [1, {"start": 5, "end": 2}]}],
        [{"verdict": ["unsupported"], "start": 0, "end": 29}],
        [{"verdict": "relevant", "passage": 7}, {"verdict": "relevant"}, 3, None],
    ],
)
def test_odd_evidence_is_no_error(evidence: list[Any]) -> None:
    (detail,) = opened(one(0, judged("faithfulness", 0.4, "unfaithful", False, evidence=evidence))).details
    for mark in detail["checks"][0]["marks"]:
        assert 0 <= mark["start"] < mark["end"] <= len(ANSWER)
        assert mark.get("passage", 0) < 3


def test_overlapping_sentences_are_told_and_not_nested() -> None:
    evidence = [
        {"start": 0, "end": 29, "verdict": "supported", "probability": 0.9},
        {"start": 10, "end": 40, "text": ANSWER[10:40], "verdict": "unsupported", "probability": 0.1},
    ]
    (detail,) = opened(one(0, judged("faithfulness", 0.4, "unfaithful", False, evidence=evidence))).details
    assert [m["end"] for m in detail["checks"][0]["marks"]] == [29]
    assert [n["text"] for n in detail["checks"][0]["notes"]] == [ANSWER[10:40]]


# --- figures --------------------------------------------------------------------------------------------------------


def test_what_was_not_scored_is_counted_apart_and_never_zero() -> None:
    (faithfulness, *_) = opened(mixed()).data["figures"]["evaluators"]
    assert faithfulness["scored"] == 3
    assert faithfulness["mean"] == pytest.approx((0.93 + 0.41 + 0.05) / 3)
    assert faithfulness["not_scored"] == [["refusal", 1]]
    assert sum(faithfulness["histogram"]["counts"]) == 3
    row = next(r for r in opened(mixed()).data["rows"] if r["verdict"] == "not_scored")
    assert row["reason"] == "refusal"
    assert [None, None] in row["scores"]


def test_percentiles_are_values_that_occurred() -> None:
    spans = [s for n in range(100) for s in one(n, FAITHFUL)]
    spans = [replace(s, end_ns=s.start_ns + (at_ms(186) - at_ms(0))) if s.span_id == ROOT else s for s in spans]
    slow = [
        replace(s, end_ns=s.end_ns + 10**10) if s.trace_id == spans[0].trace_id and s.span_id == ROOT else s
        for s in spans
    ]
    duration = opened(slow).data["figures"]["requests"]["duration_ms"]
    assert (duration["p50"], duration["p95"], duration["p99"]) == (186.0, 186.0, 186.0)
    assert duration["max"] == 10186.0
    assert duration["n"] == 100


def test_a_cost_that_is_not_known_is_left_out_of_the_mean() -> None:
    priced, free = one(0, FAITHFUL), one(1, FAITHFUL)
    free = [replace(s, attributes={k: v for k, v in s.attributes.items() if "cost" not in k}) for s in free]
    cost = opened([*priced, *free]).data["figures"]["requests"]["cost_usd"]
    assert (cost["n"], cost["mean"]) == (1, 0.00004)
    assert [r["usd"] for r in opened([*priced, *free]).data["rows"]].count(None) == 1


def test_figures_are_over_all_answers_and_the_list_over_the_worst() -> None:
    spans = [*mixed(), *(s for n in range(10, 30) for s in one(n, FAITHFUL))]
    whole, bounded = opened(spans).data, opened(spans, limit=2)
    assert bounded.data["figures"] == whole["figures"]
    assert bounded.data["answers"] == 24
    assert [r["question"] for r in bounded.data["rows"]] == ["Where was Eiffel born?", "Who was born where?"]
    assert len(bounded.details) == 2


def test_slices_have_an_interval_and_name_what_is_unknown() -> None:
    spans = [*mixed(), *one(9, FAITHFUL)]
    (slices,) = opened(spans, by=["app.version"]).data["figures"]["slices"]
    values = {v["value"]: v for v in slices["values"]}
    assert {name: (v["answers"], v["failed"], v["judged"]) for name, v in values.items()} == {
        "1.0": (2, 1, 2), "2.0": (2, 1, 1), "": (1, 0, 1),
    }  # fmt: skip
    low, high = values["1.0"]["failed_interval"]
    assert 0 < low < 0.5 < high < 1


def test_a_model_is_a_slice_by_name() -> None:
    (slices,) = opened(mixed(), by=["model"]).data["figures"]["slices"]
    assert [v["value"] for v in slices["values"]] == ["gpt-4o-mini"]


def test_numbers_that_are_none_stay_out() -> None:
    odd = [
        judged("faithfulness", float("nan"), "x"), judged("b", float("inf"), "x"), judged("c", 1e308, "x"),
        judged("d", -1e308, "x"), judged("e", 10**400, "x"),
    ]  # fmt: skip
    spans = one(0, *odd, **{"groundwire.request.cost": float("nan")})
    again = [*spans, *one(1, judged("c", -1e308, "x"), judged("d", 1e308, "x"))]
    data = opened(again).data
    assert "NaN" not in json.dumps(data)
    assert "Infinity" not in json.dumps(data)
    assert {e["name"]: e["scored"] for e in data["figures"]["evaluators"]} == {
        "faithfulness": 0, "b": 0, "c": 2, "d": 2, "e": 0,
    }  # fmt: skip


# --- what is told though there is no text ---------------------------------------------------------------------------


def test_scores_without_content_are_listed() -> None:
    spans = [
        replace(s, attributes={k: v for k, v in s.attributes.items() if "messages" not in k and "value" not in k})
        for s in request()
    ]
    judgement = judged(
        "faithfulness", 0.4, "unfaithful", False,
        evidence=[{"start": 30, "end": 63, "verdict": "unsupported", "probability": 0.1}],
    )  # fmt: skip
    document = opened(one(0, judgement, spans=spans))
    (row,), (detail,) = document.data["rows"], document.details
    assert (row["kind"], row["verdict"], row["lead"]) == ("unrecorded", "failed", "")
    assert detail["checks"][0]["notes"][0]["text"] == "characters 30 to 63, text not recorded"


def test_a_request_that_ended_in_an_error_is_listed_before_those_that_passed() -> None:
    broken = [
        replace(s, status="error", status_message="rate limited") if s.span_id in (ROOT, CHAT) else s for s in request()
    ]
    broken = [
        replace(s, attributes={k: v for k, v in s.attributes.items() if "output" not in k}) if s.span_id == CHAT else s
        for s in broken
    ]
    document = opened([*one(0, spans=broken), *one(1, FAITHFUL)])
    assert [(r["kind"], r["verdict"]) for r in document.data["rows"]] == [("no_answer", "error"), ("answer", "passed")]
    assert document.details[0]["error"] == "rate limited"


def test_a_retrieval_hours_before_its_answer_does_not_stretch_the_stages() -> None:
    first = one(0, spans=[replace(s, parent_id=None) for s in request() if s.name.startswith("retrieval")])
    hours = 5 * 3600 * 10**9
    from groundwire.model import SpanLink

    answer = [
        replace(s, parent_id=None, start_ns=s.start_ns + hours, end_ns=s.end_ns + hours,
                links=(SpanLink(first[0].trace_id, first[0].span_id),))
        for s in one(1, spans=[chat()])
    ]  # fmt: skip
    (detail,) = opened([*first, *answer]).details
    assert [(s["kind"], s["from"], s["ms"]) for s in detail["stages"]] == [
        ("retrieval", 0.0, 55.0),
        ("chat", 55.0, 130.0),
    ]


# --- safe -----------------------------------------------------------------------------------------------------------


def _hostile(text: str) -> list[SpanRecord]:
    judgement = judged(
        text[:200], 0.1, text[:200], False,
        evidence=[{"text": text[:200], "start": 0, "end": 3, "verdict": "unsupported"}],
        **{"gen_ai.evaluation.explanation": text, "groundwire.evaluation.version": text},
    )  # fmt: skip
    spans = one(
        0, judgement, question=text, answer=f"{text} and more", documents=[(text[:50], 0.5, f"{text} is a passage.")],
        **{"app.version": text},
    )  # fmt: skip
    named = [
        replace(s, name=text, status_message=text, attributes={**s.attributes, "gen_ai.request.model": text})
        for s in spans
    ]
    return named


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_adds_no_element(text: str) -> None:
    harmless, hostile = (Document(page(listed(_hostile(t), source=t), by=["app.version"])) for t in ("calm", text))
    assert hostile.tags == [
        (tag, {**found, "content": hostile.tags[i][1].get("content")} if "http-equiv" in found else found)
        for i, (tag, found) in enumerate(harmless.tags)
    ]
    assert hostile.blocks["script"] == harmless.blocks["script"]
    blocks = re.findall(r'<script type="application/json" id="\w+">(.*?)</script>', hostile.text, re.DOTALL)
    assert len(blocks) == 2
    assert not any(set("<>&") & set(block) for block in blocks)
    assert hostile.text.encode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\u2028\u2029\u202a-\u202e\u2066-\u2069]", hostile.text)
    assert len(hostile.text) < 400_000


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("<>&/\"'\x00\ud800\u202e😀")), max_size=60))
def test_any_text_comes_out_as_it_went_in_but_for_controls(text: str) -> None:
    document = opened(one(0, FAITHFUL, question="What?", answer=f"It says: {text}|"))
    shown = document.details[0]["answer"]["text"]
    assert len(shown) == len(f"It says: {text}|")
    changed = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
    for before, after in zip(f"It says: {text}|", shown, strict=True):
        assert before == after or changed.match(before)


_ODD: Any = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=8),
    st.lists(st.integers(), max_size=3),
    st.lists(
        st.fixed_dictionaries(
            {"verdict": st.sampled_from(["supported", "unsupported", "relevant", "x", None, []])},
            optional={
                key: st.one_of(st.integers(-3, 70), st.none(), st.text(max_size=3), st.lists(st.integers(), max_size=2))
                for key in ("start", "end", "passage", "passage_start", "passage_end", "probability", "flaws", "text")
            },
        ),
        max_size=4,
    ).map(json.dumps),
)  # fmt: skip
_SPANS = mixed()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_attributes_say_there_is_a_page(data: st.DataObject) -> None:
    spans = list(_SPANS)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(spans) - 1))
        key = data.draw(st.sampled_from([*sorted(spans[place].attributes), "groundwire.request.cost", "error.type"]))
        spans[place] = replace(spans[place], attributes={**spans[place].attributes, key: data.draw(_ODD)})
    found = listed(spans)
    document = Document(page(found, by=["model", "app.version"]))
    assert len(document.data["rows"]) == len(document.details) == len(found.entries)


def test_the_policy_allows_our_script_and_style_and_nothing_else() -> None:
    document = opened(mixed())
    policy = next(found["content"] for tag, found in document.tags if found.get("http-equiv")) or ""

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert dict(part.split(" ", 1) for part in policy.split("; ")) == {
        "default-src": "'none'", "script-src": digest(document.blocks["script"]),
        "style-src": digest(document.blocks["style"]), "img-src": "data:", "base-uri": "'none'",
        "form-action": "'none'", "require-trusted-types-for": "'script'",
    }  # fmt: skip


def test_nothing_points_outside() -> None:
    document = opened(mixed())
    places = set(re.findall(r"(?:https?:)?//[\w.]+", document.text))
    assert places <= {"http://www.w3.org", "//www.w3.org"}, "namespaces of SVG are names, not addresses"
    assert not [found for _, found in document.tags if "src" in found]
    assert {found["href"] for tag, found in document.tags if tag == "a"} == {"#answer"}


def test_our_script_never_parses_text_as_markup() -> None:
    scripts = "".join(
        f.read_text() for f in (files("groundwire.report") / "assets").iterdir() if f.name.endswith(".js")
    )
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        "srcdoc",
        "DOMParser",
    ):
        assert word not in scripts


def test_equal_runs_give_equal_pages() -> None:
    spans = mixed()
    assert page(listed(spans)) == page(listed(list(reversed(spans))))


def test_a_title_is_text() -> None:
    assert Document(page(listed(mixed()), title="<b>&amp;</b>")).title == "<b>&amp;</b>"
    assert Document(page(listed(mixed(), source="/somewhere/private/run.jsonl"))).title == "run.jsonl"


# --- two runs -------------------------------------------------------------------------------------------------------


def test_two_runs_stand_side_by_side() -> None:
    from groundwire.comparing import compare, run_of

    base = [s for n in range(60) for s in one(n, FAITHFUL, question=f"Question {n}?")]
    candidate = [
        s for n in range(60) for s in one(100 + n, UNFAITHFUL if n < 12 else FAITHFUL, question=f"Question {n}?")
    ]
    comparison = compare(run_of("v1", base), run_of("v2", candidate))
    document = opened(candidate, comparison=comparison)
    found = document.data["comparison"]
    assert (found["base"], found["pairs"]) == ("v1", 60)
    difference = next(d for d in found["differences"] if d["name"] == "faithfulness")
    assert difference["trend"] == "worse"
    assert len(found["worst"]) == 8
    assert found["worst"][0]["key"] in {r["key"] for r in document.data["rows"]}
    assert document.data["rows"][0]["before"] == [0.93]
    assert document.details[0]["before"]["checks"][0]["value"] == 0.93
