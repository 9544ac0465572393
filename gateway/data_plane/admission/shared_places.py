"""A bounded number of places, or of bytes, that several keys share."""

from __future__ import annotations

from collections import Counter

from gateway.errors import KeyOverloaded, Overloaded


class SharedPlaces:
    """Places of which one key never takes all.

    A key may hold up to twice as many as are still free, so there is always one for somebody else,
    and a key that is alone has two thirds of all.

    Source: Choudhury and Hahne 1998, dynamic queue length thresholds.

    Args:
        what: Names the places in messages.
        capacity: How many there are; it may be changed.
    """

    def __init__(self, what: str, capacity: int) -> None:
        self._what = what
        self.capacity = capacity
        self._held: Counter[str] = Counter()
        self.taken = 0

    def take(
        self, key_id: str, amount: int = 1, *, assured: int = 0, keys_with_room: int = 0
    ) -> None:
        """Take places; a key may hold the assured ones while there are any.

        Args:
            key_id: Who takes them.
            amount: How many.
            assured: A key may hold so many, however few are free.
            keys_with_room: So many keys find a first place even where all are taken: two who take
                whatever is given back would leave none to a third.

        Raises:
            Overloaded: there are not so many left.
            KeyOverloaded: this key has its share.
        """
        if not self._held[key_id] and len(self._held) < keys_with_room:
            self.take_anyway(key_id, amount)
            return
        free = self.capacity - self.taken
        if amount > free:
            raise Overloaded(f"all {self._what} are taken; try again in a second")
        # Judged by the last of the places: of bytes, many are taken at once.
        if self._held[key_id] + amount > max(assured, 2 * (free - amount + 1)):
            raise KeyOverloaded(f"this key holds its share of the {self._what}; slow down")
        self.take_anyway(key_id, amount)

    def take_anyway(self, key_id: str, amount: int = 1) -> None:
        """Take places for somebody who was let in before."""
        self._held[key_id] += amount
        self.taken += amount

    def give_back(self, key_id: str, amount: int = 1) -> None:
        """Give them back."""
        self._held[key_id] -= amount
        if not self._held[key_id]:
            del self._held[key_id]
        self.taken -= amount

    def held_by(self, key_id: str) -> int:
        """How many this key holds."""
        return self._held[key_id]
