"""What is generated is up to date."""

from __future__ import annotations

from deploy.regen import generated


def test_generated_pages_are_those_of_the_code() -> None:
    for path, text in generated().items():
        assert path.read_text(encoding="utf-8") == text, (
            f"{path.name} is out of date: run make regen"
        )
