"""Fan-out, choice, and a graph that depends on data.

Prints:
    [1, 4, 9]
    small: 14
    large: 54
    6 -> 3 -> 10 -> 5 -> 16 -> 8 -> 4 -> 2 -> 1
"""

import dovetail as dt


@dt.task
def square(number: int) -> int:
    return number * number


@dt.task
def add(numbers: list[int]) -> int:
    return sum(numbers)


@dt.task
def is_large(number: int, limit: int) -> bool:
    return number > limit


@dt.task
def label(word: str, number: int) -> str:
    return f"{word}: {number}"


@dt.workflow
def squares(numbers: list[int]) -> list[int]:
    return dt.map(square, numbers)  # one node for each element; they run side by side


@dt.workflow
def judge(numbers: list[int], limit: int = 50) -> str:
    total = add(squares(numbers))  # a workflow inside a workflow: its nodes become part of this one
    return dt.when(is_large(total, limit), lambda: label("large", total), lambda: label("small", total))


@dt.task
def halve(number: int) -> int:
    return number // 2


@dt.task
def triple(number: int) -> int:
    return 3 * number + 1


@dt.task
def join(numbers: list[int]) -> str:
    return " -> ".join(map(str, numbers))


@dt.dynamic
def collatz(path: list[int]) -> str:
    """Its body sees real values, so it can test them; what it calls becomes nodes."""
    number = path[-1]
    if number == 1:
        return join(path)
    following = halve(number) if number % 2 == 0 else triple(number)
    return collatz([*path, following])


@dt.workflow
def down_to_one(start: int) -> str:
    return collatz([start])


if __name__ == "__main__":
    print(squares([1, 2, 3]))
    print(judge([1, 2, 3]))
    print(judge([2, 5, 5]))
    print(down_to_one(6))
