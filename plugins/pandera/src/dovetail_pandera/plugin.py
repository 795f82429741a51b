"""The hook implementations of dovetail-pandera. Imports no engine."""

from __future__ import annotations

from dovetail.spec import CheckEngineSpec, hookimpl

DOVETAIL_API = 1


@hookimpl
def dovetail_check_engines() -> list[CheckEngineSpec]:
    """Pandera schemas as suites of gates.

    The two general classes at the end are the bases of every kind of Pandera schema, so that the kinds that this version
    does not evaluate are refused by name rather than unknown.
    """
    return [
        CheckEngineSpec(
            name="pandera",
            code="dovetail_pandera.checks:PanderaEngine",
            suites=(
                "pandera.api.polars.container.DataFrameSchema",
                "pandera.api.polars.model.DataFrameModel",
                "pandera.api.pandas.container.DataFrameSchema",
                "pandera.api.pandas.model.DataFrameModel",
                "pandera.api.base.schema.BaseSchema",
                "pandera.api.base.model.BaseModel",
            ),
            engine="pandera",
            install="pip install 'dovetail-pandera[engine]'",
            annotations=(
                "pandera.typing.polars.DataFrame",
                "pandera.typing.polars.LazyFrame",
                "pandera.typing.pandas.DataFrame",
            ),
            summary="Pandera schemas and models for polars and pandas frames",
        )
    ]
