"""The verifier of RFC 7677's example, and passwords beyond ASCII."""

from __future__ import annotations

import base64
import unittest

from ansible_collections.socle.platform.plugins.filter.scram import (
    prepared,
    scram_matches,
    scram_verifier,
    verifier,
)


class Scram(unittest.TestCase):
    def test_makes_what_postgresql_makes(self) -> None:
        salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
        # Salt, count and password of RFC 7677; StoredKey and ServerKey follow from its proof and signature.
        made = verifier("pencil", 4096, salt)
        self.assertEqual(
            made,
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        )

    def test_knows_its_own_and_no_other(self) -> None:
        for password in ("pencil", "p'ä\"w", "Ⅸ \u00a0\u00ad", "\u0007"):
            made = scram_verifier(password)
            self.assertTrue(scram_matches(password, made))
            self.assertFalse(scram_matches(password + "x", made))
            self.assertNotEqual(made, scram_verifier(password))

    def test_what_is_no_verifier_matches_nothing(self) -> None:
        for known in (None, "", "md5" + "0" * 32, "SCRAM-SHA-256$1:?$a:b"):
            self.assertFalse(scram_matches("pencil", known))

    def test_prepares_as_rfc_4013_says(self) -> None:
        self.assertEqual(prepared("I\u00adX"), b"IX")
        self.assertEqual(prepared("\u2168"), b"IX")
        self.assertEqual(prepared("a\u00a0b"), b"a b")
        self.assertEqual(prepared("\u0007"), b"\x07")


if __name__ == "__main__":
    unittest.main()
