"""How much a page tells at once, so that it stays small and quick with very many changes."""

from kanport.report.parts import View

# What stands in the list by person anyway, nobody reads a second time beyond so many.
TWICE = 500
# Rows of a table that a browser lays out at once.
PIECE = 100
# From so many changes on, what stands elsewhere, too, is left out of each row.
_MANY = 10_000


def brief(view: View) -> bool:
    """Whether rows are told in brief: no headers beside cells, no name that the row holds anyway.

    People in the list by project are no links then. Without this, 50,000 changes take more than
    ten megabytes.
    """
    return len(view.lines) >= _MANY
