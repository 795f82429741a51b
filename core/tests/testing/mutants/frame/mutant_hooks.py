from dovetail.spec import CodecSpec, ConverterSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1
FRAME, CODE = "mutant_library.Frame", "mutant_code"


@hookimpl
def dovetail_type_transformers():
    return [
        TransformerSpec(
            FRAME,
            f"{CODE}:FrameTransformer",
            converters=(
                ConverterSpec(FRAME, "pyarrow.Table", f"{CODE}:to_arrow"),
                ConverterSpec("pyarrow.Table", FRAME, f"{CODE}:from_arrow"),
                ConverterSpec(FRAME, "dict", f"{CODE}:to_dict", lossy="the types of empty columns"),
            ),
            codecs=(CodecSpec("parquet", f"{CODE}:FrameParquet", ".parquet"), CodecSpec("arrow", f"{CODE}:FrameIpc")),
            install="pip install frames",
        )
    ]
