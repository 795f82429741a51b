"""A contract from a few lines, and a gate of it on a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dovetail as dt
import pyarrow as pa
import pytest
import yaml
from dovetail.quality import Report
from dovetail.types import current_types
from dovetail_contracts import Contract, parse_contract

HEAD = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "version": "1.0.0"}


def make_contract(*properties: dict[str, Any], quality: list[Any] | None = None, **more: Any) -> Contract:
    """A contract of one table ``t`` with these properties."""
    element = {"name": "t", "properties": list(properties)} | ({"quality": quality} if quality is not None else {})
    return parse_contract(yaml.safe_dump({**HEAD, "schema": [element], **more}, sort_keys=False), "t.odcs.yaml")


@pytest.fixture
def contract_of() -> Callable[..., Contract]:
    return make_contract


@pytest.fixture
def judge() -> Callable[..., Report]:
    """What a gate of a contract says of columns."""

    def judged(found: Contract, columns: dict[str, Any], **options: Any) -> Report:
        allow = options.pop("allow_unsupported", False)
        gate = dt.Gate(found.suite(allow_unsupported=allow), **options)
        return gate.evaluate(pa.table(columns), types=current_types()).report

    return judged
