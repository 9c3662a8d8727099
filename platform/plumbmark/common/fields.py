"""Columns that Django has no field for."""

import json
from typing import Any

from django.db import models


class WrittenJSONField(models.JSONField):
    """JSON that is read back exactly as written: keys in their order, numbers in their form.

    PostgreSQL's `jsonb`, which Django's own field uses there, sorts the keys of every object and
    writes `1e22` out. A model reads keys in their order, so anything that may reach a prompt is in
    columns of this kind: `json` there, which keeps the exact text. Such columns cannot be compared,
    so no query may ask for distinct rows of their tables.
    """

    def db_type(self, connection: Any) -> str | None:
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return json.dumps(value if prepared else self.get_prep_value(value), cls=self.encoder)

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        """Select as text, for `from_db_value`: the driver would parse `json` by itself."""
        if compiler.connection.vendor == "postgresql":
            sql = f"({sql})::text"
        return sql, params
