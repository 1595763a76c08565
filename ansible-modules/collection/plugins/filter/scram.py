"""Passwords as PostgreSQL keeps them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import stringprep
import typing as t
import unicodedata

from ansible.errors import AnsibleFilterError

#: PostgreSQL's own number.
ITERATIONS = 4096
SALT_LENGTH = 16
VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)")

#: What RFC 4013 prohibits.
PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def prepared(password: str) -> bytes:
    """The password by SASLprep (RFC 4013). What it prohibits is taken as it is, as PostgreSQL does."""
    mapped = "".join(
        " " if stringprep.in_table_c12(letter) else letter
        for letter in password
        if not stringprep.in_table_b1(letter)
    )
    normal = unicodedata.normalize("NFKC", mapped)
    if any(table(letter) for letter in normal for table in PROHIBITED):
        return password.encode()
    return normal.encode()


def verifier(password: str, iterations: int, salt: bytes) -> str:
    """The verifier (RFC 5803) as it stands in `pg_authid`."""
    salted = hashlib.pbkdf2_hmac("sha256", prepared(password), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored, server = hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")
    shown = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{shown[0]}${shown[1]}:{shown[2]}"


def scram_verifier(password: t.Any) -> str:
    """A new verifier of a password."""
    if not isinstance(password, str) or not password:
        raise AnsibleFilterError("scram_verifier wants a password that is not empty")
    return verifier(str(password), ITERATIONS, os.urandom(SALT_LENGTH))


def scram_matches(password: t.Any, known: t.Any) -> bool:
    """Whether a verifier is that of the password."""
    parts = VERIFIER.fullmatch(str(known or ""))
    if not parts:
        return False
    try:
        salt = base64.b64decode(parts[2], validate=True)
    except ValueError:
        return False
    return hmac.compare_digest(verifier(str(password), int(parts[1]), salt).encode(), str(known).encode())


class FilterModule:
    """The filters."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"scram_verifier": scram_verifier, "scram_matches": scram_matches}
