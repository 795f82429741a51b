"""The page at the end of the pipeline: two charts as plain SVG, drawn without a browser or a plotting library."""

import tempfile
from html import escape
from pathlib import Path

import dovetail as dt
import pandas as pd

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2430; max-width: 860px; margin: 40px auto; padding: 0 20px }
h1 { font-size: 26px; margin-bottom: 4px } h2 { font-size: 18px; margin-top: 36px }
p.lead { color: #5a6675; margin-top: 0 }
.facts { display: flex; gap: 36px; margin: 24px 0 } .facts b { display: block; font-size: 26px }
text { font: 12px system-ui, sans-serif; fill: #3a4656 } .late { fill: #d1603d } .early { fill: #3f7cac }
"""


def page(by_carrier: pd.DataFrame, by_hour: pd.DataFrame, *, loaded: int, clean: int, published: int) -> dt.File:
    """Write the page and return it as a file.

    Args:
        by_carrier: Columns ``carrier``, ``flights``, ``mean_arr_delay`` (minutes).
        by_hour: Columns ``hour``, ``flights``, ``mean_dep_delay`` (minutes).
        loaded: Rows of the raw table.
        clean: Rows that passed the gate.
        published: Rows of the published table.
    """
    facts = {"flights loaded": loaded, "clean flights": clean, "carriers published": published}
    figures = "".join(f"<div><b>{number:,}</b>{escape(label)}</div>" for label, number in facts.items())
    carriers = bars(list(by_carrier["carrier"]), list(by_carrier["mean_arr_delay"]), "min")
    hours = bars([f"{hour:02d}:00" for hour in by_hour["hour"]], list(by_hour["mean_dep_delay"]), "min")
    html = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>New York flights 2013</title><style>{STYLE}</style></head>
<body><h1>New York flights 2013</h1><p class="lead">Who is late, and when.</p>
<div class="facts">{figures}</div>
<h2>Mean arrival delay by carrier</h2>{carriers}
<h2>Mean departure delay by hour of day</h2>{hours}
</body></html>
"""
    path = Path(tempfile.mkdtemp(prefix="flights-")) / "report.html"
    path.write_text(html, encoding="utf-8")
    return dt.File(path)


def bars(labels: list[str], values: list[float], unit: str) -> str:
    """A horizontal bar chart; values below zero point to the left."""
    low, high = min(0.0, *values), max(0.0, *values)
    scale = 560 / ((high - low) or 1.0)
    zero = 90 - low * scale
    rows = []
    for number, (label, value) in enumerate(zip(labels, values, strict=True)):
        y = number * 24
        left, width = (zero, value * scale) if value >= 0 else (zero + value * scale, -value * scale)
        kind = "late" if value >= 0 else "early"
        rows.append(
            f'<text x="0" y="{y + 15}">{escape(str(label))}</text>'
            f'<rect class="{kind}" x="{left:.1f}" y="{y + 2}" width="{max(width, 1):.1f}" height="18" rx="2"/>'
            f'<text x="{left + width + 8:.1f}" y="{y + 15}">{value:.1f} {unit}</text>'
        )
    height = len(labels) * 24 + 8
    return f'<svg role="img" width="760" height="{height}" viewBox="0 0 760 {height}">{"".join(rows)}</svg>'
