"""Requests to a store of objects are signed as Amazon's own examples are."""

from __future__ import annotations

import hashlib

import pytest

from jupyterhub_ha_share.s3_signature import Credentials, Request, authorization, quoted_query

# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
CREDENTIALS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
HEADERS = {
    "host": "examplebucket.s3.amazonaws.com",
    "x-amz-content-sha256": hashlib.sha256().hexdigest(),
    "x-amz-date": "20130524T000000Z",
}


@pytest.mark.parametrize(
    ("request_", "signature"),
    [
        (
            Request("GET", "/test.txt", {}, {**HEADERS, "range": "bytes=0-9"}),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            Request("GET", "/", {"prefix": "J", "max-keys": "2"}, HEADERS),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
        (
            Request(
                "PUT",
                "/test$file.text",
                {},
                {
                    **HEADERS,
                    "date": "Fri, 24 May 2013 00:00:00 GMT",
                    "x-amz-content-sha256": hashlib.sha256(b"Welcome to Amazon S3.").hexdigest(),
                    "x-amz-storage-class": "REDUCED_REDUNDANCY",
                },
            ),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
    ],
    ids=["get", "list", "put"],
)
def test_as_amazon_signs(request_: Request, signature: str) -> None:
    header = authorization(request_, "us-east-1", CREDENTIALS)
    assert header.startswith(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
    )
    assert header.endswith(f",Signature={signature}")


def test_a_query_is_sorted_as_it_is_sent() -> None:
    query = {"prefix": "a b/", "list-type": "2", "continuation-token": "x+/="}
    assert quoted_query(query) == "continuation-token=x%2B%2F%3D&list-type=2&prefix=a%20b%2F"
