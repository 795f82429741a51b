"""What the floor ``quality`` brings, declared through the same hooks as any plugin's."""

from __future__ import annotations

from dovetail.spec import CheckEngineSpec, hookimpl

DOVETAIL_API = 1


@hookimpl
def dovetail_check_engines() -> list[CheckEngineSpec]:
    """The native check engine."""
    return [
        CheckEngineSpec(
            name="native",
            code="dovetail.quality.checks._engine:NativeEngine",
            suites=("dovetail.quality.checks._check.Suite",),
            engine="pyarrow",
            install="pip install 'dovetail[arrow]'",
            summary="checks of dovetail itself, on Arrow tables",
        )
    ]
