"""The figures that are read from the database, on each kind of it."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from plumbmark.common import metrics
from tests.gateway import rows
from tests.gateway.conftest import Store

MAX_QUERIES = 14


def test_figures_are_read_in_few_queries_on_each_database(any_store: Store) -> None:
    deployment = rows.deployment("", "echo")
    rows.call_one(rows.grant(rows.namespace(), deployment), deployment)

    with CaptureQueriesContext(connection) as asked:
        families, _ = metrics._read_database()

    names = {family.name for family in families}
    assert {"plumbmark_runs", "plumbmark_budget_leases", "plumbmark_board_refreshes"} <= names
    assert len(asked) <= MAX_QUERIES
    assert metrics._database.result()[0]
