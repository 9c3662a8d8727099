"""Dividing tables where there are no partitions."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection


@pytest.mark.django_db
def test_another_database_is_refused() -> None:
    if connection.vendor == "postgresql":
        pytest.skip("not applicable: PostgreSQL has partitions")

    with pytest.raises(CommandError, match="only PostgreSQL has partitions"):
        call_command("partition_tables")
    with pytest.raises(CommandError, match="--partitions must be from 2"):
        call_command("partition_tables", "--partitions", "1")
