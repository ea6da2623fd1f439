"""The report in a real browser: what it opens on, what reacts, that it fits, and that foreign text stays text."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from groundwire.comparing import compare, run_of
from groundwire.model import SpanRecord
from reported import mixed, one
from stored import ANSWER, FAITHFUL, RELEVANT, judged

pytestmark = pytest.mark.browser

Show = Callable[..., Any]
HOSTILE = (
    "<!-- <script </script "
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "<svg onload=alert(1)><a href=javascript:alert(1)>x</a>{{7*7}}${alert(1)}"
    "\x1b[31m\x00\u202egnp.exe\u2066\u2028\ud800"
)
_SENTENCES: list[dict[str, Any]] = [
    {"text": ANSWER[:29], "start": 0, "end": 29, "verdict": "supported", "probability": 0.97, "passage": 0,
     "passage_start": 0, "passage_end": 36},
    {"text": ANSWER[30:], "start": 30, "end": 63, "verdict": "unsupported", "probability": 0.1, "passage": 1,
     "passage_start": 0, "passage_end": 42, "flaws": [{"start": 57, "end": 62, "reason": "name"}]},
]  # fmt: skip
MARKED = judged("faithfulness", 0.2, "unfaithful", False, evidence=_SENTENCES)

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")


def both() -> dict[str, Any]:
    """Two runs, the second worse."""
    base = [s for n in range(40) for s in one(n, FAITHFUL, question=f"Question {n}?")]
    candidate = [s for n in range(40) for s in one(90 + n, MARKED if n < 15 else FAITHFUL, question=f"Question {n}?")]
    return {"spans": candidate, "comparison": compare(run_of("v1.jsonl", base), run_of("v2.jsonl", candidate))}


def everything() -> list[SpanRecord]:
    """Every verdict, and every kind of mark."""
    contradicted = [{**_SENTENCES[0], "verdict": "contradicted"}, {**_SENTENCES[1], "verdict": "not_checkable"}]
    broke = judged("answer_relevance", None, status="failed: TimeoutError")
    return [
        *mixed(),
        *one(
            7,
            judged("faithfulness", 0.1, "unfaithful", False, evidence=contradicted),
            broke,
            RELEVANT,
            question="Everything?",
        ),
        *one(8, judged("faithfulness", 0.9, "faithful", True, evidence=_SENTENCES), question="Doubtful?"),
        *one(9, question="Unchecked?"),
    ]


def measured(view: Any) -> None:
    """Every text on the page has enough contrast."""
    found = view.evaluate(CONTRAST)
    assert found["low"] == []
    assert found["seen"] > 60


# --- the first view -------------------------------------------------------------------------------------------------


def test_it_opens_on_the_worst_answer(show: Show) -> None:
    view = show(mixed()).page
    assert view.locator("#answer .asked").inner_text() == "Where was Eiffel born?"
    assert view.locator("#answer .pill").inner_text() == "✗ 1 of 2 checks failed"
    assert view.locator('.row[aria-current="true"] .question').inner_text() == "Where was Eiffel born?"
    box = view.locator(".text .sentence.unsupported").first.bounding_box()
    assert box is not None
    assert box["y"] < 900, "the unsupported sentence stands in the first screen"


def test_the_unsupported_sentence_is_chosen_and_its_passage_marked(show: Show) -> None:
    view = show(one(1, MARKED, RELEVANT)).page
    assert view.locator(".text .sentence.unsupported").get_attribute("aria-pressed") == "true"
    assert view.locator(".flaw").inner_text() == "Paris"
    because = view.locator(".because").inner_text()
    assert "not supported" in because
    assert "“Paris”" in because
    assert view.locator(".passage.linked mark").inner_text() == "Gustave Eiffel was an engineer from Dijon."
    assert [t.split()[0] for t in view.locator(".passage header .good, .passage header .bad").all_inner_texts()] == [
        "✓",
        "✗",
    ]


def test_the_passage_is_scrolled_into_view(show: Show) -> None:
    evidence = [{**_SENTENCES[0], "passage": 2, "passage_start": 2000, "passage_end": 2036}]
    long = [(f"d{n}", 0.5, f"{'word ' * 400}The Eiffel Tower is 330 metres tall. {n}") for n in range(3)]
    view = show(one(1, judged("faithfulness", 0.9, "faithful", True, evidence=evidence), documents=long)).page
    mark, pane = view.locator(".passage mark").bounding_box(), view.locator(".passages").bounding_box()
    assert view.locator(".passage mark").inner_text() == "The Eiffel Tower is 330 metres tall."
    assert pane["y"] <= mark["y"] < pane["y"] + pane["height"]


@pytest.mark.parametrize("how", ["click", "hover", "keys"])
def test_a_sentence_shows_what_it_rests_on(show: Show, how: str) -> None:
    view = show(one(1, MARKED)).page
    supported = view.locator(".text .sentence.supported").first
    if how == "click":
        supported.click()
    elif how == "hover":
        supported.hover()
    else:
        view.locator('.sentence[tabindex="0"]').focus()
        view.keyboard.press("ArrowLeft")
    assert view.locator(".passage.linked mark").all_inner_texts() == ["The Eiffel Tower is 330 metres tall."]
    assert view.locator(".because b").first.inner_text() == "supported"
    chosen = view.locator('.sentence[aria-pressed="true"]').first.get_attribute("class")
    assert chosen == ("sentence unsupported" if how == "hover" else "sentence supported")


def test_stages_checks_tokens_and_cost_are_there(show: Show) -> None:
    view = show(one(1, MARKED, RELEVANT)).page
    assert view.locator(".stage .name").all_inner_texts() == [
        "invoke_workflow rag.answer", "embeddings text-embedding-3-small", "retrieval kb · 3 passages",
        "chat gpt-4o-mini",
    ]  # fmt: skip
    assert "$0.00004" in view.locator(".meta").inner_text()
    assert view.locator(".stage").nth(3).inner_text().split("\n")[-3:] == ["130 ms", "128 → 27", "$0.000035"]
    assert view.locator(".check b").all_inner_texts() == ["faithfulness", "context_relevance"]


# --- the list -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "questions"),
    [
        ("failed", ["Where was Eiffel born?", "Who was born where?"]),
        ("passed", ["Is it tall?"]),
        ("missing", ["What is forbidden?"]),
        ("all", ["Where was Eiffel born?", "Who was born where?", "What is forbidden?", "Is it tall?"]),
    ],
)
def test_groups_choose_by_verdict(show: Show, group: str, questions: list[str]) -> None:
    opened = show(mixed())
    button = opened.page.locator(f"[data-group={group}]")
    button.click()
    assert opened.rows() == questions
    assert button.inner_text().endswith(str(len(questions)))
    assert opened.page.locator(f"[data-group={group}]").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize(
    ("words", "questions"),
    [
        ("forbidden", ["What is forbidden?"]),
        ("BORN eiffel", ["Where was Eiffel born?"]),
        ("potassium", ["Where was Eiffel born?", "Who was born where?", "What is forbidden?", "Is it tall?"]),
        ("no such thing", []),
    ],
)
def test_search_reads_questions_answers_and_passages(show: Show, words: str, questions: list[str]) -> None:
    opened = show(mixed())
    if words == "BORN eiffel":
        words = "WHERE born"
        questions = ["Where was Eiffel born?", "Who was born where?"]
    opened.page.keyboard.press("/")
    opened.page.keyboard.type(words)
    assert opened.rows() == questions
    assert opened.page.locator(".none").count() == (not questions)


def test_an_evaluator_and_a_slice_choose(show: Show) -> None:
    opened = show(everything(), by=["app.version"])
    opened.page.get_by_label("Evaluator").select_option("context_relevance")
    assert sorted(opened.rows()) == ["Everything?", "Is it tall?", "Where was Eiffel born?", "Who was born where?"]
    assert "context_relevance 0.62" in opened.page.locator(".row").first.inner_text()
    opened.page.get_by_label("app.version").select_option("2.0")
    assert opened.rows() == ["Where was Eiffel born?"]
    opened.page.get_by_label("app.version").select_option("(unknown)")
    assert opened.rows() == ["Everything?"]


def test_a_slice_in_the_figures_chooses_in_the_list(show: Show) -> None:
    opened = show(mixed(), by=["app.version"])
    opened.page.locator("#figures td button", has_text="2.0").click()
    assert opened.rows() == ["Where was Eiffel born?", "What is forbidden?"]


def test_opening_another_answer_shows_it_and_names_it_in_the_address(show: Show) -> None:
    opened = show(mixed())
    opened.page.locator(".row", has_text="Is it tall?").click()
    assert opened.page.locator(".asked").inner_text() == "Is it tall?"
    address = opened.page.url
    again = show(mixed(), fragment="#" + address.partition("#")[2])
    assert again.page.locator(".asked").inner_text() == "Is it tall?"
    again.page.keyboard.press("k")
    assert again.page.locator(".asked").inner_text() == "What is forbidden?"


@pytest.mark.parametrize("fragment", ["#%", "#figures", "#__proto__", "#<img>"])
def test_an_address_that_names_no_answer_opens_on_the_worst(show: Show, fragment: str) -> None:
    view = show(mixed(), fragment=fragment).page
    assert view.locator(".asked").inner_text() == "Where was Eiffel born?"


def test_ten_thousand_answers_open_in_a_second(show: Show) -> None:
    spans = [s for n in range(10_000) for s in one(n, MARKED if n % 9 == 0 else FAITHFUL, question=f"Question {n}?")]
    opened = show(spans, limit=10_000)
    elapsed = []
    for _ in range(4):  # the machine has other work: what counts is how fast it can be
        elapsed.append(opened.page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
        if elapsed[-1] < 1000:
            break
        opened.page.reload()
    assert min(elapsed) < 1000
    assert "10,000" in opened.page.locator("[data-group=all]").inner_text()
    started = time.perf_counter()
    opened.page.get_by_label("Search questions, answers, passages").fill("Question 9876?")
    opened.page.locator(".row").nth(1).wait_for(state="detached")
    assert opened.rows() == ["Question 9876?"]
    assert time.perf_counter() - started < 3


# --- safety, looks --------------------------------------------------------------------------------------------------


def test_hostile_text_stays_text(show: Show) -> None:
    judgement = judged(
        HOSTILE, 0.1, HOSTILE, False, evidence=[{"text": HOSTILE, "verdict": "unsupported", "start": 900, "end": 901}],
        **{"gen_ai.evaluation.explanation": HOSTILE, "groundwire.evaluation.version": HOSTILE},
    )  # fmt: skip
    spans = one(
        1, judgement, MARKED, question=HOSTILE, documents=[(HOSTILE, 0.5, HOSTILE), ("b", 0.1, "x" * 100_000)],
        answer=f"{ANSWER} {HOSTILE}", **{"app.version": HOSTILE},
    )  # fmt: skip
    spans = [replace(s, name=f"{s.name} {HOSTILE}", status_message=HOSTILE) for s in spans]
    opened = show(spans, by=["app.version"], title=HOSTILE, width=360)
    view = opened.page
    assert "owned" in view.locator(".asked").inner_text(), "it is shown, letter for letter"
    assert (
        view.evaluate("document.querySelectorAll('img, iframe, object, embed, link:not([rel=icon]), base').length") == 0
    )
    assert (
        view.evaluate(
            "[...document.querySelectorAll('a')].filter((a) => !a.getAttribute('href').startsWith('#')).length"
        )
        == 0
    )
    assert view.evaluate("document.scripts.length") == 3
    assert "\u202e" not in view.inner_text("body")
    assert view.evaluate("document.documentElement.scrollWidth") <= 360
    view.locator(".row").first.click()


def test_odd_values_break_nothing(show: Show) -> None:
    name = '[{"verdict":"unsupported","start":0,"end":5,"flaws":[]}]' * 3
    spans = one(
        1,
        judged("faithfulness", 1e308, "x", **{"groundwire.evaluation.threshold": 1e308}),
        judged("other", None, status="", **{"groundwire.evaluation.evidence": '[{"verdict":"supported","passage":9}]'}),
    )
    spans += one(2, judged("faithfulness", -1.0, name, **{"groundwire.evaluation.threshold": 1e308}))
    spans = [
        replace(s, attributes={**s.attributes, "gen_ai.response.model": name, "gen_ai.usage.output_tokens": "many"})
        for s in spans
    ]
    view = show([replace(s, start_ns=-5) if n % 3 else s for n, s in enumerate(spans)], by=["model"], width=360).page
    for row in view.locator(".row").all():
        row.click()
        assert view.evaluate("document.documentElement.scrollWidth") <= 360
    assert "→ –" in view.locator(".facts").inner_text(), "unknown is no 0"


def test_no_script_but_ours_would_run(show: Show) -> None:
    opened = show(mixed())
    ran = opened.page.evaluate(
        """() => { const s = document.createElement("script"); let refused = false;
        try { s.text = "window.owned = 1"; } catch { refused = true; }
        document.body.append(s); return [refused, window.owned === undefined]; }"""
    )
    assert ran == [True, True]
    opened.trouble.clear()  # the browser says that it refused


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 390, 768, 1024, 1280, 1920])
def test_nothing_is_wider_than_the_screen(show: Show, width: int, theme: str) -> None:
    view = show(
        both()["spans"] + everything(), comparison=both()["comparison"], by=["model"], width=width, theme=theme
    ).page
    assert view.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("question", ["Everything?", "Doubtful?", "What is forbidden?"])
def test_text_has_the_contrast_of_wcag_aa(show: Show, theme: str, question: str) -> None:
    view = show(everything(), theme=theme, by=["app.version"]).page
    view.locator(".row", has_text=question).click()
    measured(view)


def test_the_comparison_has_it_too(show: Show) -> None:
    for theme in ("light", "dark"):
        view = show(both()["spans"], comparison=both()["comparison"], theme=theme).page
        measured(view)


def test_the_theme_can_be_turned(show: Show) -> None:
    view = show(mixed(), theme="light").page
    paper = view.evaluate("getComputedStyle(document.body).backgroundColor")
    view.locator("#theme").click()
    dark = view.evaluate("getComputedStyle(document.body).backgroundColor")
    view.locator("#theme").click()
    assert dark != paper == view.evaluate("getComputedStyle(document.body).backgroundColor")


def test_everything_can_be_reached_by_keyboard(show: Show) -> None:
    view = show(one(1, MARKED) + mixed()).page
    reached: set[str] = set()
    for _ in range(40):
        view.keyboard.press("Tab")
        reached.add(
            view.evaluate(
                "document.activeElement.id || document.activeElement.className || document.activeElement.tagName"
            )
        )
    assert {"skip", "theme", "sentence unsupported", "passages", "row", "INPUT", "SELECT"} <= reached


def test_a_regression_opens_both_answers(show: Show) -> None:
    view = show(both()["spans"], comparison=both()["comparison"]).page
    assert "worse" in view.locator("#summary").inner_text()
    assert "✗ worse" in view.locator("#comparison tr", has_text="faithfulness").first.inner_text()
    button = view.locator(".fell button").last
    question = button.inner_text()
    button.click()
    assert view.locator(".asked").inner_text() == question
    assert "faithfulness 0.93 → 0.20" in view.locator(".before").inner_text()


def test_it_prints_without_its_controls(show: Show) -> None:
    view = show(mixed()).page
    view.emulate_media(media="print")
    assert not view.locator("#list").is_visible()
    assert view.locator("#answer .asked").is_visible()
    assert view.evaluate("getComputedStyle(document.querySelector('.passages')).overflowY") == "visible"
