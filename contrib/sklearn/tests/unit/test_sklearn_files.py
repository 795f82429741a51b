"""Files of models that somebody broke or made on purpose, and those of other versions."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
from dovetail.errors import ArtifactCorrupt, EngineUnavailable, ValueMismatch
from dovetail.testing import HubHarness
from dovetail_sklearn.transformers import SkopsCodec
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.linear_model import LogisticRegression

CODEC = SkopsCodec()
X = np.random.RandomState(0).rand(40, 3)
Y = (X[:, 0] > 0.5).astype(int)


def changed(file: Path, change: Callable[[dict[str, bytes]], None], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file


def schema_with(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        members["schema.json"] = json.dumps(json.loads(members["schema.json"]) | changes).encode()

    return change


def versions_with(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        found = json.loads(members["dovetail.json"]) | {key.replace("_", "-"): item for key, item in changes.items()}
        members["dovetail.json"] = json.dumps(found).encode()

    return change


def header(shape: str, descr: str = "'<f8'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(24)


EMPTY: dict[str, Any] = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []}


def bomb() -> dict[str, Any]:
    """Lists of which each holds the one before twice: small, and endless for who follows it."""
    node = EMPTY | {"__id__": 1}
    for number in range(2, 60):
        node = {**node, "content": [node, EMPTY | {"__id__": number - 1}], "__id__": number}
    return node


def deep() -> dict[str, bytes]:
    return {"schema.json": b'{"content":' * 100_000 + b"1" + b"}" * 100_000}


FIRST = "1.npy"
DAMAGES: dict[str, Callable[[dict[str, bytes]], None]] = {
    "no schema": lambda m: m.pop("schema.json") and None,
    "no versions": lambda m: m.pop("dovetail.json") and None,
    "no array": lambda m: m.pop(FIRST) and None,
    "array cut": lambda m: m.update({FIRST: m[FIRST][:-1]}),
    "array of objects": lambda m: m.update({FIRST: header("(3,)", "'|O'")}),
    "lying shape": lambda m: m.update({FIRST: header(f"({10**15},)")}),
    "negative shape": lambda m: m.update({FIRST: header("(-1, -3)")}),
    "no array at all": lambda m: m.update({FIRST: b"cos\nsystem\n(S'true'\ntR."}),
    "no json": lambda m: m.update({"schema.json": b"\xff{"}),
    "other json": lambda m: m.update({"schema.json": b"[]"}),
    "too deep": lambda m: m.update(deep()),
    "path": lambda m: m.update({"../../evil.npy": b""}),
    "absolute path": lambda m: m.update({"/etc/evil": b""}),
    "unknown node": schema_with(__loader__="EvilNode"),
    "unknown protocol": schema_with(protocol=99),
    "cached node": schema_with(content={"__loader__": "CachedNode", "__id__": 1, "__class__": "a", "__module__": "b"}),
    "endless": schema_with(content=bomb()),
    "no estimator": schema_with(
        __loader__="DictNode", __class__="dict", __module__="builtins", content={}, key_types=EMPTY
    ),
    "format": versions_with(format=2),
    "odd version": versions_with(scikit_learn="new"),
}


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Path]:
    with HubHarness("dovetail_sklearn.plugin"):
        CODEC.write(LogisticRegression().fit(X, Y), tmp_path / "m.skops")
        yield tmp_path / "m.skops"


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_and_hostile_files_are_refused(damage: str, stored: Path) -> None:
    with pytest.raises(ArtifactCorrupt, match="cannot be read as a scikit-learn model"):
        CODEC.read(changed(stored, DAMAGES[damage]))


def test_compressed_files_are_refused_before_they_are_unpacked(stored: Path) -> None:
    changed(stored, lambda m: m.update({"zeros.bin": bytes(50_000_000)}), zipfile.ZIP_DEFLATED)
    assert stored.stat().st_size < 100_000
    with pytest.raises(ArtifactCorrupt, match="compressed"):
        CODEC.read(stored)


def test_compressed_arrays_inside_are_refused(stored: Path) -> None:
    inner = io.BytesIO()
    np.savez_compressed(inner, data=np.zeros(1_000_000))
    node = {"__class__": "csr_matrix", "__module__": "scipy.sparse._csr", "__loader__": "SparseMatrixNode"}
    change = schema_with(content=node | {"type": "scipy", "file": "9.npz"})
    changed(stored, lambda m: m.update({"9.npz": inner.getvalue()}))
    changed(stored, change)
    with pytest.raises(ArtifactCorrupt, match="compressed"):
        CODEC.read(stored)


def test_members_that_lie_on_each_other_are_refused(stored: Path) -> None:
    with zipfile.ZipFile(stored, "a") as archive:
        entry = archive.getinfo("schema.json")
        for number in range(50):
            other = copy.copy(entry)
            other.filename = f"{number}.bin"
            archive.filelist.append(other)
        archive._didModify = True  # type: ignore[attr-defined]
    with pytest.raises(ArtifactCorrupt, match="larger than the archive"):
        CODEC.read(stored)


@pytest.mark.parametrize("length", [0, 1, 100, -1, -30])
def test_cut_files_are_refused(length: int, stored: Path) -> None:
    stored.write_bytes(stored.read_bytes()[:length])
    with pytest.raises(ArtifactCorrupt):
        CODEC.read(stored)


def test_a_file_that_names_what_it_wants_to_call_is_refused(stored: Path) -> None:
    node = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}
    with pytest.raises(ValueMismatch, match=r"os\.system"):
        CODEC.read(changed(stored, schema_with(content=node)))


# -- versions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["0.24.2", "99.0.1"])
def test_a_model_of_another_version_of_scikit_learn_is_refused(other: str, stored: Path) -> None:
    minor = ".".join(other.split(".")[:2])
    with pytest.raises(EngineUnavailable, match=rf"scikit-learn {other}(?s:.*)pip install 'scikit-learn=={minor}\.\*'"):
        CODEC.read(changed(stored, versions_with(scikit_learn=other)))


def test_a_model_of_another_patch_of_scikit_learn_is_read(stored: Path) -> None:
    patch = ".".join(sklearn.__version__.split(".")[:2]) + ".999"
    CODEC.read(changed(stored, versions_with(scikit_learn=patch)))


def test_scikit_learn_warns_of_another_patch(stored: Path) -> None:
    def change(members: dict[str, bytes]) -> None:
        here = json.dumps(json.dumps(sklearn.__version__)).encode()
        assert here in members["schema.json"]
        members["schema.json"] = members["schema.json"].replace(here, here.replace(b".", b".9", 1))

    with pytest.warns(InconsistentVersionWarning):
        CODEC.read(changed(stored, change))


def test_a_model_of_a_newer_skops_is_refused(stored: Path) -> None:
    with pytest.raises(EngineUnavailable, match="pip install --upgrade skops"):
        CODEC.read(changed(stored, versions_with(skops="99.1.0")))
