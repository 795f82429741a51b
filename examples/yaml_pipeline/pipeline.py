"""``dovetail run pipeline.py daily --month 2`` runs daily.yaml: durable, cached and resumable as any other workflow."""

from pathlib import Path

from reader import read

daily = read(Path(__file__).with_name("daily.yaml"))
