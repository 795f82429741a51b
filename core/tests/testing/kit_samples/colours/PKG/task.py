from dovetail.spec import TaskType


class Colour(TaskType):
    name = "PKG"

    def execute(self, call):
        import colorsys

        return colorsys.rgb_to_hsv(*call.inputs["rgb"])
