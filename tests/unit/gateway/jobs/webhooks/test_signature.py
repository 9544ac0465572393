"""Signed as Standard Webhooks says."""

from __future__ import annotations

import base64

from gateway.jobs.webhooks.signature import WebhookSecrets, signed_headers


def test_a_signature_is_the_one_of_the_standards_own_example() -> None:
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_key_has_a_secret_of_its_own_and_always_the_same() -> None:
    secrets = WebhookSecrets("one")
    secret = secrets.of("0a0a")

    assert secret == WebhookSecrets("one").of("0a0a")
    assert secret not in {secrets.of("0b0b"), WebhookSecrets("two").of("0a0a")}
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
