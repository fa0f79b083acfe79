"""Results as aligned plain-text tables."""

from collections.abc import Sequence


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> str:
    """Align columns: the first to the left, the others to the right.

    Args:
        header: Column names.
        rows: Cells, as many a row as there are column names.
        title: A line above the table.

    Returns:
        The lines, without a newline at the end.

    Raises:
        ValueError: If a row has another number of cells than the header.
    """
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"expected {len(header)} cells a row, got {len(row)}: {list(row)}")
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "  ".join(
            [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        ).rstrip()

    lines = [line(header), "  ".join("-" * width for width in widths), *map(line, rows)]
    return "\n".join([title, *lines] if title else lines)


def percent(value: float) -> str:
    """A share or accuracy already in per cent, with one decimal."""
    return f"{value:.1f}"
