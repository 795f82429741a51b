"""One gate, used as a node and behind an annotation; reading its reports.

Prints:
    3 readings pass
    gate readings: 3 of 4 rows clean, 1 dropped (1 failed of 4 checks)
    degrees.in_range([-50, 60]): fail, 1 of 4
    blocked: gate 'readings' blocked 2 rows: 2 of 2 rows (100.00%) would be dropped, more than max_quarantined=50%: ...
"""

from typing import Annotated

import dovetail as dt
import pyarrow as pa
from dovetail.quality.checks import in_range, not_null, unique

readings = dt.Suite("readings", [not_null("station"), unique("station"), in_range("degrees", -50, 60)])
plausible = dt.Gate(readings, on_fail="drop", max_quarantined="50%", keys=["station"])


@dt.task
def read(degrees: list[float]) -> pa.Table:
    return pa.table({"station": list(range(len(degrees))), "degrees": degrees})


@dt.task
def count(table: pa.Table) -> int:
    return table.num_rows


@dt.task
def count_gated(table: Annotated[pa.Table, plausible]) -> int:
    return table.num_rows


@dt.workflow
def as_a_node(degrees: list[float]) -> int:
    return count(plausible(read(degrees)))


@dt.workflow
def behind_an_annotation(degrees: list[float]) -> int:
    return count_gated(read(degrees))


if __name__ == "__main__":
    with dt.collect_reports() as reports:
        print(as_a_node([12.5, 990.0, -3.0, 21.0]), "readings pass")
    print(reports[0].summary())
    for check in reports[0].checks:
        if check.status != "pass":
            print(f"{check.check_id}: {check.status}, {check.n_failed} of {check.n_evaluated}")
    try:
        behind_an_annotation([990.0, 991.0])
    except dt.errors.GateBlocked as blocked:
        print("blocked:", blocked.what)
