"""Suites are gated by capabilities, and no check of theirs is switched off in silence."""

from __future__ import annotations

from typing import Any

import pytest
from dovetail.testing import Gap, PluginSuite, Suite, TaskTypeSuite, never, notimpl, notyet, overrides, requires


class Kit(Suite):
    """A suite as the kit has them."""

    @requires("fly")
    def test_fly(self) -> None:
        raise AssertionError("it walks")

    @pytest.mark.parametrize("depth", ["shallow", "deep"])
    @requires("dive.{depth}")
    def test_dive(self, depth: str) -> None:
        if depth == "deep":
            raise LookupError("no bottom")

    def test_walk(self) -> None: ...


def suite(*bases: type, name: str = "TestBird", **attributes: Any) -> type[Suite]:
    made: Any = type(Suite)(name, bases or (Kit,), {"plugin": "birds.plugin", **attributes})
    return made  # type: ignore[no-any-return]


class TestGaps:
    def test_the_capabilities_are_those_that_the_tests_name(self) -> None:
        assert suite().capabilities == {"fly", "dive.{depth}"}

    @pytest.mark.parametrize("make", [notimpl, notyet, never])
    def test_a_gap_has_a_kind_a_reason_and_the_exception(self, make: Any) -> None:
        gap = make("no wings yet", raises=LookupError)
        assert gap == Gap(make.__name__, "no wings yet", (LookupError,), True)

    @pytest.mark.parametrize("reason", ["", " ", "no", None, 7])
    def test_a_reason_is_a_reason(self, reason: Any) -> None:
        with pytest.raises(TypeError, match="needs a reason"):
            notimpl(reason)

    @pytest.mark.parametrize("raises", [Exception, BaseException, (ValueError, Exception)])
    def test_a_gap_does_not_take_any_exception(self, raises: Any) -> None:
        with pytest.raises(TypeError, match="would take any defect"):
            notyet("not in this version", raises=raises)

    def test_an_unknown_capability_is_refused_with_the_nearest(self) -> None:
        with pytest.raises(TypeError, match="unknown capability 'flly'; did you mean 'fly'"):
            suite(gaps={"flly": never("too heavy")})

    def test_one_case_of_a_parametrised_test_is_a_capability(self) -> None:
        suite(gaps={"dive.deep": never("it floats too well")})

    @pytest.mark.parametrize("gap", ["never", None, "because"])
    def test_something_else_than_a_gap_is_refused(self, gap: Any) -> None:
        with pytest.raises(TypeError, match="must be notimpl"):
            suite(gaps={"fly": gap})


def quiet(self: Any) -> None: ...


@overrides(reason="birds hop here")
def hop(self: Any) -> None: ...


class Mixin:
    def test_walk(self) -> None: ...


class ReasonedMixin:
    test_walk = hop


class TestNothingIsReplacedInSilence:
    @pytest.mark.parametrize("value", [quiet, None, False, staticmethod(quiet)])
    def test_in_the_class_itself(self, value: Any) -> None:
        with pytest.raises(TypeError, match="replaces the check test_walk"):
            suite(test_walk=value)

    def test_by_a_mixin(self) -> None:
        with pytest.raises(TypeError, match="replaces the check test_walk"):
            suite(Mixin, Kit)

    def test_a_mixin_that_comes_later_replaces_nothing(self) -> None:
        suite(Kit, Mixin)

    def test_several_levels_below(self) -> None:
        middle = suite(name="Middle")
        with pytest.raises(TypeError, match="replaces the check test_fly"):
            suite(middle, test_fly=quiet)

    def test_with_a_reason_it_may_be(self) -> None:
        middle = suite(test_walk=hop, name="Middle")
        suite(middle)
        suite(ReasonedMixin, Kit)

    def test_below_a_reasoned_one_a_silent_one_is_caught(self) -> None:
        middle = suite(test_walk=hop, name="Middle")
        with pytest.raises(TypeError, match="replaces the check test_walk"):
            suite(middle, test_walk=quiet)

    def test_what_overrides_nothing_is_an_error(self) -> None:
        with pytest.raises(TypeError, match="replaces nothing; did you mean test_walk"):
            suite(test_wlak=hop)

    @pytest.mark.parametrize("reason", ["", "x", None])
    def test_the_reason_is_one(self, reason: Any) -> None:
        with pytest.raises(TypeError, match="needs a reason"):
            overrides(reason=reason)

    def test_an_override_needs_what_the_check_needed(self) -> None:
        fly = overrides(reason="it glides instead")(lambda self: None)
        assert "fly" in suite(test_fly=fly, gaps={"fly": never("too heavy")}).capabilities

    def test_afterwards_it_is_too_late(self) -> None:
        bird: Any = suite()
        with pytest.raises(TypeError, match="cannot be replaced"):
            bird.test_walk = None
        with pytest.raises(TypeError, match="cannot be removed"):
            del Kit.test_walk

    @pytest.mark.parametrize(
        ("base", "name"),
        [
            (Kit, "_stated_gaps"),
            (TaskTypeSuite, "_check_failure"),
            (TaskTypeSuite, "covers"),
            (PluginSuite, "takes_gap"),
        ],
    )
    def test_what_checks_are_made_of_stays(self, base: type, name: str) -> None:
        with pytest.raises(TypeError, match=f"replaces {name}"):
            suite(base, **{name: quiet})
        mixin = type("Mixin", (), {name: quiet})
        with pytest.raises(TypeError, match=f"replaces {name}"):
            suite(mixin, base)

    def test_a_suite_of_ones_own_says_what_it_covers(self) -> None:
        suite(covers=classmethod(lambda cls: {"command.fly"}))


class TestNoClassIsSwitchedOff:
    def test_by_a_flag(self) -> None:
        with pytest.raises(TypeError, match="__test__"):
            suite(__test__=False)
        bird: Any = suite()
        with pytest.raises(TypeError, match="__test__"):
            bird.__test__ = False

    @pytest.mark.parametrize("mark", [pytest.mark.skip, pytest.mark.skip(reason="later"), pytest.mark.xfail])
    def test_by_a_mark(self, mark: Any) -> None:
        with pytest.raises(TypeError, match=r"switched off by pytest\.mark"):
            suite(pytestmark=mark)
        with pytest.raises(TypeError, match=r"switched off by pytest\.mark"):
            mark(suite())

    def test_a_condition_of_the_environment_is_allowed(self) -> None:
        pytest.mark.skipif(False, reason="needs a cluster")(suite())

    @pytest.mark.parametrize("name", ["__init__", "__new__"])
    def test_by_a_constructor_that_pytest_passes_over(self, name: str) -> None:
        with pytest.raises(TypeError, match="pass it over"):
            suite(**{name: quiet})

    def test_without_a_plugin_nothing_is_tested(self) -> None:
        with pytest.raises(TypeError, match="does not say what it tests"):
            suite(plugin="")


BIRDS = """
    import pytest
    from dovetail.testing import Suite, never, notyet, requires

    class Kit(Suite):
        plugin = "dovetail.types.builtin_hooks"

        @requires("fly")
        def test_fly(self):
            raise AssertionError("it walks")

        @pytest.mark.parametrize("depth", ["shallow", "deep"])
        @requires("dive.{depth}")
        def test_dive(self, depth):
            if depth == "deep":
                raise LookupError("no bottom")

        def test_walk(self): ...
"""


class TestInPytest:
    """What the author sees."""

    @pytest.fixture(autouse=True)
    def _plugin(self, pytester: pytest.Pytester) -> None:
        pytester.makeini("[pytest]\naddopts = -p no:cacheprovider --strict-markers -rs")

    def run(self, pytester: pytest.Pytester, text: str, *options: str) -> Any:
        import textwrap

        pytester.makepyfile(textwrap.dedent(BIRDS) + textwrap.dedent(text))
        return pytester.runpytest_subprocess(*options)

    def test_a_gap_is_told_and_does_not_fail(self, pytester: pytest.Pytester) -> None:
        done = self.run(
            pytester,
            """
            class TestBird(Kit):
                gaps = {"fly": never("too heavy"), "dive.deep": notyet("no bottom in sight", raises=LookupError)}
            """,
        )
        done.assert_outcomes(passed=2, xfailed=2)
        done.stdout.fnmatch_lines(
            ["conformance: dovetail*: 4 checks, 2 gaps (never fly: too heavy; notyet dive.deep: no bottom in sight)"]
        )

    def test_a_check_may_lack_two_capabilities(self, pytester: pytest.Pytester) -> None:
        done = self.run(
            pytester,
            """
            class Deep(Kit):
                @requires("fly", "swim")
                def test_duck(self):
                    raise LookupError("no water")

            class TestDuck(Deep):
                gaps = {
                    "swim": never("it has no feet", raises=LookupError), "fly": never("too heavy"),
                    "dive.deep": never("it floats", raises=LookupError),
                }
            """,
        )
        done.assert_outcomes(passed=2, xfailed=3)

    def test_with_the_option_each_is_on_a_line(self, pytester: pytest.Pytester) -> None:
        text = """
            class TestBird(Kit):
                gaps = {"fly": never("too heavy"), "dive.deep": never("it floats", raises=LookupError)}
            """
        done = self.run(pytester, text, "--dovetail-gaps")
        done.stdout.fnmatch_lines(["  gap: never fly: too heavy", "  gap: never dive.deep: it floats"])

    def test_a_gap_that_is_none_any_more_fails_and_says_so(self, pytester: pytest.Pytester) -> None:
        done = self.run(
            pytester, 'class TestBird(Kit):\n    gaps = {"dive.shallow": never("too wet"), "fly": never("too heavy")}'
        )
        done.assert_outcomes(passed=1, xfailed=1, failed=2)
        done.stdout.fnmatch_lines(['*does it pass? then take "dive.shallow" out of gaps*'])

    def test_a_gap_that_fails_in_another_way_fails(self, pytester: pytest.Pytester) -> None:
        done = self.run(pytester, 'class TestBird(Kit):\n    gaps = {"fly": never("too heavy", raises=LookupError)}')
        done.assert_outcomes(passed=2, failed=2)

    def test_one_that_would_do_harm_is_shown_as_skipped(self, pytester: pytest.Pytester) -> None:
        done = self.run(
            pytester,
            """
            class TestBird(Kit):
                gaps = {"fly": never("it would fall down", runs=False), "dive.deep": never("it floats", raises=LookupError)}
            """,
        )
        done.assert_outcomes(passed=2, skipped=1, xfailed=1)
        done.stdout.fnmatch_lines(["*SKIPPED*never fly: it would fall down"])

    @pytest.mark.parametrize(
        "text",
        [
            "pytestmark = pytest.mark.skip\nclass TestBird(Kit): ...",
            "class TestBird(Kit): ...\npytest.mark.skip(Kit.test_walk)",
            "class TestBird(Kit): ...\npytest.mark.xfail(Kit.test_walk)",
        ],
    )
    def test_a_mark_elsewhere_stops_the_session(self, pytester: pytest.Pytester, text: str) -> None:
        done = self.run(pytester, text)
        assert done.ret != 0
        done.stderr.fnmatch_lines(["*TestBird*a check of the conformance kit is switched off*"])

    def test_a_replaced_check_is_told(self, pytester: pytest.Pytester) -> None:
        done = self.run(
            pytester,
            """
            from dovetail.testing import overrides

            class TestBird(Kit):
                gaps = {"fly": never("too heavy"), "dive.deep": never("it floats", raises=LookupError)}

                @overrides(reason="birds hop here")
                def test_walk(self): ...
            """,
        )
        done.stdout.fnmatch_lines(["*1 replaced check (TestBird.test_walk: birds hop here)"])

    def test_the_plugin_loads_nothing_of_dovetail_before_it_is_needed(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            import sys

            def test_light():
                loaded = {name for name in sys.modules if name.partition(".")[0] == "dovetail"}
                assert loaded == {"dovetail", "dovetail.testing", "dovetail.testing._pytest"}
            """
        )
        pytester.runpytest_subprocess().assert_outcomes(passed=1)

    def test_the_fixtures_give_hubs_of_their_own(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            import pytest

            def test_core_only(dovetail_hub):
                assert sorted(dovetail_hub.catalogue.task_types()) == ["dataset", "publish", "python", "shell"]

            @pytest.mark.dovetail_plugins(max_workers=2)
            def test_settings(dovetail_hub):
                assert dovetail_hub.settings.max_workers == 2

            def test_several(dovetail_harness):
                assert dovetail_harness().settings.home != dovetail_harness().settings.home
            """
        )
        pytester.runpytest_subprocess().assert_outcomes(passed=3)
