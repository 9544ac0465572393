from __future__ import annotations

from collections.abc import Iterator

from gateway.error_responses import HTTP_STATUS
from gateway.errors import GatewayError
from triptych import errors as triptych_errors


def leaves(error: type[GatewayError]) -> Iterator[type[GatewayError]]:
    children = error.__subclasses__()
    if not children:
        yield error
    for child in children:
        yield from leaves(child)


def test_every_leaf_of_the_gateways_errors_has_a_status_and_nothing_else_has() -> None:
    assert set(HTTP_STATUS) == set(leaves(GatewayError))


def test_every_leaf_has_a_code_of_its_own_named_after_its_class() -> None:
    for error in leaves(GatewayError):
        as_snake = "".join(
            f"_{letter.lower()}" if letter.isupper() else letter for letter in error.__name__
        )
        assert error.code == as_snake.lstrip("_")


def test_no_branch_has_a_code_because_nobody_raises_it() -> None:
    branches = {base for leaf in leaves(GatewayError) for base in leaf.__mro__[1:]}

    assert not [branch for branch in branches if "code" in vars(branch)]


def test_every_error_stands_in_the_tree_that_opens_its_module() -> None:
    tree = triptych_errors.__doc__ or ""

    named = {error.__name__ for error in triptych_errors.TriptychError.__subclasses__()}
    assert named
    assert {name for name in named if name not in tree} == set()
