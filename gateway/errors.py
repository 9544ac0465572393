"""What the gateway may answer instead of a prediction. Codes are stable, statuses live elsewhere.

GatewayError(code)
  AuthError            MissingApiKey, UnknownApiKey, ExpiredApiKey, ScopeMissing, AliasForbidden
  InvalidRequest       EmptyBody, BodyTimeout, InvalidParameter, MalformedMultipart, MalformedJson,
                       TooManyFiles, TooManyTexts, PayloadTooLarge, UnsupportedMediaType,
                       UnknownAlias, UnknownKey, UnknownRequest, LastAdminKey, UnknownModelVersion,
                       InvalidInferRequest, MalformedCompression
    RejectedByModel    UndecodableImage, ImageTooLarge, UnsupportedImageFormat, UndecodableText,
                       TextTooLarge, HarmfulInput
  InferenceError       InferenceTimeout, InferenceUnavailable, InferenceFailed, ContractMismatch
  AdmissionError       Overloaded, KeyOverloaded, RateLimited
  TransportError       MalformedRequest, HeadersTooLarge, HeaderTimeout, TooManyConnections
  DatabaseUnavailable
  ControlError         in control_plane/control_errors.py

StartRefused: not answered to anybody; the gateway does not start.
"""

from __future__ import annotations

from typing import ClassVar


class GatewayError(Exception):
    """Anything that is answered with an error body."""

    code: ClassVar[str]
    retry_after_seconds: float | None = None
    """When asking again may help, where that is known."""


class AuthError(GatewayError):
    """The caller may not."""


class MissingApiKey(AuthError):
    """No key came with the request."""

    code = "missing_api_key"


class UnknownApiKey(AuthError):
    """The key is not one of ours, or was revoked."""

    code = "unknown_api_key"


class ExpiredApiKey(AuthError):
    """The key was good until its time was over."""

    code = "expired_api_key"


class ScopeMissing(AuthError):
    """The key is good, but not for this."""

    code = "scope_missing"


class AliasForbidden(AuthError):
    """The key is good, but not for this alias or release."""

    code = "alias_forbidden"


class InvalidRequest(GatewayError):
    """The request is wrong in itself; sending it again will not help."""


class EmptyBody(InvalidRequest):
    """There is nothing to look at."""

    code = "empty_body"


class BodyTimeout(InvalidRequest):
    """The body stopped arriving before its end."""

    code = "body_timeout"


class InvalidParameter(InvalidRequest):
    """A query parameter or JSON field has a value that it cannot have."""

    code = "invalid_parameter"


class MalformedMultipart(InvalidRequest):
    """The multipart body cannot be parsed or holds no file."""

    code = "malformed_multipart"


class MalformedJson(InvalidRequest):
    """The body is no JSON, or not of a form that holds one text or several."""

    code = "malformed_json"


class TooManyFiles(InvalidRequest):
    """More files than one request may bring."""

    code = "too_many_files"


class TooManyTexts(InvalidRequest):
    """More texts than one request may bring."""

    code = "too_many_texts"


class PayloadTooLarge(InvalidRequest):
    """More bytes than accepted; counted while reading."""

    code = "payload_too_large"


class UnsupportedMediaType(InvalidRequest):
    """The Content-Type is none that this alias takes."""

    code = "unsupported_media_type"


class UnknownAlias(InvalidRequest):
    """No route has that name."""

    code = "unknown_alias"


class UnknownModelVersion(InvalidRequest):
    """A release is one version of its model, the first."""

    code = "unknown_model_version"


class InvalidInferRequest(InvalidRequest):
    """A request of the Open Inference Protocol is malformed, or asks for what is not offered."""

    code = "invalid_infer_request"


class MalformedCompression(InvalidRequest):
    """The body is not what its Content-Encoding says."""

    code = "malformed_compression"


class UnknownKey(InvalidRequest):
    """No API key has that id."""

    code = "unknown_key"


class UnknownRequest(InvalidRequest):
    """No traced request has that id, or its trace is not for this key to see."""

    code = "unknown_request"


class LastAdminKey(InvalidRequest):
    """Without this key nobody could administer keys any more."""

    code = "last_admin_key"


class RejectedByModel(InvalidRequest):
    """The preprocess step refused the content."""


class UndecodableImage(RejectedByModel):
    """The bytes are not a whole image."""

    code = "undecodable_image"


class ImageTooLarge(RejectedByModel):
    """The image has too many pixels."""

    code = "image_too_large"


class UnsupportedImageFormat(RejectedByModel):
    """An image, but not a JPEG, PNG or WebP."""

    code = "unsupported_image_format"


class UndecodableText(RejectedByModel):
    """The bytes are not UTF-8."""

    code = "undecodable_text"


class TextTooLarge(RejectedByModel):
    """The text has too many bytes."""

    code = "text_too_large"


class HarmfulInput(RejectedByModel):
    """It ended, or held up, the process that looked at it."""

    code = "harmful_input"


class InferenceError(GatewayError):
    """Triton did not answer as it should; the request may be fine."""


class InferenceTimeout(InferenceError):
    """The deadline passed."""

    code = "inference_timeout"


class InferenceUnavailable(InferenceError):
    """Triton does not take requests, or not for this release."""

    code = "inference_unavailable"


class InferenceFailed(InferenceError):
    """Triton failed."""

    code = "inference_failed"


class ContractMismatch(InferenceError):
    """Gateway and release disagree about the tensors: a bug on our side."""

    code = "contract_mismatch"


class AdmissionError(GatewayError):
    """There is no room now; nothing of the body was read."""


class Overloaded(AdmissionError):
    """More is here than can be answered in time."""

    code = "overloaded"


class KeyOverloaded(AdmissionError):
    """This key has as much at work as it may, or its share of what is contended."""

    code = "key_overloaded"
    retry_after_seconds = 1.0


class RateLimited(AdmissionError):
    """The key has used up its requests or bytes of this minute."""

    code = "rate_limited"

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class TransportError(GatewayError):
    """The connection is refused before there is a request; see http_protocol."""


class MalformedRequest(TransportError):
    """No HTTP request, or one that two readers could understand differently."""

    code = "malformed_request"


class HeadersTooLarge(TransportError):
    """Request line and headers are larger, or more, than accepted."""

    code = "headers_too_large"


class HeaderTimeout(TransportError):
    """The headers did not arrive in time."""

    code = "header_timeout"


class TooManyConnections(TransportError):
    """As many connections are open as may be."""

    code = "too_many_connections"


class DatabaseUnavailable(GatewayError):
    """The control plane's database does not answer; no prediction needs it."""

    code = "database_unavailable"


class StartRefused(Exception):
    """The gateway does not start like this; the message is one sentence for its operator."""
