"""Well-known types that no plugin brings: the form in which their values may be passed on. Never a pickle."""

from __future__ import annotations

from dovetail.plugins._known import distribution_for, is_unreleased

_FILE = "give it as a dt.File: {}"
_FOLDER = "give it as a dt.Directory: {}"

_MODELS = {
    "catboost": _FILE.format('model.save_model(path), which writes "cbm"'),
    "jax": _FILE.format("safetensors.flax.save_file(parameters, path)"),
    "keras": _FILE.format('model.save("model.keras")'),
    "lightgbm": _FILE.format("booster.save_model(path), which writes text"),
    "spacy": _FOLDER.format("nlp.to_disk(path)"),
    "statsmodels": "give what was estimated: result.params as a pandas.DataFrame, result.params.to_frame()",
    "tensorflow": _FOLDER.format("tensorflow.saved_model.save(module, path)"),
    "torch.jit": _FILE.format("torch.onnx.export(model, arguments, path), or return model.state_dict()"),
    "torch.nn": (
        "return its state, model.state_dict(), as dict[str, torch.Tensor], and model.load_state_dict(state) where it is used"
    ),
    "torch.optim": "return optimizer.param_groups and what else is needed of it as plain values and dict[str, torch.Tensor]",
    "transformers": _FOLDER.format("model.save_pretrained(path, safe_serialization=True)"),
    "xgboost": _FILE.format('model.save_model("model.ubj")'),
}
"""Models, whose own libraries often pickle, by the beginning of their names."""

_OTHERS = {
    "PIL": _FILE.format('image.save(path, "PNG")'),
    "anndata": _FILE.format("data.write_h5ad(path)"),
    "cudf": "give it as a pyarrow.Table: frame.to_arrow()",
    "cv2": "give images as numpy.ndarray, which they are",
    "datafusion": "annotate the consumer with pyarrow.Table or any other frame: it offers an Arrow stream",
    "h5py": "give its file as a dt.File",
    "matplotlib": _FILE.format("figure.savefig(path)"),
    "networkx": "give it as a dict: networkx.node_link_data(graph)",
    "plotly": "give it as a str: figure.to_json()",
    "pyflink": "give it as a pandas.DataFrame: table.to_pandas()",
    "pyspark": "give it as a pyarrow.Table: frame.toArrow()",
    "ray": _FOLDER.format("dataset.write_parquet(path)"),
    "scipy": _FILE.format("scipy.sparse.save_npz(path, matrix)"),
    "shapely": "give it as bytes: shapely.to_wkb(geometry)",
    "sqlalchemy.Engine": "give its URL as a str, and connect inside the task",
    "zarr": "give its folder as a dt.Directory",
}


def safe_form(name: str, *, parts: bool = False) -> str | None:
    """In which form a value of a well-known type may be passed on, for people.

    None where that is not known, and where a plugin that brings the type can be installed. A part of a library may be what its
    plugin does not bring: modules of PyTorch, where tensors are brought.

    Args:
        name: Dotted name of the type: ``"torch.nn.Module"``.
        parts: Only for what the plugin of a library does not bring.
    """
    library, _, rest = name.partition(".")
    part = f"{library}.{rest.partition('.')[0]}"
    form = _MODELS.get(part)
    if parts and form is None:
        return _OTHERS.get(part)
    distribution = distribution_for("type", name)
    if form is None and part not in _OTHERS and distribution is not None and not is_unreleased(distribution):
        return None
    form = form or _MODELS.get(library)
    if form is not None:
        return f"{form}; pickle is never used: loading one runs whatever it holds"
    return _OTHERS.get(part) or _OTHERS.get(library)


def libraries_with_safe_forms() -> frozenset[str]:
    """What the names begin with that :func:`safe_form` knows: a library, or a part of one."""
    return frozenset(_MODELS) | frozenset(_OTHERS)
