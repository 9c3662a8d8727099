"""Operations that Django's own would do at a cost that grows with the table."""

from typing import Any

from django.db import migrations


class DropForeignKeyIndex(migrations.AlterField):
    """Let the index of a foreign key go, where another one begins with the same column.

    `AlterField` would copy the whole table on SQLite.
    """

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        model, field = self._field(app_label, from_state)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        of_meta = {index.name for index in model._meta.indexes}
        names = schema_editor._constraint_names(
            model, [field.column], index=True, unique=False, exclude=of_meta
        )
        for name in names:
            schema_editor.execute(schema_editor._delete_index_sql(model, name))

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        model, field = self._field(app_label, to_state)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.execute(schema_editor._create_index_sql(model, fields=[field]))

    def _field(self, app_label: str, state: Any) -> tuple[Any, Any]:
        model = state.apps.get_model(app_label, self.model_name)
        return model, model._meta.get_field(self.name)
