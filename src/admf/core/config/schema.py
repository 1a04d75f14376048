"""JSON Schema of the YAML: editors complete and check a config with it while it is written."""

from __future__ import annotations

import copy
from typing import Any

from pydantic.json_schema import models_json_schema

from admf.core.config.overlay import preset_names
from admf.core.config.sections import registered_sections
from admf.core.config.workflow import WorkflowConfig

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/"


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of a config file, with the workflow types that are registered.

    A file with ``extends`` may leave keys to its bases: nothing is required of it. Rules over several keys
    are not in the schema: `load_config` has the last word.
    """
    sections = registered_sections()
    models: list[tuple[Any, Any]] = [
        (WorkflowConfig, "validation"),
        *((m, "validation") for m in sections.values()),
    ]
    names, schema = models_json_schema(models)
    definitions = schema["$defs"]
    workflow = definitions[WorkflowConfig.__name__]
    workflow["properties"]["type"] = {
        "enum": list(sections),
        "title": "Type",
        "description": WorkflowConfig.model_fields["type"].description,
    }
    for kind, model in sections.items():
        reference = names[(model, "validation")]["$ref"]
        workflow["properties"][f"{kind}_config"] = {
            "$ref": reference,
            "title": kind,
            "description": f"Section of type {kind}.",
        }
    workflow["additionalProperties"] = False
    workflow["allOf"] = [
        {
            "if": {"properties": {"type": {"const": kind}}, "required": ["type"]},
            "then": {"required": [f"{kind}_config"]},
        }
        for kind in sections
    ]
    complete = {"$ref": _REF + WorkflowConfig.__name__}
    partial = {"$ref": _REF + WorkflowConfig.__name__ + "Part"}
    return {
        "$schema": DIALECT,
        "title": "admf workflow",
        "description": "Configuration of one workflow.",
        "type": "object",
        "properties": {"extends": _extends(), "workflow": {"description": "The workflow."}},
        "additionalProperties": False,
        "if": {"required": ["extends"]},
        "then": {"properties": {"workflow": partial}},
        "else": {"properties": {"workflow": complete}, "required": ["workflow"]},
        "$defs": {**definitions, **{f"{name}Part": _part(body) for name, body in definitions.items()}},
    }


def _extends() -> dict[str, Any]:
    presets = [f"preset:{name}" for name in preset_names()]
    one = {"anyOf": [{"enum": presets}, {"type": "string", "minLength": 1}]}
    return {
        "title": "Extends",
        "description": "What this file changes: a file (relative to this one), preset:NAME, or several.",
        "anyOf": [*one["anyOf"], {"type": "array", "items": one}],
    }


def _part(body: dict[str, Any]) -> dict[str, Any]:
    """Give the same schema with nothing required, for a file whose bases hold the rest."""

    def relax(node: Any, *, names: bool = False) -> Any:
        if isinstance(node, list):
            return [relax(item) for item in node]
        if not isinstance(node, dict):
            return node
        result = {
            key: relax(value, names=key == "properties" and not names)
            for key, value in node.items()
            if names or key not in ("required", "allOf")
        }
        if not names and isinstance(result.get("$ref"), str):
            result["$ref"] += "Part"
        return result

    part: dict[str, Any] = relax(copy.deepcopy(body))
    return part
