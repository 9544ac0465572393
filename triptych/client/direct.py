"""High throughput: the route from the gateway, everything else straight to Triton's gRPC."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Final

import httpx

from triptych.client.answers import ItemResult, Prediction, RefusedItem
from triptych.client.direct_stream import DirectStream, StreamLimits
from triptych.client.errors import Refused
from triptych.client.gateway_http import connection_options
from triptych.client.grouping import Asked, Grouping
from triptych.client.route_watch import RouteWatch
from triptych.client.routes import AliasRoute, check_sticky_key
from triptych.client.triton_fleet import TritonFleet
from triptych.client.triton_tls import TritonTls
from triptych.routing import Sticky

logger = logging.getLogger(__name__)

_GATEWAY_SECONDS: Final = 3.0  # of one look at the route; the last one stands meanwhile
# As the gateway has it where a request does not say.
_TOP_K: Final = 5

# An encoded image, or a text; which of the two, the alias says.
Item = bytes | str


class DirectClient:
    """One alias on one or several Tritons; a context manager, and safe to share between threads.

    Triton knows no keys: whoever reaches its port may call it. The API key is for the route alone.

    Args:
        gateway_url: Who tells what the alias means, "http://127.0.0.1:8080".
        api_key: With the scope "predict".
        triton_addresses: gRPC addresses of Tritons that serve the same releases.
        alias: "digits".
        key_id: The id of the API key; a route that sticks to keys draws by it. Without it such a
            route is drawn at random for each request: shares stay right, nobody sticks.
        batch_size: The most items of a request; None is as many as the releases take.
        max_in_flight: Requests at once, over all Tritons and threads.
        timeout_seconds: For one request, a second try with it.
        patience_seconds: How long a request waits for a server that is coming back.
        verify: Whose certificates are good at the gateway; as httpx has it.
        tls: For Tritons that take mutual TLS alone; None is plain text.
        transport: In place of a network to the gateway, for tests.

    Raises:
        TriptychClientError: the gateway does not tell the route.
        ValueError: there is no address.
        OSError: a file of `tls` cannot be read.
    """

    def __init__(
        self,
        gateway_url: str,
        api_key: str,
        triton_addresses: Sequence[str],
        alias: str,
        *,
        key_id: str | None = None,
        batch_size: int | None = None,
        max_in_flight: int = 8,
        timeout_seconds: float = 30.0,
        patience_seconds: float = 5.0,
        verify: ssl.SSLContext | bool = True,
        tls: TritonTls | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if not triton_addresses:
            raise ValueError("a direct client needs the address of a Triton")
        self._key_id = key_id
        self._batch_size = batch_size
        self._max_in_flight = max_in_flight
        self._timeout_seconds = timeout_seconds
        self._patience_seconds = patience_seconds
        options = connection_options(gateway_url, api_key, _GATEWAY_SECONDS)
        self._http = httpx.Client(**options, verify=verify, transport=transport)
        try:
            self._watch = RouteWatch(self._http, alias)
        except BaseException:
            self._http.close()
            raise
        self._fleet = TritonFleet(triton_addresses, max_in_flight, tls)
        if self.route.route.sticky is Sticky.CALLER and key_id is None:
            logger.warning("the route of %s sticks to API keys, and key_id is not given", alias)

    def __enter__(self) -> DirectClient:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connections, once what is in flight is answered or its time is over."""
        self._watch.close()
        self._http.close()
        self._fleet.close(self._timeout_seconds)

    @property
    def route(self) -> AliasRoute:
        """What the alias means, as far as is known.

        Raises:
            Refused: the gateway no longer lets this key ask.
        """
        return self._watch.current()

    @property
    def route_age_seconds(self) -> float:
        """How long ago the gateway last confirmed the route; it grows while the gateway is away."""
        return self._watch.age_seconds

    def classify(
        self, items: Iterable[Item], *, sticky_key: str | None = None, top_k: int = _TOP_K
    ) -> Iterator[ItemResult]:
        """Classify any number of items at full speed.

        Items are read ahead of the answers, at most two times what may be in flight. A request
        waits until it is full or the items end: for single items as they come, `classify_one`.

        Args:
            items: Encoded images, or texts.
            sticky_key: Of all of them, where the route goes by it. Without one each request is
                drawn as a whole.
            top_k: How many classes each answer has, at the most.

        Returns:
            One result for each, in order, as they are asked for. An error ends it: what came
            before stands, and the rest can be given to another call.

        Raises:
            Refused: the gateway no longer lets this key ask.
            Unavailable: no Triton takes requests for the release.
            TimedOut: there was no answer in time.
            ServerFailed: Triton failed, or its answer makes no sense.
            ValueError: the sticky key is none, or top_k is below 1.
        """
        return self.classify_keyed(((sticky_key, item) for item in items), top_k=top_k)

    def classify_keyed(
        self, items: Iterable[tuple[str | None, Item]], *, top_k: int = _TOP_K
    ) -> Iterator[ItemResult]:
        """Classify items of which each has a sticky key of its own.

        Args:
            items: Pairs of sticky key and item; those that meet the same arm travel together.
            top_k: As of `classify`, and so are answer and errors.

        Raises:
            TriptychClientError: as of `classify`.
            ValueError: a sticky key is none, or top_k is below 1.
        """
        if top_k < 1:
            raise ValueError("top_k must be above 0")
        limits = StreamLimits(
            top_k, self._timeout_seconds, self._patience_seconds, self._max_in_flight
        )
        grouping = Grouping(self._key_id, self._batch_size)
        asked = (
            Asked(place, _content(item), check_sticky_key(key))
            for place, (key, item) in enumerate(items)
        )
        return DirectStream(self._watch, self._fleet, grouping, limits).run(asked)

    def classify_one(
        self, item: Item, *, sticky_key: str | None = None, top_k: int = _TOP_K
    ) -> Prediction:
        """Classify one item, by itself and at once.

        Args:
            item: An encoded image, or a text.
            sticky_key: The same key meets the same release while weights stand.
            top_k: How many classes the answer has, at the most.

        Returns:
            The classes, highest score first.

        Raises:
            Refused: the item is none that the release takes.
            TriptychClientError: as of `classify`.
            ValueError: the sticky key is none, or top_k is below 1.
        """
        (result,) = self.classify([item], sticky_key=sticky_key, top_k=top_k)
        if isinstance(result, RefusedItem):
            raise Refused(result.message, code=result.code, request_id=result.request_id)
        return result


def _content(item: Item) -> bytes:
    # Half a surrogate pair is the pipeline's to refuse, alone.
    return item.encode("utf-8", "surrogatepass") if isinstance(item, str) else item
