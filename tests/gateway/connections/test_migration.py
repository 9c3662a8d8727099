"""Deployments from before connections are grouped by their address and key."""

import pytest

from tests.migrating import migrations

pytestmark = pytest.mark.django_db(transaction=True)


def test_deployments_of_one_address_and_key_become_one_connection() -> None:
    with migrations() as migrate:
        apps = migrate(("gateway", "0006_deprecated_on"))
        model = apps.get_model("gateway", "CatalogueModel").objects.create(
            slug="a/b", maker="a", name="b"
        )
        credential = apps.get_model("gateway", "Credential").objects.create(
            name="c", environment_variable="KEY"
        )
        old = apps.get_model("gateway", "Deployment").objects

        def add(slug: str, url: str, provider: str = "openai", key: object = None) -> None:
            old.create(
                slug=slug, model=model, provider=provider, base_url=url, upstream_id=slug,
                credential=key,
            )  # fmt: skip

        add("openai/x", "https://api.openai.com/v1", key=credential)
        add("openai/y", "https://api.openai.com/v1", key=credential)
        add("openai/z", "https://other.example/v1")
        add("baseline/echo", "", "baseline")

        new = migrate().get_model("gateway", "Deployment").objects
        found = {
            each.slug: each.connection and (each.connection.slug, each.connection.kind)
            for each in new.select_related("connection")
        }
        new.all().delete()

    assert found == {
        "openai/x": ("openai", "openai"),
        "openai/y": ("openai", "openai"),
        "openai/z": ("openai-2", "other"),
        "baseline/echo": None,
    }
