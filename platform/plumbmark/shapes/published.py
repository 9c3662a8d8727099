"""The JSON Schema of a shape, as it is published: in one piece and without what says nothing."""

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema


def published_schema(shape: Any) -> dict[str, Any]:
    """Return the schema of a model, or of a union of them."""
    schema = TypeAdapter(shape).json_schema(schema_generator=_Generator)
    whole: dict[str, Any] = _inline(schema, schema.pop("$defs", {}))
    return whole


def _inline(schema: Any, definitions: dict[str, Any]) -> Any:
    """Put each definition where it is referred to."""
    if isinstance(schema, list):
        return [_inline(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    whole = {key: _inline(one, definitions) for key, one in schema.items() if key != "$ref"}
    if "$ref" not in schema:
        return whole
    name = schema["$ref"].rpartition("/")[2]
    return {**_inline(definitions[name], definitions), **whole}


class _Generator(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        document = super().model_schema(schema)
        del document["title"]
        if "description" in document:
            document["description"] = " ".join(document["description"].split())
        return document

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        # None is no value that an author may write: the key is left out.
        return (
            self.generate_inner(schema["schema"])
            if schema.get("default", "") is None
            else super().default_schema(schema)
        )

    def encode_default(self, default: Any) -> Any:
        is_whole = isinstance(default, float) and default.is_integer()
        return int(default) if is_whole else super().encode_default(default)

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        values = schema["expected"]
        return {"const": values[0]} if len(values) == 1 else {"enum": values}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        return {"type": "object"}

    def tuple_schema(self, schema: core_schema.TupleSchema) -> JsonSchemaValue:
        document = super().tuple_schema(schema)
        if "prefixItems" in document:
            del document["maxItems"]
            document["items"] = False
        return document

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Return one branch for each type, so that validators name the fault within it."""
        choices: dict[Any, Any] = schema["choices"]
        return {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"enum": list(choices)}},
            "allOf": [
                {
                    "if": {"properties": {"type": {"const": kind}}, "required": ["type"]},
                    "then": self.generate_inner(choice),
                }
                for kind, choice in choices.items()
            ],
        }
