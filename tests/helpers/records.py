"""A record small enough for tests."""

from sdc_lib.evaluation.ledger import Record

PUBLISHED = Record(
    name="published-a",
    table="linear",
    row="A",
    values={"top-1": [46.8]},
    dataset="ucf101/test",
    protocol="linear",
    column="published",
    source="a page",
)
