# SPDX-License-Identifier: MIT
"""Tables in Markdown, for the documents that scripts write."""


def row(cells):
    return f"| {' | '.join(map(str, cells))} |"


def table(titles, rows):
    """The lines of a table: its titles, then rows with as many cells."""
    yield row(titles)
    yield "|" + "---|" * len(titles)
    yield from map(row, rows)
