"""A run as a page that anybody can open: one HTML file, without a server or a network."""

from groundwire.report.entry import Entry, Listing, listing
from groundwire.report.page import page

__all__ = ["Entry", "Listing", "listing", "page"]
