"""scikit-learn models: described and stored by skops, read only if every type in them is trusted. Never pickled."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import sklearn
import skops
import skops.io
from dovetail.errors import ArtifactCorrupt, DovetailError, EngineUnavailable, ValueMismatch, shorten
from dovetail.spec import Preview, TypeTransformer
from sklearn.base import BaseEstimator

from dovetail_sklearn._arrays import Malformed, members, packed, unpacked
from dovetail_sklearn._state import State, guarded, lookup
from dovetail_sklearn._trust import trusted_types, untrusted

__all__ = ["EstimatorTransformer", "SkopsCodec"]

_SCHEMA, _VERSIONS = "schema.json", "dovetail.json"
_NAME_IT = (
    "define it with def or class at the top of a module that the workflow imports, and name it in trusted of "
    "[plugin.sklearn]; or do this step in a task of its own"
)


def _described(model: BaseEstimator) -> tuple[State, dict[str, bytes]]:
    """The state of a model, and the files that it refers to.

    Raises:
        ValueMismatch: skops has no form for something in it, or a function or class in it cannot be found by name.
    """
    _check_parameters(model)
    try:
        data = skops.io.dumps(model)
        files = _read_own(data)
        state = State(json.loads(files.pop(_SCHEMA)), files)
        nameless = sorted(set(state.nameless()))
    except DovetailError:
        raise
    except Exception as error:  # RecursionError among them; a model may hold anything
        raise ValueMismatch(
            f"a {type(model).__name__} holds something that cannot be stored",
            why=f"skops says: {type(error).__name__}: {shorten(str(error), 200)}",
            fix="take it out of the model's parameters and attributes",
        ) from error
    if nameless:
        raise _without_name(model, ", ".join(nameless))
    return state, files


def _read_own(data: bytes) -> dict[str, bytes]:
    """The members of what skops has just written."""
    return {name: unpacked(name, item) for name, item in members(io.BytesIO(data), len(data)).items()}


def _check_parameters(model: BaseEstimator) -> None:
    """Functions and classes are stored by name, so the name must lead to the very same one."""
    try:
        parameters = model.get_params(deep=True)
    except Exception:  # an estimator with a constructor of its own kind
        return
    for key, value in parameters.items():
        name = getattr(value, "__name__", None)
        module = getattr(value, "__module__", None)
        if not callable(value) or name is None or module is None:
            continue
        if lookup(module, name) is not value:
            raise _without_name(model, f"{module}.{name}", key)


def _without_name(model: BaseEstimator, name: str, parameter: str = "") -> ValueMismatch:
    where = f" (the parameter {parameter!r})" if parameter else ""
    return ValueMismatch(
        f"a {type(model).__name__} holds {name}{where}, which cannot be found by that name",
        why="functions and classes are stored by name; their code could only be pickled, which dovetail never does",
        fix=_NAME_IT,
    )


def _digest(model: BaseEstimator, state: State) -> str:
    try:
        return str(guarded(state.digest))
    except Malformed as error:
        raise ValueMismatch(
            f"a {type(model).__name__} holds something that cannot be stored",
            why=str(error),
            fix="take it out of the model's parameters and attributes",
        ) from error


class EstimatorTransformer(TypeTransformer):
    """``sklearn.base.BaseEstimator`` and all that is derived from it, fitted or not."""

    type_name = "sklearn.base.BaseEstimator"

    def content_hash(self, value: BaseEstimator) -> str:
        """Of classes, parameters and fitted attributes; functions count by name.

        Raises:
            ValueMismatch: It holds something that cannot be stored.
        """
        return _digest(value, _described(value)[0])

    def preview(self, value: BaseEstimator, limit: int = 10) -> Preview:
        """The class, at most ``limit`` parameters, and what it was fitted on. Plain text; no HTML of scikit-learn's."""
        try:
            parameters = value.get_params(deep=False)
            features = getattr(value, "n_features_in_", None)
        except Exception:  # an estimator with a constructor of its own kind
            parameters, features = {}, None
        shown = [f"{key}={shorten(item, 40)}" for key, item in sorted(parameters.items())[:limit]]
        if len(parameters) > limit:
            shown.append("...")
        text = f"{type(value).__name__}({', '.join(shown)})"
        text = text if len(text) <= 360 else text[:357] + "..."
        return Preview(text=text if features is None else f"{text}, {features} features")


class SkopsCodec:
    """A model <-> one ``.skops`` file, which skops reads as well; the versions it was written with are in ``dovetail.json``."""

    def write(self, value: BaseEstimator, path: Path) -> None:
        """Write the model, and make sure that it comes back as it is.

        Raises:
            ValueMismatch: It holds something that cannot be stored, or that is not trusted.
        """
        state, files = _described(value)
        digest = _digest(value, state)
        schema, names = state.portable()
        versions = {"format": 1, "scikit-learn": sklearn.__version__, "skops": skops.__version__}
        whole = {_VERSIONS: json.dumps(versions).encode(), _SCHEMA: json.dumps(schema).encode()}
        data = packed(whole | {new: files[old] for old, new in names.items()})
        trusted = trusted_types()
        unknown = set(skops.io.get_untrusted_types(data=data)) - set(trusted)
        if unknown:
            raise untrusted(ValueMismatch, f"a {type(value).__name__}", unknown, trusted)
        try:
            again = skops.io.loads(data, trusted=trusted)
            same = type(again) is type(value) and _digest(again, _described(again)[0]) == digest
            why = "what skops reads is not what it wrote"
        except Exception as error:  # whatever the constructors of the model's parts raise
            same, why = False, f"skops cannot read it again: {type(error).__name__}: {shorten(str(error), 200)}"
        if not same:
            raise ValueMismatch(
                f"a {type(value).__name__} would not come back as it is",
                why=why,
                fix="keep to text as keys of dicts and to the types of NumPy, SciPy and scikit-learn in it",
            )
        path.write_bytes(data)

    def read(self, path: Path) -> BaseEstimator:
        """Read a model, after a look at every type in it.

        Raises:
            ArtifactCorrupt: The file is damaged, or is no model.
            EngineUnavailable: It was written with another minor version of scikit-learn, or a newer skops.
            ValueMismatch: It holds a type that is not trusted.
        """
        try:
            data = path.read_bytes()
            files = members(io.BytesIO(data), len(data))
            versions, schema = (json.loads(files.pop(name)) for name in (_VERSIONS, _SCHEMA))
            _check_versions(versions)
            guarded(State(schema, files).digest)
            trusted = trusted_types()
            unknown = set(guarded(lambda: skops.io.get_untrusted_types(data=data))) - set(trusted)
            if unknown:
                raise untrusted(ValueMismatch, "the stored model", unknown, trusted)
            model = skops.io.loads(data, trusted=trusted)
        except DovetailError:
            raise
        except Malformed as error:
            raise _corrupt(str(error)) from error
        except Exception as error:  # whatever a file that somebody changed makes of itself
            raise _corrupt(f"{type(error).__name__}: {shorten(str(error), 200)}") from error
        if not isinstance(model, BaseEstimator):
            raise _corrupt(f"it holds a {type(model).__name__}")
        return model


def _check_versions(versions: Any) -> None:
    """scikit-learn gives no promise for models of another version, and a model that predicts otherwise is worse than none."""
    written, here = str(versions["scikit-learn"]), sklearn.__version__
    if versions["format"] != 1:
        raise Malformed(f"it has format {versions['format']}")
    if _minor(written) != _minor(here):
        wanted = ".".join(map(str, _minor(written)))
        raise EngineUnavailable(
            f"the model was stored with scikit-learn {written[:20]}, and {here} is installed",
            why="scikit-learn does not promise that a model of another version works, or predicts the same",
            fix=f"pip install 'scikit-learn=={wanted}.*', or fit it again: where the task is cached, raise its cache_version",
        )
    if _minor(skops.__version__) < _minor(str(versions["skops"])):
        raise EngineUnavailable(
            f"the model was stored with skops {str(versions['skops'])[:20]}, and {skops.__version__} is installed",
            fix="pip install --upgrade skops",
        )


def _minor(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _corrupt(why: str) -> ArtifactCorrupt:
    return ArtifactCorrupt(
        "the artifact cannot be read as a scikit-learn model", why=why, fix="delete the artifact and run again"
    )
