"""Costs are what genai-prices calculates, whatever a model's prices depend on."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import genai_prices
import pytest
from genai_prices.data import providers
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


FLEX, PRIORITY = {"service_tier": "flex"}, {"service_tier": "priority"}


@pytest.mark.parametrize(
    ("provider", "known_as", "model", "usage", "counts", "terms"),
    [
        ("openai", "openai", "gpt-5", Usage(900, 90, 300, terms=FLEX), {}, FLEX),
        ("openai", "openai", "gpt-5", Usage(900, 90, terms=PRIORITY), {}, PRIORITY),
        ("anthropic", "anthropic", "claude-opus-5", Usage(900, 90, terms={"speed": "fast"}), {}, {"speed": "fast"}),
        ("anthropic", "anthropic", "claude-opus-5", Usage(900, 90, apart={"web_searches": 3}), {"web_searches": 3}, {}),
        (
            "gcp.gemini",
            "google",
            "gemini-2.5-flash",
            Usage(900, 90, 300, apart={"input_audio_tokens": 600}),
            {"input_audio_tokens": 600, "cache_audio_read_tokens": 0},
            {},
        ),
        ("perplexity", "perplexity", "sonar", Usage(900, 90), {}, {}),
        ("perplexity", "perplexity", "sonar-deep-research", Usage(900, 90, reasoning_tokens=40), {}, {}),
    ],
)
def test_tiers_sound_searches_and_requests_cost_what_genai_prices_says(
    provider: str, known_as: str, model: str, usage: Usage, counts: dict[str, int], terms: dict[str, str]
) -> None:
    price = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=900,
            output_tokens=90,
            cache_read_tokens=usage.cache_read_tokens or 0,
            output_reasoning_tokens=usage.reasoning_tokens or 0,
            **counts,
        ),
        model_ref=model,
        provider_id=known_as,
        price_context=terms or None,
    )
    for _ in range(2):  # worked out, then remembered
        cost = PRICES.cost(provider, model, usage)
        assert cost is not None
        assert cost.usd == pytest.approx(float(price.total_price), rel=1e-9)


def test_terms_without_a_known_price_have_no_cost() -> None:
    assert PRICES.cost("openai", "gpt-5", Usage(10, 10, terms={"service_tier": "scale"})) is None
    assert PRICES.cost("azure.ai.openai", "gpt-5", Usage(10, 10, terms={"service_tier": "flex"})) is None


def test_a_model_named_as_a_resource_is_that_model() -> None:
    cost = PRICES.cost("gcp.vertex_ai", "google/gemini-2.5-flash", Usage(10, 10))
    assert cost == PRICES.cost("gcp.vertex_ai", "gemini-2.5-flash", Usage(10, 10)) is not None


VENDORS = {
    "openai": ("openai", ("gpt-4o-mini", "gpt-5", "gpt-5.6-sol")),
    "anthropic": ("anthropic", ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5")),
    "gcp.gemini": ("google", ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite")),
    "mistral_ai": ("mistral", ("mistral-large-2512", "mistral-small-latest", "devstral-2512")),
    "cohere": ("cohere", ("command-a", "command-r", "command-r-plus")),
    "groq": ("groq", ("openai/gpt-oss-120b", "openai/gpt-oss-20b", "llama-3.3-70b-versatile")),
    "x_ai": ("x-ai", ("grok-4.3", "grok-4.20", "grok-3")),
    "perplexity": ("perplexity", ("sonar", "sonar-pro", "sonar-reasoning-pro")),
}


def _by_hand(vendor: str, name: str, total: int, read: int, made: int) -> float:
    """USD out of the raw table: the row that holds today, and the step that a prompt of that length is on."""
    (model,) = (m for p in providers if p.id == vendor for m in p.models if m.id == name)
    row = model.prices if isinstance(model.prices, ModelPrice) else model.prices[0].prices
    for dated in model.prices if isinstance(model.prices, list) else ():
        if (
            isinstance(dated.constraint, StartDateConstraint)
            and dated.constraint.start_date <= datetime.now(UTC).date()
        ):
            row = dated.prices

    def usd(price: Any) -> float:
        reached = [tier.price for tier in getattr(price, "tiers", ()) if total > tier.start]
        return float(reached[-1] if reached else getattr(price, "base", price or 0))

    cached = usd(row.cache_read_mtok if row.cache_read_mtok is not None else row.input_mtok)
    tokens = (total - read) * usd(row.input_mtok) + read * cached + made * usd(row.output_mtok)
    return tokens / 1e6 + usd(row.requests_kcount) / 1e3


@pytest.mark.parametrize(("provider", "model"), [(p, m) for p, (_, models) in VENDORS.items() for m in models])
@pytest.mark.parametrize("total", [1_000, 250_000])
def test_a_cost_is_what_the_raw_table_gives_by_hand(provider: str, model: str, total: int) -> None:
    expected = _by_hand(VENDORS[provider][0], model, total, total // 4, 500)
    cost = PRICES.cost(provider, model, Usage(total, 500, total // 4))
    assert cost is not None
    assert cost.usd == pytest.approx(expected, rel=1e-9)
