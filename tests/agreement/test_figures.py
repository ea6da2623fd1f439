import struct
import zlib
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwire.agreement import (
    Confusion,
    Observed,
    agree,
    auc,
    average_precision,
    bootstrap_intervals,
    compare,
    corrected,
    ece,
    judge,
    reliability,
    rogan_gladen,
)  # fmt: skip
from groundwire.agreement.canvas import Canvas, text_width
from groundwire.agreement.plot import reliability_png
from groundwire.agreement.reliability import strips
from groundwire.errors import ConfigurationError
from groundwire.labelled import Labelled
from groundwire.model import RagChain, Score

# --- ranking ---


def plain_average_precision(good: list[bool]) -> float:
    return sum(sum(good[: i + 1]) / (i + 1) for i, g in enumerate(good) if g) / sum(good)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6))
def test_average_precision_of_ties_is_the_mean_over_their_orders(rows: list[tuple[int, bool]]) -> None:
    values, good = [v / 4 for v, _ in rows], [g for _, g in rows]
    if not any(good):
        assert average_precision(values, good) is None
        return
    orders = [o for o in permutations(rows) if [v for v, _ in o] == sorted((v for v, _ in o), reverse=True)]
    expected = sum(plain_average_precision([g for _, g in o]) for o in orders) / len(orders)
    assert average_precision(values, good) == pytest.approx(expected)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_auc_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    pairs = [(a, b) for a, x in rows for b, y in rows if x and not y]
    if pairs:
        expected = sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)
        assert auc([v for v, _ in rows], [g for _, g in rows]) == pytest.approx(expected)


# --- counts ---


def test_counts_and_rates_by_hand() -> None:
    flagged = np.array([True, True, True, False, False])
    good = np.array([False, False, True, False, True])
    found = Confusion.of(flagged, good)
    assert found == Confusion(caught=2, missed=1, false_alarms=1, cleared=1)
    assert (found.n, found.bad, found.good, found.flagged) == (5, 3, 2, 3)
    assert (found.tpr, found.tnr, found.precision) == (pytest.approx(2 / 3), 0.5, pytest.approx(2 / 3))
    assert found.kappa == pytest.approx((3 / 5 - 13 / 25) / (1 - 13 / 25))


def test_rates_of_a_class_that_is_not_there_are_unknown() -> None:
    found = Confusion(caught=0, missed=0, false_alarms=1, cleared=3)
    assert (found.tpr, found.f1, found.kappa, found.balanced_accuracy) == (None, None, None, None)
    assert (found.tnr, found.precision) == (0.75, 0.0)
    assert Confusion(0, 0, 0, 0).as_json()["flagged_share"] is None


# --- correction ---


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0.55, 1), st.floats(0.55, 1))
def test_correction_undoes_what_errors_do_to_a_rate(true: float, tpr: float, tnr: float) -> None:
    observed = true * tpr + (1 - true) * (1 - tnr)
    assert rogan_gladen(observed, tpr, tnr) == pytest.approx(true, abs=1e-9)


def test_correction_stays_a_share_and_knows_when_there_is_none() -> None:
    assert rogan_gladen(0.01, 0.9, 0.9) == 0
    assert rogan_gladen(0.99, 0.9, 0.9) == 1
    assert rogan_gladen(0.5, 0.5, 0.5) is None
    assert rogan_gladen(0.5, None, 0.9) is None


def labelled_errors(n: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """TPR 0.8 and TNR 0.9, over n rows of n sources, half of them bad."""
    good = np.arange(n) % 2 == 0
    flagged = np.where(good, np.arange(n) % 20 == 0, np.arange(n) % 10 != 1)
    return flagged, good, [str(i) for i in range(n)]


def test_an_observed_rate_is_corrected_with_an_interval_that_narrows_with_labels() -> None:
    observed = Observed.parse("300/1000")
    few, many = (corrected(observed, *labelled_errors(n)) for n in (100, 2000))
    assert few.share == many.share == pytest.approx((0.3 - 0.1) / 0.7)
    assert few.possible
    assert few.interval is not None
    assert many.interval is not None
    assert few.interval[0] < many.interval[0] < 0.2857 < many.interval[1] < few.interval[1]
    assert corrected(observed, *labelled_errors(100)) == few


def test_a_rate_that_the_errors_rule_out_is_marked() -> None:
    assert not corrected(Observed(0.05), *labelled_errors(200)).possible
    nothing = corrected(Observed(0.05), np.zeros(4, bool), np.array([True, False, True, False]), ["a", "b", "c", "d"])
    assert (nothing.share, nothing.interval) == (None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("240/2000", Observed(0.12, 2000)), ("12%", Observed(0.12)), ("0.12", Observed(0.12)), ("0/5", Observed(0.0, 5))],
)
def test_shares_are_read(text: str, expected: Observed) -> None:
    assert Observed.parse(text) == expected


@pytest.mark.parametrize("text", ["", "a", "3/2", "1/0", "-1/5", "1.2", "nan", "120%", "1/2/3"])
def test_what_is_no_share_is_a_mistake(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is no share"):
        Observed.parse(text)


# --- calibration ---


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50))
def test_bins_hold_every_row_and_make_up_the_calibration_error(rows: list[tuple[float, bool]]) -> None:
    values, good = np.array([v for v, _ in rows]), np.array([g for _, g in rows])
    bins = reliability(values, good)
    assert sum(b.n for b in bins) == len(rows)
    assert sum(b.n * abs(b.mean - b.good) for b in bins) / len(rows) == pytest.approx(ece(values, good))
    lines = strips(bins)
    assert {len(line) for line in lines[1:]} <= {len(lines[0])}
    assert len(lines[0]) <= 80


def decoded(png: bytes) -> tuple[int, int, bytes]:
    """Width, height and pixels, read chunk by chunk with every checksum."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, data, size = 8, b"", (0, 0)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
            assert body[8:] == bytes([8, 2, 0, 0, 0])
        data += body if kind == b"IDAT" else b""
        at += 12 + length
    rows = zlib.decompress(data)
    stride = 3 * size[0] + 1
    assert len(rows) == stride * size[1]
    assert not any(rows[::stride])
    return size[0], size[1], b"".join(rows[y * stride + 1 : (y + 1) * stride] for y in range(size[1]))


def test_picture_is_a_png_with_a_disc_where_the_bin_is() -> None:
    bins = reliability(np.array([0.25, 0.25, 0.75, 0.75]), np.array([False, False, True, True]))
    width, height, pixels = decoded(reliability_png(bins, "faithfulness v1: ECE 0.250", "4 scored rows" * 20))
    assert (width, height) == (600, 640)

    def at(x: int, y: int) -> tuple[int, ...]:
        return tuple(pixels[3 * (y * width + x) : 3 * (y * width + x) + 3])

    left, bottom, side = 76, 76 + 480, 480
    assert at(left + round(0.25 * side) - 6, bottom - 2 * 4) == (25, 113, 194)
    assert at(left + round(0.75 * side), bottom - side) == (25, 113, 194)
    assert at(left + side // 4, bottom - side // 8) == (255, 168, 168)
    assert at(left + side // 10, bottom - side // 2) == (255, 255, 255)


def test_picture_of_no_bins_has_axes_alone() -> None:
    assert decoded(reliability_png((), "nothing"))[:2] == (600, 640)


def test_text_outside_the_canvas_is_cut_and_unknown_signs_are_boxes() -> None:
    canvas = Canvas(10, 10)
    canvas.text(-3, -3, "ABC\u20ac", (0, 0, 0), 2)
    canvas.disc(9, 9, 5, (1, 2, 3))
    assert canvas.pixel(9, 9) == (1, 2, 3)
    boxed = Canvas(5, 7)
    boxed.text(0, 0, "\u20ac", (0, 0, 0))
    assert {boxed.pixel(x, y) for x in range(5) for y in (0, 6)} == {(0, 0, 0)}
    assert boxed.pixel(2, 3) == (255, 255, 255)
    assert text_width("ab") == 11


# --- resamples and comparisons ---


def test_several_intervals_come_from_the_same_draws() -> None:
    sources = [str(i // 3) for i in range(60)]
    values = np.arange(60) % 11 / 11
    found = bootstrap_intervals(
        lambda i: {"mean": float(values[i].mean()), "less": float(values[i].mean()) - 1, "never": None}, sources
    )
    assert found["never"] is None
    assert found["mean"] is not None
    assert found["less"] == pytest.approx([x - 1 for x in found["mean"]])
    assert bootstrap_intervals(lambda i: {"mean": 1.0}, ["a"] * 9) == {}


@dataclass(frozen=True)
class Noisy:
    """Right about a share of the rows, which ones told by their text."""

    right: int
    turn: int = 0
    name: str = "faithfulness"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score:
        number, good = chain.answer.split()
        told = (good == "good") == ((int(number) * 7919 + self.turn) % 100 < self.right)
        return Score(0.8 if told else 0.2, "some", passed=told)


ROWS = [
    Labelled(
        None, ("p",), f"{i} {'good' if i % 3 else 'bad'}", {"faithfulness": bool(i % 3)}, source=str(i // 2), line=i
    )
    for i in range(400)
]


def test_a_real_difference_is_told_from_chance() -> None:
    better, worse, alike = (judge(ROWS, noisy) for noisy in (Noisy(90), Noisy(60), Noisy(90, turn=50)))
    found = compare(better, worse)
    assert (found.n, found.sources) == (400, 200)
    assert set(found.differences) == {"auc", "f1", "balanced_accuracy", "kappa"}
    difference = found.differences["auc"]
    assert difference.value == pytest.approx(agree(ROWS, Noisy(90)).auc["all"] - agree(ROWS, Noisy(60)).auc["all"])
    assert difference.excludes_zero
    assert compare(better, alike).differences["auc"].excludes_zero is False
    assert compare(better, better).differences["auc"].interval == (0, 0)
    assert compare(better, better).same_verdict == 1
    assert found == compare(better, worse)


def test_comparison_of_different_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="not judged on the same rows"):
        compare(judge(ROWS, Noisy(90)), judge(ROWS[1:], Noisy(90)))
    turned = [replace(r, good={"faithfulness": not r.good["faithfulness"]}) for r in ROWS]
    with pytest.raises(ValueError, match="different labels"):
        compare(judge(ROWS, Noisy(90)), judge(turned, Noisy(90)))
