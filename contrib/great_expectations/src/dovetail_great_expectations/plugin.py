"""The hook implementations of dovetail-great-expectations. Imports no engine."""

from __future__ import annotations

from dovetail.spec import CheckEngineSpec, EnvironmentSpec, hookimpl

DOVETAIL_API = 1


@hookimpl
def dovetail_check_engines() -> list[CheckEngineSpec]:
    """Suites of Great Expectations, and what stands for one."""
    return [
        CheckEngineSpec(
            name="great_expectations",
            code="dovetail_great_expectations.checks:GreatExpectationsEngine",
            suites=(
                "great_expectations.core.expectation_suite.ExpectationSuite",
                "great_expectations.expectations.expectation.Expectation",
                "great_expectations.core.validation_definition.ValidationDefinition",
                "great_expectations.checkpoint.checkpoint.Checkpoint",
                "dovetail_great_expectations._stored.Stored",
            ),
            engine="great_expectations",
            install="pip install 'dovetail-great-expectations[engine]'",
            files=(".gx.json", "great_expectations.yml"),
            reader="dovetail_great_expectations._stored:read_suite",
            summary="Great Expectations 1.x suites, on pandas frames",
        )
    ]


@hookimpl
def dovetail_environments() -> list[EnvironmentSpec]:
    """``great_expectations``."""
    return [EnvironmentSpec("great_expectations", engine="great_expectations")]
