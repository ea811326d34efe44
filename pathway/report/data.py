"""The walk as JSON, and the JSON Schemas of cases and walks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pathway.profile import Profile
from pathway.rules import RuleBase
from pathway.walks import SCHEMA, Walk


def render_json(walks: Sequence[Walk]) -> str:
    """One walk as an object, several as a list. The same walks give the same bytes."""
    made = [asdict(walk) for walk in walks]
    return to_json(made[0] if len(made) == 1 else made)


def to_json(data: Any) -> str:
    """Plain data as JSON text that a person can read, ending in a newline."""
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def walk_schema() -> dict[str, Any]:
    """The JSON Schema of a walk; its `schema` field tells the version."""
    from pydantic import TypeAdapter

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('/', ':')}",
        **TypeAdapter(Walk).json_schema(mode="serialization"),
    }


def case_schema(base: RuleBase) -> dict[str, Any]:
    """The JSON Schema of a case, with the treatments and medicines that the rule base knows."""
    made = Profile.model_json_schema(by_alias=True)
    options = [option.option for option in base.options]
    trial = made["$defs"]["Trial"]["properties"]["treatment"]
    trial["examples"] = options
    trial["enum"] = list(base.treatments)
    made["properties"]["declined"] = {
        "description": "Options that the person declines; end the list with `nothing else` when that is all.",
        "anyOf": [
            {"enum": ["none", "unknown", "not known", None, *options]},
            {"type": "array", "items": {"enum": [*options, "nothing else", "unknown", "not known", None]}},
        ],
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:pathway.case:1", **made}
