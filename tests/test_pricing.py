"""Costs are what genai-prices calculates, whatever a model's prices depend on."""

from datetime import UTC, date, datetime
from decimal import Decimal

import genai_prices
import pytest
from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, StartDateConstraint
from hypothesis import given
from hypothesis import strategies as st

from groundwire import pricing
from groundwire.model import Usage
from groundwire.pricing import PRICES, PriceTable

MODELS = [
    ("openai", "gpt-4o-mini", "openai"),
    ("openai", "text-embedding-3-small", "openai"),
    ("anthropic", "claude-sonnet-4-5", "anthropic"),
    ("anthropic", "claude-opus-4-5", "anthropic"),
    ("gcp.gemini", "gemini-2.5-pro", "google"),
    ("mistral_ai", "mistral-small-latest", "mistral"),
    ("deepseek", "deepseek-chat", "deepseek"),
    ("cohere", "command-r", "cohere"),
]
counts = st.one_of(st.integers(0, 400_000), st.sampled_from([0, 1, 199_999, 200_000, 200_001]))


@pytest.mark.parametrize(("provider", "model", "known_as"), MODELS)
@given(total=counts, made=counts, shares=st.tuples(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100)))
def test_a_cost_is_what_genai_prices_says(
    provider: str, model: str, known_as: str, total: int, made: int, shares: tuple[int, int, int]
) -> None:
    read = total * shares[0] // 100
    created = (total - read) * shares[1] // 100
    kept = created * shares[2] // 100 if known_as == "anthropic" else 0
    price = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=total,
            output_tokens=made,
            cache_read_tokens=read,
            cache_write_tokens=created,
            cache_write_1h_tokens=kept,
        ),
        model_ref=model,
        provider_id=known_as,
        genai_request_timestamp=datetime.now(UTC),
    )
    usage = Usage(
        total, made, cache_read_tokens=read, cache_creation_tokens=created, cache_creation_1h_tokens=kept or None
    )
    cost = PRICES.cost(provider, model, usage)
    assert cost is not None
    assert cost.usd == pytest.approx(float(price.total_price), rel=1e-9)


def test_a_price_holds_until_the_next_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    begins = date(2031, 1, 1)
    cheap, dear = (ModelPrice(input_mtok=Decimal(usd), output_mtok=Decimal(0)) for usd in (1, 5))
    model = ModelInfo(
        id="m",
        match=None,  # type: ignore[arg-type]
        prices=[ConditionalPrice(prices=cheap), ConditionalPrice(StartDateConstraint(begins), prices=dear)],
    )
    now = datetime(2030, 12, 31, 23, tzinfo=UTC).timestamp()

    class Price:
        def __init__(self, at: float) -> None:
            self.model = model
            self.model_price = model.get_prices(datetime.fromtimestamp(at, UTC))

    clock = [now]
    monkeypatch.setattr(pricing, "time", lambda: clock[0])
    table = PriceTable()
    monkeypatch.setattr(table, "_calculate", lambda *_: Price(clock[0]))

    def usd() -> float:
        cost = table.cost("x", "m", Usage(1_000_000, 0))
        assert cost is not None
        return cost.usd

    assert usd() == pytest.approx(1)
    clock[0] = datetime(2031, 1, 1, tzinfo=UTC).timestamp()
    assert usd() == pytest.approx(5)


def test_an_unknown_model_has_no_cost() -> None:
    assert PRICES.cost("anthropic", "made-up-9", Usage(10, 10)) is None
    assert PRICES.cost("nobody", "gpt-4o-mini", Usage(10, 10)) is None
    assert PRICES.cost("openai", "gpt-4o-mini", Usage()) is None
