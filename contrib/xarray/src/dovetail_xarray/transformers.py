"""xarray datasets: stored as a directory with one file per variable, without pickle."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from dovetail.errors import ArtifactCorrupt, ValueMismatch
from dovetail.spec import FieldInfo, Preview, Schema, TypeTransformer
from dovetail_numpy.transformers import ArrayTransformer, NpyCodec
from xarray.indexes import PandasIndex, PandasMultiIndex

from dovetail_xarray._attributes import from_json, to_json

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DatasetCodec", "DatasetTransformer", "to_arrow"]

_INDEX = "dataset.json"


def to_arrow(dataset: xr.Dataset) -> pa.Table:
    """A row per point of all dimensions, a column per variable and coordinate. Missing values and NaN are null.

    Raises:
        ValueMismatch: A variable has no one Arrow type.
    """
    import pyarrow as pa

    if not dataset.variables:
        return pa.table({})
    try:
        if dataset.sizes:
            frame = dataset.to_dataframe().reset_index()
        else:
            frame = dataset.reset_coords().expand_dims("row").to_dataframe().reset_index(drop=True)
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise ValueMismatch(
            "the xarray dataset has no form as a table",
            why=str(error).splitlines()[0],
            fix="choose variables that share their dimensions: dataset[['a', 'b']]",
        ) from error


def _checked(dataset: xr.Dataset) -> dict[str, Any]:
    """The variables by name, sorted.

    Raises:
        ValueMismatch: A name is not text, an index is one of several levels or of the user's own, or a variable holds objects.
    """
    for name, index in dataset.xindexes.items():
        if isinstance(index, PandasMultiIndex) or not isinstance(index, PandasIndex):
            raise ValueMismatch(
                f"the index of {name!r} is a {type(index).__name__}, which cannot be stored",
                fix="dataset.reset_index(...) makes plain coordinates of its levels",
            )
    odd = [name for name in dataset.variables if not isinstance(name, str)]
    if odd:
        raise ValueMismatch(f"the variable {odd[0]!r} has a name that is not text", fix="dataset.rename(...)")
    return {str(name): dataset.variables[name] for name in sorted(map(str, dataset.variables))}


def _values(variable: Any, name: str) -> tuple[Any, Any]:
    """The values as an array that can be stored, and where text was missing (None if there was no such text).

    Text may come as Python objects, from pandas for one: it becomes an array of text and a mask.
    """
    if not isinstance(variable.dtype, np.dtype):
        raise ValueMismatch(
            f"the variable {name!r} is a pandas array ({variable.dtype}), which has no NumPy form",
            fix=f"dataset[{name!r}].astype(...) to a NumPy dtype, or to object for text",
        )
    array = np.asarray(variable.values)
    if array.dtype.kind not in "OT":
        return array, None
    items = array.ravel().tolist()
    missing = [item is None or item != item for item in items]
    texts = ["" if gone else item for gone, item in zip(missing, items, strict=True)]
    if not all(isinstance(text, str) for text in texts) or any("\0" in text[-1:] for text in texts):
        raise ValueMismatch(
            f"the variable {name!r} holds Python objects other than text",
            why="they could only be pickled, which dovetail never does",
            fix="cast it to a NumPy dtype",
        )
    width = max(map(len, texts), default=1) or 1
    plain = np.array(texts, dtype=f"U{width}").reshape(array.shape)
    return plain, np.array(missing, dtype=bool).reshape(array.shape)


class DatasetTransformer(TypeTransformer):
    """``xarray.Dataset``."""

    type_name = "xarray.Dataset"

    def content_hash(self, value: xr.Dataset) -> str:
        """Of variables, coordinates and attributes; the order of variables and how they are stored make no difference."""
        whole = hashlib.blake2b(b"dovetail-xarray-1\0", digest_size=32)
        hash_of = ArrayTransformer().content_hash
        for name, variable in _checked(value).items():
            array, missing = _values(variable, name)
            parts = [name, name in value.coords, variable.dims, _attributes(variable.attrs, name), hash_of(array)]
            parts.append(None if missing is None else hash_of(missing))
            whole.update(json.dumps(parts, sort_keys=True).encode() + b"\0")
        whole.update(json.dumps([dict(value.sizes), _attributes(value.attrs, "")], sort_keys=True).encode())
        return whole.hexdigest()

    def schema(self, value: xr.Dataset) -> Schema | None:
        """Variables with dtype and dimensions."""
        fields = ((str(n), f"{v.dtype}({', '.join(map(str, v.dims))})") for n, v in value.variables.items())
        return Schema(tuple(FieldInfo(*field) for field in fields))

    def size(self, value: xr.Dataset) -> int | None:
        """Bytes of all variables."""
        return int(value.nbytes)

    def preview(self, value: xr.Dataset, limit: int = 10) -> Preview:
        """Dimensions and variables; nothing is computed."""
        sizes = ", ".join(f"{name}: {size}" for name, size in value.sizes.items())
        return Preview.of_text(
            f"{sizes or 'no dimensions'}; variables {', '.join(map(str, value.data_vars)) or 'none'}"
        )


def _attributes(attributes: Any, where: str) -> dict[str, Any]:
    return {
        str(key): to_json(item, f"{key!r} of {where!r}" if where else repr(key)) for key, item in attributes.items()
    }


class DatasetCodec:
    """``xarray.Dataset`` <-> a directory: ``dataset.json``, and for each variable its values as ``.npy``."""

    def write(self, value: xr.Dataset, path: Path) -> None:
        """Write the dataset; lazy variables are computed one by one."""
        path.mkdir()
        described = []
        for number, (name, variable) in enumerate(_checked(value).items()):
            array, missing = _values(variable, name)
            NpyCodec().write(array, path / f"{number}.npy")
            if missing is not None:
                NpyCodec().write(missing, path / f"{number}.missing.npy")
            described.append(
                {
                    "name": name,
                    "dims": [str(dim) for dim in variable.dims],
                    "coordinate": name in value.coords,
                    "indexed": name in value.xindexes,
                    "text": missing is not None,
                    "attributes": _attributes(variable.attrs, name),
                }
            )
        order = [str(name) for name in value.variables]
        whole = {"format": 1, "order": order, "attributes": _attributes(value.attrs, ""), "variables": described}
        (path / _INDEX).write_text(json.dumps(whole), encoding="utf-8")

    def read(self, path: Path) -> xr.Dataset:
        """Read a dataset.

        Raises:
            ArtifactCorrupt: A file is not there, or is not what it should be.
        """
        try:
            whole = json.loads((path / _INDEX).read_text(encoding="utf-8"))
            found, coordinates, plain = {}, [], []
            for number, described in enumerate(whole["variables"]):
                array = NpyCodec().read(path / f"{number}.npy")
                if described["text"]:
                    missing = NpyCodec().read(path / f"{number}.missing.npy")
                    array = array.astype(object)
                    array[missing] = None
                name = described["name"]
                found[name] = xr.Variable(described["dims"], array, from_json({"table": described["attributes"]}))
                if described["coordinate"]:
                    coordinates.append(name)
                if described["coordinate"] and not described["indexed"] and described["dims"] == [name]:
                    plain.append(name)
            dataset = xr.Dataset({name: found[name] for name in whole["order"]})
            dataset = dataset.set_coords(coordinates).drop_indexes(plain)
            return dataset.assign_attrs(from_json({"table": whole["attributes"]}))
        except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
            raise ArtifactCorrupt(
                "the artifact cannot be read as an xarray dataset",
                why=str(error).splitlines()[0] if str(error) else type(error).__name__,
                fix="delete the artifact and run again",
            ) from error
