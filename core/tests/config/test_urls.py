"""URLs are told from paths, and never show what is secret in them."""

from __future__ import annotations

import pytest
from dovetail.config import mask_url, mask_urls, redact, remember_url_secrets, url_scheme


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("s3://bucket/key", "s3"),
        ("GS://bucket", "gs"),
        ("memory://x", "memory"),
        ("file:///tmp/x", ""),
        ("C:/x", ""),
        ("c://x", ""),
        ("/tmp/s3://x", ""),
        ("name", ""),
    ],
)
def test_the_scheme(text: str, scheme: str) -> None:
    assert url_scheme(text) == scheme


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/a key?part=1#2", "s3://bucket/a key?part=1#2"),  # parts of the key
        ("s3://key:hunter22@bucket/x", "s3://***@bucket/x"),
        ("https://hunter22@host/x", "https://***@host/x"),
        ("az://container@account.example/x", "az://container@account.example/x"),
        ("https://host/x.csv?X-Amz-Signature=hunter22&part=7", "https://host/x.csv?X-Amz-Signature=***&part=***"),
        ("abfs://c@host/x?sig=hunter22&se=2026", "abfs://c@host/x?sig=***&se=2026"),
        ("no url?sig=hunter22", "no url?sig=hunter22"),
    ],
)
def test_what_is_secret_is_masked(url: str, shown: str) -> None:
    assert mask_url(url) == shown == mask_url(shown)
    assert mask_urls(f"cannot read '{url.replace(' ', '')}', twice") == f"cannot read '{shown.replace(' ', '')}', twice"


def test_a_secret_of_a_url_is_masked_wherever_it_turns_up() -> None:
    remember_url_secrets("https://host/x?sig=a%2Bbcdefgh&part=12345678")
    remember_url_secrets("sftp://user:hunter%2022@host/x")
    assert redact("signature a+bcdefgh, part 12345678, as a%2Bbcdefgh, hunter 22") == (
        "signature ***, part 12345678, as ***, ***"
    )
