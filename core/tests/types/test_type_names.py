"""A declared type has one name, whichever of its names it is asked by, and whether its module is loaded or not."""

from __future__ import annotations

import pytest
from dovetail.config import Settings
from dovetail.plugins import build_catalogue
from dovetail.spec import TransformerSpec, TypeRef, hookimpl
from dovetail.types import TypeEngine


class Plugin:
    DOVETAIL_API = 1

    @hookimpl
    def dovetail_type_transformers(self) -> list[TransformerSpec]:
        return [TransformerSpec("bakery.Bread", "bakery:T", aliases=("bakery.ovens.loaf.Bread",))]


@pytest.fixture
def types(bare_settings: Settings) -> TypeEngine:
    return TypeEngine(build_catalogue(bare_settings, [Plugin()]))


@pytest.mark.parametrize("name", ["bakery.Bread", "bakery.ovens.loaf.Bread"])
def test_a_reference_by_any_name_has_the_declared_name(types: TypeEngine, name: str) -> None:
    assert types.type_name(TypeRef(name)) == "bakery.Bread"
    assert types.type_name(name) == "bakery.Bread"
    assert types.type_name(f"list[{name}]") == "list[bakery.Bread]"


def test_a_reference_that_nobody_declares_keeps_its_name(types: TypeEngine) -> None:
    assert types.type_name(TypeRef("bakery.ovens.Cake")) == "bakery.ovens.Cake"
