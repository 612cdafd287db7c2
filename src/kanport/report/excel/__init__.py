"""A report as an Excel file: summary, changes, access review, findings and rows, as real tables."""

from kanport.report.excel.book import book
from kanport.report.excel.sheets import sheets_of
from kanport.report.parts import View


def render(view: View) -> bytes:
    """Give a report as an Excel file; the same view gives the same bytes."""
    made = view.facts.run.started_at if view.facts.run else view.facts.created_at
    return book(sheets_of(view), title=view.title, made_at=made, kanport=view.facts.kanport)
