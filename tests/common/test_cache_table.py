import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection


@pytest.mark.django_db
def test_migrating_makes_the_table_of_the_shared_cache() -> None:
    if "common_cache" not in connection.introspection.table_names():
        pytest.skip("not applicable: the cache is not in the database here")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE common_cache")

    call_command("migrate", verbosity=0)

    cache.set("key", "value")
    assert cache.get("key") == "value"
