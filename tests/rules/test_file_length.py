from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.rules.source_files import python_files, read

MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = 40


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Each function with its number of lines, from its first decorator on."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield node.name, (node.end_lineno or first) - first + 1


def test_no_file_is_longer_than_three_hundred_lines() -> None:
    lengths = {file: len(read(file).splitlines()) for file in python_files()}
    too_long = [f"{file} has {n} lines" for file, n in lengths.items() if n > MOST_LINES_OF_A_FILE]

    assert lengths
    assert not too_long, "\n".join(too_long)


def test_no_function_is_longer_than_forty_lines() -> None:
    too_long = [
        f"{file}: {name} has {length} lines"
        for file in python_files()
        for name, length in functions(read(file))
        if length > MOST_LINES_OF_A_FUNCTION
    ]

    assert not too_long, "\n".join(too_long)


def test_lines_are_counted_in_methods_and_inner_functions_with_their_decorators() -> None:
    source = """
class C:
    @a
    @b(
        1)
    async def m(self):
        def n(): pass
        n()
"""

    assert dict(functions(source)) == {"m": 6, "n": 1}
