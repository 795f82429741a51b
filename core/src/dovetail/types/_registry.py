"""Which transformer knows a type: exact type, then its bases, then nothing; cached until the catalogue changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, get_origin

from dovetail.errors import DovetailError, PluginConflict, UnknownType
from dovetail.plugins import safe_form
from dovetail.spec import CodecSpec, ConverterSpec, Declaration, Manifest, TransformerSpec, TypeRef, TypeTransformer
from dovetail.types._names import class_name, normalise, resolve_loaded, shown_class, type_name
from dovetail.types._teach import teaching

PLAIN = "dovetail.types._engine:PlainTransformer"
"""The transformer of scalars and containers, whose values pydantic checks and JSON holds."""


class CatalogueView(Protocol):
    """What the type engine needs of a catalogue."""

    @property
    def version(self) -> int: ...
    def transformers(self) -> Mapping[str, TransformerSpec]: ...
    def converters(self) -> tuple[ConverterSpec, ...]: ...
    def load(self, code: str, who: Declaration | None = None) -> Any: ...
    def missing(self, kind: str, name: str) -> DovetailError: ...
    def owner_of(self, declaration: Declaration) -> Manifest: ...


class Registry:
    """Transformers by name, by class and by value. A declared name is looked at only if its module is loaded."""

    def __init__(self, catalogue: CatalogueView) -> None:
        self.catalogue = catalogue
        self.specs: dict[str, TransformerSpec] = dict(catalogue.transformers())
        self.names: dict[str, str] = {}
        for name, spec in self.specs.items():
            for alias in (*spec.aliases, name):
                self.names[alias] = name
        self._by_class: dict[type, TransformerSpec | None] = {}
        self._transformers: dict[str, TypeTransformer] = {}
        self._codecs: dict[tuple[str, str], Any] = {}

    def find(self, annotation: Any) -> TransformerSpec | None:
        """The declaration for a type, a TypeRef or a dotted name; None if nobody knows it."""
        annotation = normalise(annotation)
        if isinstance(annotation, TypeRef):
            return self.specs.get(self.names.get(annotation.name, ""))
        if isinstance(annotation, type):
            return self.find_class(annotation)
        origin = get_origin(annotation)  # DataFrame[Schema] is a DataFrame
        if isinstance(origin, type) and origin.__module__ not in ("builtins", "collections.abc", "typing"):
            return self.find_class(origin)
        return None

    def class_of(self, spec: TransformerSpec) -> type | None:
        """The class that a declaration names, if it is loaded."""
        found = (resolve_loaded(name) for name in (spec.type, *spec.aliases))
        return next((cls for cls in found if isinstance(cls, type)), None)

    def find_class(self, cls: type) -> TransformerSpec | None:
        """The declaration for a class: its own, or that of the nearest base."""
        try:
            return self._by_class[cls]
        except KeyError:
            pass
        loaded: dict[type, str] = {}
        for alias, name in self.names.items():
            found = resolve_loaded(alias)
            if isinstance(found, type):
                loaded[found] = name
        spec = None
        for base in cls.__mro__[:-1]:
            name_of_base = loaded.get(base) or self.names.get(class_name(base))
            if name_of_base is not None:
                spec = self.specs[name_of_base]
                break
        self._by_class[cls] = spec
        return spec

    def is_leaf(self, spec: TransformerSpec | None) -> bool:
        """True for frames, files and the like: everything declared but the plain data of the core."""
        return spec is not None and spec.code != PLAIN

    def leaf(self, annotation: Any) -> TransformerSpec | None:
        """Like :meth:`find`, for frames, files and the like only."""
        spec = self.find(annotation)
        return spec if self.is_leaf(spec) else None

    def canonical(self, annotation: Any) -> str | None:
        """The declared name of a type that is a leaf; for a TypeRef nobody knows, its own name."""
        spec = self.leaf(annotation)
        if spec is not None:
            return spec.type
        annotation = normalise(annotation)
        return annotation.name if isinstance(annotation, TypeRef) else None

    def name(self, annotation: Any) -> str:
        """The name of an annotation, with declared names for declared types wherever they stand in it."""
        return type_name(annotation, self._declared)

    def shown(self, annotation: Any) -> str:
        """Like :meth:`name`, for messages: a class that nobody declares has the name under which its library offers it."""
        return type_name(
            annotation, lambda part: self._declared(part) or (shown_class(part) if isinstance(part, type) else None)
        )

    def _declared(self, annotation: Any) -> str | None:
        spec = self.leaf(annotation)
        return spec.type if spec is not None else None

    def transformer(self, spec: TransformerSpec) -> TypeTransformer:
        """The transformer, loaded once. Raises what the catalogue raises for code that does not load."""
        found = self._transformers.get(spec.type)
        if found is None:
            cls = self.catalogue.load(spec.code, spec)
            found = cls() if isinstance(cls, type) else cls
            if not found.type_name:
                found.type_name = spec.type
            self._transformers[spec.type] = found
        return found

    def codec(self, spec: TransformerSpec, codec: CodecSpec) -> Any:
        """The codec, loaded once."""
        key = (spec.type, codec.format)
        found = self._codecs.get(key)
        if found is None:
            cls = self.catalogue.load(codec.code, spec)
            found = self._codecs[key] = cls() if isinstance(cls, type) else cls
        return found

    def contested(self, *annotations: Any) -> PluginConflict | None:
        """The error for a class that nobody owns because two plugins declare it; None if none of these is one."""
        for annotation in annotations:
            plain = normalise(annotation)
            if isinstance(plain, TypeRef) or (isinstance(plain, type) and self.find_class(plain) is None):
                names = {plain.name} if isinstance(plain, TypeRef) else {class_name(plain), shown_class(plain)}
                for name in sorted(names):
                    error = self.catalogue.missing("type", name) if "." in name else None
                    if isinstance(error, PluginConflict):
                        return error
        return None

    def unknown(self, annotation: Any, purpose: str) -> DovetailError:
        """The error for a type nobody knows, with the plugin that would know it."""
        annotation = normalise(annotation)
        name = annotation.name if isinstance(annotation, TypeRef) else shown_class(annotation)
        error = self.catalogue.missing("type", name)
        if not isinstance(error, UnknownType) and safe_form(name, parts=True) is None:
            return error  # the plugin is there and broken: that is the news
        fix, form = error.fix, safe_form(name) or self._form_of_a_base(annotation)
        if form is not None:
            known = error.details.get("distribution") is not None
            joined = "then" if str(fix).startswith("pip install") else "or"  # or: it is not released yet
            fix = f"{fix}, {joined} {form}" if known else form
        elif error.details.get("distribution") is None and (
            isinstance(annotation, type) or error.details.get("nearest") is None  # a class is no misspelt name
        ):
            fix = "use a dataclass or a pydantic model, or declare a TransformerSpec for it in a plugin"
            lines = teaching(annotation.__module__, annotation.__qualname__) if isinstance(annotation, type) else None
            if lines is not None:
                fix += f", such as\n{lines}"
                error.details["lines"] = lines
        return UnknownType(f"no installed plugin knows the type {name}", why=purpose, fix=fix, **error.details)

    def _form_of_a_base(self, annotation: Any) -> str | None:
        """What to do with a user's own kind of a well-known class: of a model by PyTorch, or an estimator by scikit-learn."""
        for base in annotation.__mro__[1:-1] if isinstance(annotation, type) else ():
            name = shown_class(base)
            form = safe_form(name)
            if form is not None:
                return form
            error = self.catalogue.missing("type", name)
            if not isinstance(error, UnknownType) or error.details.get("distribution") is not None:
                return error.fix
        return None
