"""Evaluators of RAG answers that run where the application runs: no model file, no network, about a millisecond."""
