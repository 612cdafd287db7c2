"""A report as one HTML file that needs nothing else: no network, no script, no font."""

from kanport.report.html.document import render

__all__ = ["render"]
