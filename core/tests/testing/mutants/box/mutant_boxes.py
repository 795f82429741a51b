# ruff: noqa: F401  # what is put in by a mutant uses them
import json

from dovetail.spec import CodecSpec, ConverterSpec, Preview, TransformerSpec, TypeTransformer, hookimpl
from mutant_box import Box

DOVETAIL_API = 1


@hookimpl
def dovetail_type_transformers():
    codecs = (CodecSpec("box-json", "mutant_boxes:BoxJson", ".json"),)
    return [TransformerSpec("mutant_box.Box", "mutant_boxes:BoxTransformer", codecs=codecs, install="pip install box")]


class BoxTransformer(TypeTransformer):
    type_name = "mutant_box.Box"

    def content_hash(self, value):
        import hashlib

        return hashlib.sha256(json.dumps(value.items).encode()).hexdigest()


class BoxJson:
    def write(self, value, path):
        path.write_text(json.dumps(value.items))

    def read(self, path):
        return Box(json.loads(path.read_text()))


_parsed: list[str] = []


def parse(text):
    _parsed.append(text)
    return Box([len(_parsed)]) if text == "now" else Box(json.loads(text))
