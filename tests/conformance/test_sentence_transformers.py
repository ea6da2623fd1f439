"""What cross-encoders are asked and is no reranking (`make test-rerankers`)."""

import pytest

pytest.importorskip("sentence_transformers", reason="make test-rerankers")

from sentence_transformers import CrossEncoder

from conformance.harness import traced
from conformance.sentence_transformers_cases import PAIRS, PROVIDER, encoder, weights


def test_a_model_with_several_labels_classifies_and_ranks_nothing() -> None:
    classifier = CrossEncoder(weights(3), device="cpu")
    with traced(PROVIDER) as tracing:
        assert classifier.predict(PAIRS, show_progress_bar=False).shape == (3, 3)
        assert tracing.spans == []
        encoder().predict(PAIRS, show_progress_bar=False)
        assert len(tracing.spans) == 1
