"""The published JSON Schemas, as they are served."""

from typing import Any

import pytest
from django.test import Client

from tests.golden.golden import check

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["task-definition", "code-result"])
def test_a_published_schema_stays_as_it_is(client: Client, name: str) -> None:
    answer = client.get(f"/schemas/{name}.json")

    assert answer.status_code == 200
    check(
        f"schemas/{name}.json",
        {
            "headers": {
                header: answer[header]
                for header in (
                    "Content-Type",
                    "Cache-Control",
                    "Vary",
                    "Access-Control-Allow-Origin",
                )
                if header in answer
            },
            "schema": answer.json(),
            "key order": _key_order(answer.json()),
        },
    )


def _key_order(schema: dict[str, Any]) -> list[str]:
    """Return the order in which a reader sees the parts; sorted JSON would hide it."""
    return list(schema.get("properties", schema))
