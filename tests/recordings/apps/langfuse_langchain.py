"""Langfuse: its callback handler for LangChain."""

import os

os.environ |= {
    "LANGFUSE_PUBLIC_KEY": "pk-lf-recording",
    "LANGFUSE_SECRET_KEY": "sk-lf-recording",
    "LANGFUSE_BASE_URL": os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
}

from langfuse import get_client  # noqa: E402
from langfuse.langchain import CallbackHandler  # noqa: E402

from recordings import langchain_shop, shop  # noqa: E402

shop.run(langchain_shop.application(callbacks=[CallbackHandler()]))
get_client().shutdown()
