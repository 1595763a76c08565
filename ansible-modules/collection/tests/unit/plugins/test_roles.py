"""Every role says the same of its variables in `defaults` and in `argument_specs`."""

from __future__ import annotations

import typing as t
import unittest
from pathlib import Path

import yaml

COLLECTION = Path(__file__).resolve().parents[3]
NOT_GIVEN = object()


def read(file: Path) -> t.Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def roles() -> list[Path]:
    return sorted((COLLECTION / "roles").iterdir())


def options(role: Path) -> dict[str, t.Any]:
    return read(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]


class Roles(unittest.TestCase):
    def test_defaults_are_those_of_the_specification_key_by_key(self) -> None:
        for role in roles():
            defaults = read(role / "defaults/main.yml") or {}
            specified = options(role)
            for name in sorted(set(defaults) | set(specified)):
                with self.subTest(role=role.name, variable=name):
                    self.assertIn(name, specified, "a default that no specification names")
                    wanted = specified[name].get("default", NOT_GIVEN)
                    self.assertEqual(defaults.get(name, NOT_GIVEN), wanted)
                    required = specified[name].get("required", False)
                    self.assertTrue(required or wanted is not NOT_GIVEN, "neither required nor a default")

    def test_every_variable_begins_with_the_role_and_is_described(self) -> None:
        for role in roles():
            for name, option in options(role).items():
                with self.subTest(role=role.name, variable=name):
                    self.assertTrue(name.startswith(f"{role.name}_"))
                    self.assertTrue(option.get("description"))
                    self.assertTrue(option.get("type"))

    def test_what_is_secret_is_marked(self) -> None:
        for role in roles():
            for name, option in all_options(options(role)):
                if any(word in name for word in ("password", "private_key", "secret_key", "token")):
                    with self.subTest(role=role.name, variable=name):
                        self.assertTrue(option.get("no_log"))

    def test_every_role_has_a_page(self) -> None:
        for role in roles():
            with self.subTest(role=role.name):
                self.assertTrue((role / "README.md").read_text(encoding="utf-8").startswith("# socle.platform."))


def all_options(told: dict[str, t.Any]) -> t.Iterator[tuple[str, t.Any]]:
    for name, option in told.items():
        yield name, option
        yield from all_options(option.get("options", {}))


if __name__ == "__main__":
    unittest.main()
