from dovetail.testing import TaskTypeSuite
from KIT import shout


class TestShout(TaskTypeSuite):
    plugin = "KIT"
    task_type = "shout"
    inputs = {"text": "hey "}
    expected = "HEY HEY "
    failure = "no voice left"
    settings = {"connections": {"desk": {"password": "battery-of-KIT"}}}
    secret = "battery-of-KIT"

    def make_task(self):
        return shout(times=2)

    def make_other_task(self):
        return shout(times=3)

    def bad_configs(self):
        return [(lambda: shout(times=0), "times")]

    def make_failing_task(self):
        return shout(fail="no voice left")

    def make_unavailable_task(self):
        return shout(server="down")

    def make_slow_task(self):
        return shout(seconds=120)

    def make_logging_task(self):
        return shout(say="clears its throat"), "clears its throat"

    def make_secret_task(self):
        return shout(fail="with the secret at hand")
