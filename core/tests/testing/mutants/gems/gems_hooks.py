from dovetail.spec import CodecSpec, ConverterSpec, EnvironmentSpec, TaskTypeSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1
FRAME, CODE = "gems.Frame", "gems_code"


@hookimpl
def dovetail_environments():
    return [EnvironmentSpec("gems", engine="gems", extra="engine")]


@hookimpl
def dovetail_type_transformers():
    return [
        TransformerSpec(
            FRAME,
            f"{CODE}:FrameTransformer",
            converters=(
                ConverterSpec(FRAME, "pyarrow.Table", f"{CODE}:to_arrow"),
                ConverterSpec("pyarrow.Table", FRAME, f"{CODE}:from_arrow"),
            ),
            codecs=(CodecSpec("arrow", f"{CODE}:FrameIpc", ".arrow"),),
        )
    ]


@hookimpl
def dovetail_task_types():
    return [TaskTypeSpec("gems", "gems_work:GemsTask", engine="gems")]
