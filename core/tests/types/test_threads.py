"""The engine is shared by threads: nobody sees a thing that is half built."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from dovetail.types import TypeEngine
from dovetail.types._memo import Memo


@dataclass
class Node:
    value: int
    left: Node | None = None
    right: Node | None = None


def test_many_threads_build_a_circular_type_at_once(bare_settings: Any, store: Any) -> None:
    from dovetail.plugins import build_catalogue

    tree = Node(1, Node(2), Node(3, Node(4)))
    for _ in range(20):
        types = TypeEngine(build_catalogue(bare_settings))
        start = threading.Barrier(8)

        def work(types: TypeEngine = types, start: threading.Barrier = start) -> Any:
            start.wait()
            return types.load(types.dump(types.accept(tree, Node), Node, store), store, Node)

        with ThreadPoolExecutor(8) as pool:
            assert [future.result() for future in [pool.submit(work) for _ in range(8)]] == [tree] * 8


def test_a_half_built_thing_is_seen_by_its_builder_alone() -> None:
    building, go_on = threading.Event(), threading.Event()

    def build(key: str) -> list[str]:
        if key == "outer":
            memo.get("inner")
            building.set()
            go_on.wait()
        return [key]

    memo: Memo[list[str]] = Memo(build, lambda cell: cell)  # type: ignore[arg-type,return-value]
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(memo.get, "outer")
        building.wait()
        second = pool.submit(memo.get, "inner")
        assert not second.done()
        go_on.set()
        assert first.result() == ["outer"] and second.result() == ["inner"]


def test_what_cannot_be_built_leaves_nothing_behind() -> None:
    attempts: list[str] = []

    def build(key: str) -> str:
        attempts.append(key)
        if key == "bad":
            raise ValueError(key)
        return memo.get("bad")

    memo: Memo[str] = Memo(build, lambda cell: "stand-in")
    for _ in range(2):
        with pytest.raises(ValueError, match="bad"):
            memo.get("good")
    assert attempts == ["good", "bad", "good", "bad"]
