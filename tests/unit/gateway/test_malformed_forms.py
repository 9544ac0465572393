"""Forms that are none: each is answered with 400 and none with a guess."""

from __future__ import annotations

from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway

_FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nseven\r\n'
_END = b"--x--\r\n"
_FIELD = b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\n%s\r\n'


_FORM = "multipart/form-data; boundary=x"
_MALFORMED = {
    "no boundary declared": ("multipart/form-data", _FILE + _END),
    "empty boundary": ("multipart/form-data; boundary=", _FILE + _END),
    "endless boundary": ("multipart/form-data; boundary=" + "x" * 300, b""),
    "another boundary": ("multipart/form-data; boundary=y", _FILE + _END),
    "empty": (_FORM, b""),
    "garbage": (_FORM, b"\x00\xff" * 99),
    "no part": (_FORM, _END),
    "no file": (_FORM, _FIELD % b"hi" + _END),
    "no closing boundary": (_FORM, _FILE),
    "ends in a file": (_FORM, _FILE + _FILE[:-9]),
    "ends in a header": (_FORM, _FILE + _FILE[:30]),
    "a part without a name": (_FORM, _FILE.replace(b'name="file"; ', b"") + _END),
    "endless part header": (_FORM, b"--x\r\nA: " + b"y" * 9000 + b"\r\n\r\nseven\r\n" + _END),
    "a field too long": (_FORM, _FIELD % (b"y" * 2000) + _FILE + _END),
    "too many fields": (_FORM, _FIELD % b"y" * 20 + _FILE + _END),
}


async def test_a_body_that_is_no_whole_form_with_a_file_is_malformed(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    for name, (content_type, body) in _MALFORMED.items():
        answer = await gateway.client.post(
            "/v1/predict/digits", content=body, headers={**gateway.ui, "Content-Type": content_type}
        )
        assert answer.status_code == 400, name
        assert answer.json()["error"]["code"] == "malformed_multipart", name
    assert triton.asked == []


async def test_a_body_cut_off_behind_too_many_files_has_too_many_files(
    gateway: Gateway,
) -> None:
    answer = await gateway.client.post(
        "/v1/predict/digits",
        content=_FILE * 257 + b"--x\r\nX-Padding: " + b"y" * 9000,
        headers={**gateway.ui, "Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "too_many_files"


async def test_a_quoted_boundary_and_an_epilogue_are_part_of_a_good_form(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    answer = await gateway.client.post(
        "/v1/predict/digits",
        content=(_FILE + _END).replace(b"--x", b'--x y;"z') + b"\r\nbye",
        headers={**gateway.ui, "Content-Type": r'multipart/form-data; boundary="x y;\"z"'},
    )
    assert answer.status_code == 200
    assert answer.json()["results"][0]["predictions"][0]["label"] == "7"


async def test_a_declared_charset_picks_no_codec_to_read_file_names_with(
    triton: FakeTriton, gateway: Gateway
) -> None:
    # The codec "undefined" always raises; the others make half characters, which are no JSON.
    triton.answers[b"seven"] = ranked("7")
    name = rb"\ud800 +2AA-"
    for charset in ("undefined", "unicode_escape", "utf-7", "punycode", "nonsense", "utf-8"):
        answer = await gateway.client.post(
            "/v1/predict/digits",
            content=(_FILE + _END).replace(b'"a"', b'"' + name + b'"'),
            headers={
                **gateway.ui,
                "Content-Type": f"multipart/form-data; charset={charset}; boundary=x",
            },
        )
        assert answer.status_code == 200, charset
        assert answer.json()["results"][0]["filename"] == name.decode()
