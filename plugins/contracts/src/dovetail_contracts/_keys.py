"""The keys of the Open Data Contract Standard, 3.0 to 3.2, and what their values are.

Source: the standard's documentation and JSON schemas (github.com/bitol-io/open-data-contract-standard), read as facts; sections
that say nothing of data (servers, team, price, ...) are looked at no deeper than their first level.
"""

from __future__ import annotations

from typing import Any, Final

API_VERSIONS: Final = ("v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0")
WRITTEN: Final = "v3.1.0"
"""The version that is written: the oldest that knows the metrics by their present names."""

LOGICAL_TYPES: Final = (
    *("string", "date", "timestamp", "time", "number", "integer", "boolean", "object", "array", "map", "vector"),
)
METRICS: Final = ("nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount")
OPERATORS: Final = (
    *("mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo"),
    *("mustBeLessThan", "mustBeLessOrEqualTo", "mustBeBetween", "mustNotBeBetween"),
)
DIMENSIONS: Final = {
    **{name: name for name in ("accuracy", "completeness", "conformity", "consistency", "coverage")},
    **{name: name for name in ("timeliness", "uniqueness")},
    "ac": "accuracy",
    "cp": "completeness",
    "cf": "conformity",
    "cs": "consistency",
    "cv": "coverage",
    "tm": "timeliness",
    "uq": "uniqueness",
}

TOP: Final[dict[str, str]] = {
    "apiVersion": "text",
    "kind": "text",
    "id": "text",
    "version": "text",
    "status": "text",
    "name": "text",
    "tenant": "text",
    "domain": "text",
    "dataProduct": "text",
    "slaDefaultElement": "text",
    "contractCreatedTs": "text",
    "description": "table",
    "context": "any",
    "team": "any",
    "price": "table",
    "schema": "list",
    "servers": "list",
    "support": "list",
    "roles": "list",
    "slaProperties": "list",
    "tags": "texts",
    "authoritativeDefinitions": "list",
    "customProperties": "list",
}
REQUIRED: Final = ("apiVersion", "kind", "id", "version")

_ELEMENT: Final[dict[str, str]] = {
    "id": "text",
    "name": "text",
    "physicalName": "text",
    "physicalType": "text",
    "businessName": "text",
    "description": "text",
    "logicalType": "text",
    "deprecated": "bool",
    "synonyms": "list",
    "tags": "texts",
    "authoritativeDefinitions": "list",
    "customProperties": "list",
    "quality": "list",
    "properties": "list",
    "relationships": "list",
    "context": "any",
}
OBJECT: Final[dict[str, str]] = {**_ELEMENT, "dataGranularityDescription": "text"}
PROPERTY: Final[dict[str, str]] = {
    **_ELEMENT,
    "primaryKey": "bool",
    "primaryKeyPosition": "int",
    "partitioned": "bool",
    "partitionKeyPosition": "int",
    "required": "bool",
    "unique": "bool",
    "criticalDataElement": "bool",
    "classification": "text",
    "encryptedName": "text",
    "semanticType": "text",
    "transformLogic": "text",
    "transformDescription": "text",
    "transformSourceObjects": "texts",
    "examples": "list",
    "enum": "list",
    "logicalTypeOptions": "table",
    "items": "table",
    "map": "table",
}
QUALITY: Final[dict[str, str]] = {
    "id": "text",
    "name": "text",
    "description": "text",
    "type": "text",
    "metric": "text",
    "rule": "text",
    "arguments": "table",
    "unit": "text",
    "query": "text",
    "engine": "text",
    "implementation": "any",
    "dimension": "text",
    "severity": "text",
    "method": "text",
    "businessImpact": "text",
    "schedule": "text",
    "scheduler": "text",
    "scheduleCronExpression": "text",
    "validValues": "list",
    "tags": "texts",
    "customProperties": "list",
    "authoritativeDefinitions": "list",
    "column": "text",
    **{name: "pair" if name.endswith("Between") else "number" for name in OPERATORS},
    "mustBe": "any",
    "mustNotBe": "any",
}
SLA: Final[dict[str, str]] = {
    "id": "text",
    "property": "text",
    "value": "any",
    "valueExt": "any",
    "unit": "text",
    "element": "text",
    "driver": "text",
    "description": "text",
    "scheduler": "text",
    "schedule": "text",
    "customProperties": "list",
    "authoritativeDefinitions": "list",
    "tags": "texts",
}
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_NUMBER: Final[dict[str, str]] = {
    "minimum": "number",
    "maximum": "number",
    "multipleOf": "number",
    "format": "text",
    **dict.fromkeys(_BOUNDS[2:], "bound"),
}
_MOMENT: Final[dict[str, str]] = {
    "minimum": "text",
    "maximum": "text",
    "format": "text",
    **dict.fromkeys(_BOUNDS[2:], "moment"),
}
OPTIONS: Final[dict[str, dict[str, str]]] = {
    "string": {"minLength": "length", "maxLength": "length", "pattern": "text", "format": "text"},
    "number": _NUMBER,
    "integer": _NUMBER,
    "date": _MOMENT,
    "timestamp": {**_MOMENT, "timezone": "bool", "defaultTimezone": "text"},
    "time": {**_MOMENT, "timezone": "bool", "defaultTimezone": "text"},
    "array": {"minItems": "length", "maxItems": "length", "uniqueItems": "bool"},
    "object": {"minProperties": "length", "maxProperties": "length", "required": "texts"},
    "boolean": {},
    "map": {},
    "vector": {
        "dimensions": "length",
        "elementType": "text",
        "distanceMetric": "text",
        "embeddingModel": "text",
        "embeddingModelVersion": "text",
        "normalized": "bool",
    },
}


def is_number(value: Any) -> bool:
    """A number, and not a truth value or NaN."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


KINDS: Final[dict[str, tuple[str, Any]]] = {
    "text": ("a text", _is_text),
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "int": ("a whole number", lambda value: type(value) is int),
    "length": ("a whole number from 0", lambda value: type(value) is int and value >= 0),
    "number": ("a number", is_number),
    "bound": ("a number", lambda value: is_number(value) or isinstance(value, bool)),
    "moment": ("a text", lambda value: isinstance(value, (str, bool))),
    "pair": (
        "a list of two numbers, the smaller one first",
        lambda value: (
            isinstance(value, list) and len(value) == 2 and all(map(is_number, value)) and value[0] <= value[1]
        ),
    ),
    "list": ("a list", lambda value: isinstance(value, list)),
    "texts": ("a list of texts", lambda value: isinstance(value, list) and all(map(_is_text, value))),
    "table": ("a table", lambda value: isinstance(value, dict)),
    "any": ("anything", lambda value: True),
}
"""Name of a kind of value: what it is for people, and whether a value is one."""
