"""Examples for the OpenAPI document, put together from those of the single fields."""

from collections.abc import Mapping
from typing import Any

BY_FORMAT = {
    "uuid": "5f0e6d3a-3c1f-4b8e-9d1b-6f2f1d1c0a77",
    "date-time": "2026-11-20T12:00:00Z",
}
BY_TYPE: dict[str, Any] = {"string": "text", "integer": 1, "number": 1.0, "boolean": True, "null": None, "object": {}}


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:
    """A value that fits the schema and reads like a real one; `components` are what its references name."""
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rpartition("/")[2]], components)
    for given in ("examples", "enum"):
        if given in schema:
            return schema[given][0]
    for fixed in ("const", "default"):
        if fixed in schema and schema[fixed] not in ([], {}):
            return schema[fixed]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return example_of(schema[choice][0], components)
    return _built(schema, components)


def _built(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:
    if "properties" in schema:
        return {name: example_of(field, components) for name, field in schema["properties"].items()}
    if schema.get("type") == "array":
        return [example_of(schema["items"], components)] if schema.get("items") else []
    return BY_FORMAT.get(schema.get("format", "")) or BY_TYPE.get(schema.get("type", "object"))
