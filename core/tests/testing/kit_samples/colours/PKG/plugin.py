from dovetail.spec import (
    CodecSpec,
    CommandSpec,
    ConverterSpec,
    EnvironmentSpec,
    TaskTypeSpec,
    TransformerSpec,
    hookimpl,
)

DOVETAIL_API = 1


@hookimpl
def dovetail_task_types():
    return [
        TaskTypeSpec(
            name="PKG",
            code="PKG.task:Colour",
            config="PKG.config:ColourConfig",
            engine="colorsys",
            install="pip install 'PKG[engine]'",
        )
    ]


@hookimpl
def dovetail_type_transformers():
    return [
        TransformerSpec(
            type="PKG.types.Rgb",
            code="PKG.types:RgbTransformer",
            converters=(ConverterSpec("PKG.types.Rgb", "builtins.list", "PKG.types:to_list"),),
            codecs=(CodecSpec("rgb", "PKG.types:RgbCodec", ".rgb"),),
        )
    ]


@hookimpl
def dovetail_commands():
    return [CommandSpec(name="PKG", code="PKG.command:paint")]


@hookimpl
def dovetail_environments():
    return [EnvironmentSpec("PKG", engine="colorsys")]
