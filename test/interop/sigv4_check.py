"""Checks a presigned URL of S3 as its server would: python3 sigv4_check.py URL SECRET"""

import hashlib
import hmac
import sys
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlsplit

url, secret = urlsplit(sys.argv[1]), sys.argv[2]
query = dict(parse_qsl(url.query, keep_blank_values=True, strict_parsing=True))
signature = query.pop("X-Amz-Signature")
key_id, day, region, service, terminator = query["X-Amz-Credential"].split("/")
headers = {"host": url.netloc}
signed = query["X-Amz-SignedHeaders"].split(";")
canonical = "\n".join(
    [
        "GET",
        quote(unquote_to_bytes(url.path), safe="/~"),
        "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in sorted(query.items())),
        *(f"{name}:{headers[name]}" for name in signed),
        "",
        ";".join(signed),
        "UNSIGNED-PAYLOAD",
    ]
)
text = "\n".join(
    [
        "AWS4-HMAC-SHA256",
        query["X-Amz-Date"],
        "/".join([day, region, service, terminator]),
        hashlib.sha256(canonical.encode()).hexdigest(),
    ]
)
key = ("AWS4" + secret).encode()
for part in [day, region, service, terminator]:
    key = hmac.new(key, part.encode(), hashlib.sha256).digest()
expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
print("accepted" if hmac.compare_digest(expected, signature) else "SignatureDoesNotMatch")
