"""Dataclasses of JSON objects."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Mapping, Type, TypeVar

T = TypeVar("T")


def camel(name: str) -> str:
    """`max_tokens` as JSON names it: `maxTokens`."""
    return re.sub(r"_([a-z])", lambda match: match.group(1).upper(), name)


def of_json(cls: Type[T], value: Mapping[str, Any], **made: Any) -> T:
    """An instance with the members that have its fields' names, and with what was `made` of others."""
    fields = {field.name for field in dataclasses.fields(cls)} - set(made)  # type: ignore[arg-type]
    return cls(**made, **{name: value[camel(name)] for name in fields if camel(name) in value})
