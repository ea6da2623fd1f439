"""Recordings of other SDKs and `groundwire score`: what comes out is what assembly in one go finds."""

from pathlib import Path

import pytest

from groundwire.chain import chains
from groundwire.checks import is_evaluation
from groundwire.traces import joined, open_source
from pipeline.conftest import Score
from pipeline.test_score import spans_in

RECORDINGS = sorted((Path(__file__).parent.parent / "recordings").glob("*.jsonl"))


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_recording_is_scored_and_nothing_of_it_is_lost(score: Score, place: Path, recording: Path) -> None:
    spans = {(s.trace_id, s.span_id): s for s in joined(open_source(str(recording)))}
    expected = chains(spans.values())
    result = score(str(recording), "-o", "out.jsonl", "-e", "judges:hashed", "--json")

    assert result.code == 0, result.err
    assert result.json["answers"] == len(expected.chains)
    assert sum(result.json["not_answers"].values()) == len(expected.rejected)
    written = spans_in("out.jsonl")
    judged = {(s.trace_id, s.parent_id) for s in written.values() if is_evaluation(s) and s.name == "evaluate hashed"}
    assert judged == {(c.trace_id, c.span_id) for c in expected.chains}
    for key, span in spans.items():
        kept = written[key]
        assert span.attributes.items() <= kept.attributes.items()
        assert (kept.name, kept.parent_id, kept.events, kept.links) == (
            span.name, span.parent_id, span.events, span.links,
        )  # fmt: skip


def test_there_are_recordings() -> None:
    assert len(RECORDINGS) >= 9
