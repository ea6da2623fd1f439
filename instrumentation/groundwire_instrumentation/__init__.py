"""The libraries that groundwire traces: one declarative file each, found by entry point."""
