"""The job: ``python -m acme_weather.model_job FOLDER HOURS PACE``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from acme_weather.readings import Readings


def main(folder: Path, hours: int, pace: float) -> None:
    """Continue the readings by their mean, hour by hour."""
    readings = Readings.from_json((folder / "input.json").read_text(encoding="utf-8"))
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        log.write(f"reading {len(readings.celsius)} values\n")
        log.flush()
        if not readings.celsius:
            (folder / "error.txt").write_text("no readings, no forecast", encoding="utf-8")
            return
        mean = round(sum(readings.celsius) / len(readings.celsius), 1)
        for hour in range(hours):
            time.sleep(pace)
            log.write(f"hour {hour}: {mean}\n")
            log.flush()
    part = folder / "output.part"
    part.write_text(Readings(readings.city, [mean] * hours).to_json(), encoding="utf-8")
    part.rename(folder / "output.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
