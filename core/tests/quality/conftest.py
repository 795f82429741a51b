"""A stand-in for the type engine, until the real one is here."""

import pyarrow as pa
import pytest
from dovetail.errors import ConversionError
from dovetail.quality.builtin_hooks import dovetail_check_engines
from dovetail.spec import TypeTransformer


class ArrowT(TypeTransformer):
    type_name = "pyarrow.Table"
    is_table = True

    def num_rows(self, value):
        return value.num_rows

    def take_rows(self, value, rows):
        return value.take(pa.array(rows, pa.int64()))

    def to_arrow(self, value):
        return value


class PolarsT(TypeTransformer):
    type_name = "polars.DataFrame"
    is_table = True

    def num_rows(self, value):
        return value.height

    def take_rows(self, value, rows):
        return value[rows]

    def to_arrow(self, value):
        return value.to_arrow()


class LazyT(TypeTransformer):
    type_name = "polars.LazyFrame"
    is_table = True
    lazy = True


class PandasT(TypeTransformer):
    type_name = "pandas.DataFrame"
    is_table = True

    def num_rows(self, value):
        return len(value)

    def take_rows(self, value, rows):
        return value.iloc[rows]

    def to_arrow(self, value):
        return pa.Table.from_pandas(value, preserve_index=False)


class Catalogue:
    def __init__(self):
        self.engines = {s.name: s for s in dovetail_check_engines()}
        try:
            from dovetail_pandera.plugin import dovetail_check_engines as more

            self.engines.update({s.name: s for s in more()})
        except ImportError:
            pass

    def check_engines(self):
        return self.engines

    def transformers(self):
        return {t.type_name: t for t in (ArrowT, PolarsT, LazyT, PandasT)}

    def load(self, code, who=None):
        import importlib

        module, _, attr = code.partition(":")
        return getattr(importlib.import_module(module), attr)


class Types:
    catalogue = Catalogue()

    def transformer_named(self, name):
        return self.catalogue.transformers()[name]()

    def transformer_for(self, value):
        name = type(value).__module__.partition(".")[0] + "." + type(value).__name__
        if name == "pyarrow.Table" or name in self.catalogue.transformers():
            return self.transformer_named(name)
        t = TypeTransformer()
        t.type_name = name
        return t

    def convert(self, value, target, allow_lossy=False):
        import polars as pl

        a, b = self.transformer_for(value).type_name, target.name
        if a == b:
            return value
        if a == "polars.LazyFrame":
            value, a = value.collect(), "polars.DataFrame"
        arrow = self.transformer_for(value).to_arrow(value)
        if b == "pyarrow.Table":
            return arrow
        if b == "polars.DataFrame":
            return pl.from_arrow(arrow)
        if b == "polars.LazyFrame":
            return pl.from_arrow(arrow).lazy()
        if b == "pandas.DataFrame":
            return arrow.to_pandas()
        raise ConversionError(f"{a} to {b}")


@pytest.fixture(scope="session")
def types():
    return Types()
