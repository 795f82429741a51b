from dovetail.testing import RemoteTaskTypeSuite, never
from KIT import queue


class TestQueue(RemoteTaskTypeSuite):
    plugin = "KIT"
    task_type = "queue"
    inputs = {"text": "hey "}
    expected = "HEY HEY "
    failure = "no voice left"
    failure_log = "the job ends"
    gaps = {"secrets": never("the queue takes no password")}

    def make_task(self):
        return queue(self.folder, times=2)

    def make_other_task(self):
        return queue(self.folder, times=3)

    def bad_configs(self):
        return [(lambda: queue(self.folder, times=0), "times")]

    def make_failing_task(self):
        return queue(self.folder, fail="no voice left")

    def make_unavailable_task(self):
        return queue(self.folder / "nowhere")

    def make_slow_task(self):
        return queue(self.folder, seconds=120)

    def make_logging_task(self):
        return queue(self.folder), "the job ends"

    def lost_handle(self):
        return {"job": str(self.folder / "job-gone")}
