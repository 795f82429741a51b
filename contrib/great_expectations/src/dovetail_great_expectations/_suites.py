"""From what a user hands to a gate to the expectations that are to be met, with parameters filled in."""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dovetail.errors import DefinitionError, listing, nearest

from dovetail_great_expectations._library import library
from dovetail_great_expectations._stored import Stored

_NULLS = {"ColumnPairMapExpectation": "either_value_is_missing", "MulticolumnMapExpectation": "any_value_is_missing"}
"""What leaves a row with a null operand out, which is what nulls mean to every check engine."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One expectation.

    Attributes:
        expectation: The expectation, with parameters filled in.
        configuration: What Great Expectations evaluates: a copy, in which nothing says how results are to be given.
    """

    expectation: Any
    configuration: Any


@dataclass(frozen=True, slots=True)
class Suite:
    """A name and the expectations."""

    name: str
    wanted: tuple[Wanted, ...]


def load_suite(suite: Any) -> Suite:
    """Read a suite, an expectation or several, a validation definition, a checkpoint, or what stands for one of them.

    Raises:
        DefinitionError: It is none of these, expects nothing, or holds what cannot be read.
    """
    gx = library()
    if isinstance(suite, Stored):
        return _of_stored(suite)
    if isinstance(suite, gx.ExpectationSuite):
        return _suite(suite.name, suite.expectations, suite.suite_parameters)
    if isinstance(suite, gx.ValidationDefinition):
        return load_suite(suite.suite)
    if isinstance(suite, gx.Checkpoint):
        return _of_checkpoint(suite)
    items = suite if isinstance(suite, (list, tuple)) else (suite,)
    for item in items:
        if not isinstance(item, gx.expectations.Expectation):
            raise DefinitionError(
                f"{type(item).__module__}.{type(item).__qualname__} is no expectation of Great Expectations",
                fix="give the gate an ExpectationSuite, or expectations such as ExpectColumnValuesToNotBeNull(column='a')",
            )
    return _suite(items[0].expectation_type if len(items) == 1 else "expectations", items, {})


def _of_checkpoint(checkpoint: Any) -> Suite:
    """The suite that all of its validations share: what data they name does not matter, the gate brings its own."""
    suites = {id(each.suite): each.suite for each in checkpoint.validation_definitions}
    if len(suites) != 1:
        names = listing(sorted(str(suite.name) for suite in suites.values()))
        raise DefinitionError(
            f"the checkpoint {checkpoint.name!r} validates several suites: {names}",
            why="they are about different data, and a gate looks at one value",
            fix="give each gate the suite, or the validation definition, of what it stands behind",
        )
    return load_suite(next(iter(suites.values())))


def _of_stored(stored: Stored) -> Suite:
    if stored.is_factory:
        return load_suite(_made(stored.source))
    path = Path(stored.source)
    return _of_file(_in_context(path, stored.suite) if stored.suite else path)


def _made(source: str) -> Any:
    module, _, name = source.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)()
    except Exception as error:  # the user's function may raise anything
        raise DefinitionError(
            f"the function {source!r} gives no suite", why=f"{type(error).__name__}: {error}", fix="mend the function"
        ) from error
    if isinstance(made, Stored):
        raise DefinitionError(f"the function {source!r} gives {made!r}, and no suite", fix="return the suite itself")
    return made


def _in_context(root: Path, suite: str) -> Path:
    """The file of a suite in a file context, which is looked into but not opened: opening one writes into it."""
    for folder in (root, root / "gx"):
        config = folder / "great_expectations.yml"
        if config.is_file():
            where = folder / _suites_folder(config)
            found = where / f"{suite}.json"
            if found.is_file():
                return found
            known = sorted(each.relative_to(where).with_suffix("").as_posix() for each in where.rglob("*.json"))
            close = nearest(suite, known)
            raise DefinitionError(
                f"the context in {str(folder)!r} has no suite {suite!r}",
                why=f"it has {listing(known)}" if known else "it has none",
                fix=f"did you mean {close!r}?" if close else "name one of them",
            )
    raise DefinitionError(
        f"there is no context in {str(root)!r}",
        why="neither it nor its directory 'gx' holds great_expectations.yml",
        fix="name the directory that does",
    )


def _suites_folder(config: Path) -> str:
    from ruamel.yaml import YAML  # Great Expectations requires it

    try:
        told = YAML(typ="safe").load(config.read_text(encoding="utf-8"))
        backend = told["stores"][told["expectations_store_name"]]["store_backend"]
        return str(backend["base_directory"])
    except Exception as error:
        raise DefinitionError(
            f"{str(config)!r} does not say in which directory suites are",
            why=f"{type(error).__name__}: {error}",
            fix="suites of other stores than directories are not in this version: name a JSON file or a function",
        ) from error


def _of_file(path: Path) -> Suite:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))  # editors on Windows write the mark
        name, told = str(data["name"]), data["expectations"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DefinitionError(
            f"{str(path)!r} is no suite of Great Expectations",
            why=f"{type(error).__name__}: {error}",
            fix="write it with json.dump(suite.to_json_dict(), file)",
        ) from error
    return _suite(name, [_read(each, name) for each in told], data.get("suite_parameters") or {})


def _read(told: Any, suite: str) -> Any:
    """One expectation of a file. Great Expectations would leave out what it cannot read, and say so in the log alone."""
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    kind = told.get("type") if isinstance(told, dict) else told
    try:
        known = {key: value for key, value in told.items() if key not in ("id", "rendered_content")}
        return ExpectationConfiguration(**known).to_domain_obj()
    except Exception as error:
        raise DefinitionError(
            f"the suite {suite!r} holds an expectation that cannot be read: {kind}",
            why=f"{type(error).__name__}: {' '.join(str(error).split())}",
            fix="mend it; an expectation of your own has to be imported before: use a function, stored('module:function')",
        ) from error


def _suite(name: Any, expectations: Sequence[Any], parameters: Any) -> Suite:
    if not expectations:
        raise DefinitionError(f"the suite {name!r} expects nothing", fix="add expectations: a gate must gate")
    return Suite(str(name), tuple(_wanted(each, parameters or {}, name) for each in expectations))


def _wanted(expectation: Any, parameters: Any, suite: Any) -> Wanted:
    from great_expectations.expectations.registry import get_expectation_impl

    configuration = copy.deepcopy(expectation.configuration)
    for option in ("result_format", "catch_exceptions"):
        configuration.kwargs.pop(option, None)
    try:
        configuration.process_suite_parameters(suite_parameters=dict(parameters), interactive_evaluation=True)
        filled = configuration.to_domain_obj()
    except Exception as error:
        raise DefinitionError(
            f"{configuration.type} of the suite {suite!r} cannot be evaluated",
            why=f"{type(error).__name__}: {error}",
            fix="give its parameters in ExpectationSuite(suite_parameters={...})",
        ) from error
    if get_expectation_impl(configuration.type) is not type(expectation):
        raise DefinitionError(
            f"there are two expectations {configuration.type!r}, and the suite {suite!r} holds the one that was replaced",
            why="Great Expectations knows the classes by that name, and evaluates the one that was defined last",
            fix="give them different names",
        )
    nulls = next((_NULLS[base.__name__] for base in type(expectation).__mro__ if base.__name__ in _NULLS), None)
    if nulls is not None and "ignore_row_if" not in expectation.__fields_set__:
        configuration.kwargs["ignore_row_if"] = nulls
    return Wanted(filled, configuration)
