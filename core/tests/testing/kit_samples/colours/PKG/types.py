from dovetail.spec import TypeTransformer


class Rgb:
    pass


class RgbTransformer(TypeTransformer):
    type_name = "PKG.types.Rgb"


class RgbCodec:
    def write(self, value, path):
        path.write_bytes(b"")

    def read(self, path):
        return Rgb()


def to_list(value):
    return []
