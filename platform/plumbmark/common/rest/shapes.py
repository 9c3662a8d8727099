"""Bases of serializers."""

from typing import Any

from rest_framework import serializers


class WriteShape(serializers.Serializer[Any]):
    """A body: unknown fields are refused, not dropped."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                known = ", ".join(self.fields)
                raise serializers.ValidationError(
                    {str(name)[:80]: [f"is not known; there are {known}"] for name in unknown}
                )
        return super().to_internal_value(data)
