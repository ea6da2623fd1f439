"""Reading spans: whoever's SDK wrote them, one view."""
