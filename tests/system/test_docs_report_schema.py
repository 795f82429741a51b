"""The reference of the gate report names the fields of the record, all of them and no others."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from dovetail.quality import CheckReport, ColumnProfile, Report

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "report-schema.md"


def test_the_documented_schema_is_the_schema() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(
        re.findall(r"`(\w+)`", "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `")))
    )
    fields = {field.name for record in (Report, CheckReport, ColumnProfile) for field in dataclasses.fields(record)}
    assert named - {"_dv_checks", "_dv_run", "_dv_row", "_dv_at"} == fields
