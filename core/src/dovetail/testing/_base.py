"""The base of all suites: tests that are gated by capabilities and cannot be switched off in silence."""

from __future__ import annotations

import re
from abc import ABCMeta
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeVar

import pytest

from dovetail.errors import listing, nearest
from dovetail.testing._gaps import Gap
from dovetail.testing._harness import HubHarness
from dovetail.testing._marks import override_reason, required

_S = TypeVar("_S")


def fail(what: str, *, why: str | None = None, fix: str | None = None) -> NoReturn:
    """Fail a check: say what is wrong with the plugin, why that matters, and what to do.

    Raises:
        AssertionError: Always.
    """
    __tracebackhide__ = True
    lines = [what, *(f"  {label}: {text}" for label, text in (("why", why), ("fix", fix)) if text)]
    raise AssertionError("\n".join(lines))


def declared_spec(declared: Mapping[str, _S], suite: Any, noun: str, attribute: str, hook: str) -> _S:
    """The declaration that a suite names.

    Args:
        declared: The declarations of the kind, by name.
        suite: Its attribute ``attribute`` names one.
        noun: What the kind is called: ``"type"``.
        attribute: ``"type"``, ``"engine"``.
        hook: The hook that declares such.

    Raises:
        AssertionError: There is none of this name.
    """
    name = getattr(suite, attribute)
    spec = declared.get(name)
    if spec is None:
        close = nearest(name, declared)
        fail(
            f"{suite.plugin} declares no {noun} {name!r}",
            fix=f'{attribute} = "{close}"' if close else f"declare it in {hook}",
        )
    return spec


class SuiteType(ABCMeta):
    """The class of suite classes: what was checked when a suite was defined cannot be changed afterwards."""

    def __setattr__(cls, name: str, value: Any) -> None:
        if name.startswith("test"):
            raise TypeError(f"{cls.__name__}.{name} cannot be replaced; state a gap, or write it with @overrides")
        if name == "pytestmark":
            _refuse_marks(cls, value)
        if name == "__test__":
            _refuse_hidden(cls, value)
        super().__setattr__(name, value)

    def __delattr__(cls, name: str) -> None:
        if name.startswith("test"):
            raise TypeError(f"{cls.__name__}.{name} cannot be removed; state a gap, or write it with @overrides")
        super().__delattr__(name)


class Suite(metaclass=SuiteType):
    """Base of the suites of the conformance kit. A plugin's tests subclass one of the kit's suites, not this.

    Attributes:
        plugin: Import name of the hook module: ``"dovetail_polars.plugin"``.
        with_plugins: Import names of further hook modules that the tests need in the hub.
        gaps: Capability -> what the plugin does not do, and why. The tests of the capability still run and must fail.
        own_capabilities: Capabilities beside those that the tests name with :func:`requires`.
        capabilities: All of them; computed.
        settings: Settings of the hub beside its defaults: ``{"max_workers": 2}``.
        may_leave: Pattern of the name of a thread, or of the command of a process, that may outlive a hub -> why.
    """

    plugin: ClassVar[str] = ""
    with_plugins: ClassVar[tuple[str, ...]] = ()
    gaps: ClassVar[Mapping[str, Gap]] = {}
    own_capabilities: ClassVar[frozenset[str]] = frozenset()
    capabilities: ClassVar[frozenset[str]] = frozenset()
    settings: ClassVar[Mapping[str, Any]] = {}
    may_leave: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.capabilities = frozenset(cls.own_capabilities) | {
            capability for name in check_names(cls) for capability in required_by(cls, name)
        }
        _refuse_constructor(cls)
        _refuse_hidden(cls, vars(cls).get("__test__", True))
        _refuse_marks(cls, vars(cls).get("pytestmark", ()))
        _refuse_touched(cls)
        _refuse_overrides(cls)
        _refuse_gaps(cls)
        _refuse_leavings(cls)
        if cls.__name__.startswith("Test") and not cls.plugin:
            raise TypeError(f'{cls.__name__} does not say what it tests; write plugin = "my_package.plugin"')

    @classmethod
    def covers(cls) -> set[str]:
        """The declarations that the suite tests: ``{"task_type.sql"}``, ``{"type.polars.DataFrame"}``."""
        return set()

    @classmethod
    def takes_gap(cls, name: str) -> bool:
        """Whether a gap of this name means something here."""
        return any(_pattern(capability).fullmatch(name) for capability in cls.capabilities)

    @pytest.fixture(autouse=True)
    def _stated_gaps(self, request: pytest.FixtureRequest) -> None:
        """A gap's test must fail, in the way that was stated; one that would do harm is not run."""
        parameters = getattr(getattr(request.node, "callspec", None), "params", {})
        named = [_filled(each, parameters) for each in required_by(type(self), request.function.__name__)]
        found = {name: self.gaps[name] for name in named if name in self.gaps}
        if not found:
            return
        texts = [f"{gap.kind} {name}: {gap.reason}" for name, gap in found.items()]
        request.node.user_properties.extend(("dovetail_gap", text) for text in texts)
        told = "; ".join(texts)
        if not all(gap.runs for gap in found.values()):
            pytest.skip(told)
        classes = {kind for gap in found.values() for kind in gap.raises}
        if AssertionError in classes:
            classes.add(
                pytest.fail.Exception
            )  # what pytest.raises and pytest.fail raise is a failed check like any other
        names = " or ".join(f'"{name}"' for name in found)
        advice = f"{told} (does it pass? then take {names} out of gaps)"
        request.applymarker(pytest.mark.xfail(strict=True, raises=tuple(classes), reason=advice))

    @pytest.fixture
    def hub(self, tmp_path: Path) -> Iterator[HubHarness]:
        """A hub with exactly the plugins that the class names, in a directory of its own."""
        with HubHarness(
            self.plugin, *self.with_plugins, home=tmp_path / "hub", may_leave=self.may_leave, **self.settings
        ) as hub:
            yield hub


def check_names(cls: type) -> list[str]:
    """Names of the tests that the suites among the bases of a class define."""
    found = {
        name: None
        for base in reversed(cls.__mro__)
        if isinstance(base, SuiteType)
        for name in vars(base)
        if name.startswith("test")
    }
    return list(found)


def kit_checks(cls: type) -> set[str]:
    """Names of the tests that a class has from its bases; those that it adds itself are its own affair."""
    return {
        name for base in cls.__mro__[1:] if isinstance(base, SuiteType) for name in vars(base) if name[:4] == "test"
    }


def required_by(cls: type, name: str) -> tuple[str, ...]:
    """The capabilities that a test needs; one that overrides another needs what that needed."""
    named = (required(vars(base)[name]) for base in cls.__mro__ if name in vars(base))
    return tuple(dict.fromkeys(capability for capabilities in named for capability in capabilities))


def overridden(cls: type) -> dict[str, str | None]:
    """Tests of base suites that are replaced in a class or in one of its mixins, with the reason that is given."""
    found: dict[str, str | None] = {}
    for name in check_names(cls):
        definers = [base for base in cls.__mro__ if name in vars(base)]
        # Every definition above that of a suite stands in for it, whoever of the bases made it.
        lowest = max(place for place, base in enumerate(definers) if isinstance(base, SuiteType))
        for base in definers[:lowest]:
            found[name] = override_reason(vars(base)[name])
            if found[name] is None:
                break
    return found


def _refuse_overrides(cls: type) -> None:
    replaced = overridden(cls)
    for name, reason in replaced.items():
        if reason is None:
            raise TypeError(
                f"{cls.__name__} replaces the check {name} of the conformance kit in silence; give the test a name of "
                f'its own, state a gap, or write @overrides(reason="...") above it'
            )
    for name, value in vars(cls).items():
        if override_reason(value) is not None and name not in replaced:
            close = nearest(name, check_names(cls.__mro__[1]))
            raise TypeError(
                f"{cls.__name__}.{name} says @overrides and replaces nothing"
                + (f"; did you mean {close}?" if close else "; take @overrides out")
            )


def _refuse_touched(cls: type) -> None:
    """What the kit's checks are made of is not for subclasses: a check that looks the same would check something else."""
    for base in cls.__mro__:
        if not _is_of_the_kit(base):
            continue
        for name in vars(base):
            own = name.startswith("_") and not name.startswith("_abc_") and not name.endswith("__")
            if not (own or name == "hub" or (name in ("covers", "takes_gap") and base is not Suite)):
                continue
            winner = next(each for each in cls.__mro__ if name in vars(each))
            if not _is_of_the_kit(winner):
                raise TypeError(
                    f"{cls.__name__} replaces {name} of {base.__name__}, which its checks are made of; give yours another name"
                )


def _is_of_the_kit(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "dovetail" and isinstance(cls, SuiteType)


def _refuse_gaps(cls: type[Suite]) -> None:
    if not isinstance(cls.gaps, Mapping):
        raise TypeError(f"{cls.__name__}.gaps maps capabilities to gaps, it is no {type(cls.gaps).__name__}")
    for name, gap in cls.gaps.items():
        if not isinstance(gap, Gap):
            raise TypeError(
                f'{cls.__name__}.gaps[{name!r}] must be notimpl("reason"), notyet("reason") or never("reason"), '
                f"not {gap!r}"
            )
        if not cls.takes_gap(name):
            close = nearest(name, cls.capabilities)
            advice = f"did you mean {close!r}?" if close else f"there are {listing(sorted(cls.capabilities))}"
            raise TypeError(f"{cls.__name__}.gaps names the unknown capability {name!r}; {advice}")


def _refuse_leavings(cls: type[Suite]) -> None:
    for pattern, reason in cls.may_leave.items():
        if len(str(reason).split()) < 2:
            raise TypeError(f"{cls.__name__}.may_leave[{pattern!r}] needs a reason")


def _refuse_constructor(cls: type) -> None:
    for base in cls.__mro__:
        for name in ("__init__", "__new__"):
            if name in vars(base) and base is not object:
                raise TypeError(
                    f"{cls.__name__} has {name} (of {base.__name__}), so pytest would pass it over in silence; "
                    "use class attributes and fixtures"
                )


def _refuse_hidden(cls: type, value: object) -> None:
    if not value:
        raise TypeError(
            f"{cls.__name__} is hidden by __test__ = False; a base of your own needs a name that does not begin with Test"
        )


def _refuse_marks(cls: type, marks: Any) -> None:
    for mark in marks if isinstance(marks, (list, tuple)) else [marks]:
        name = getattr(mark, "name", "")
        if name in ("skip", "xfail"):
            raise TypeError(
                f"{cls.__name__} is switched off by pytest.mark.{name}; state the gaps, or use "
                'pytest.mark.skipif(..., reason="...") where an environment cannot run it'
            )


def _pattern(capability: str) -> re.Pattern[str]:
    parts = re.split(r"\{\w+\}", capability)
    return re.compile("(.+)".join(re.escape(part) for part in parts))


def _filled(capability: str, parameters: Mapping[str, Any]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: str(parameters.get(match[1], match[0])), capability)
