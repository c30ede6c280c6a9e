"""A language is one file of words: a made-up one, written here, works on every page.

The page is built anew from its sources with the file and its entry, in a folder of its own.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.alert_rig import busy
from tests.e2e.page_rig import PageRig
from tests.e2e.test_page_states import HEIGHT, LANGS, LOOK, PATHS, rigged, settle, words_of
from wattline.places import page_folder

SOURCES = page_folder().parent
pytestmark = [
    pytest.mark.net,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
    pytest.mark.skipif(
        not (SOURCES / "node_modules").exists(), reason="the live page is not built (make page)"
    ),
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
]
CODE = "eo"  # a language that browsers know and the page does not
MARK = "\u0302"  # a circumflex on every vowel tells a made-up word from a real one
LONGER = 0.2  # words of other languages are longer than English ones


def made_up(text: str) -> str:
    """An English text with marked vowels and a fifth longer; what stands in braces stays."""
    pieces = re.split(r"(\{\w+\})", text)
    marked = [
        piece if piece.startswith("{") else re.sub("[aeiouAEIOU]", rf"\g<0>{MARK}", piece)
        for piece in pieces
    ]
    letters = sum(map(str.isalpha, text))
    return "".join(marked) + " " + "".join(f"o{MARK}" for _ in range(round(LONGER * letters) // 2))


def words_file(said: dict[str, str]) -> str:
    lines = [f'  {key}: "{text}",' for key, text in said.items()]
    head = f'import type {{ Words }} from "./words";\n\nexport const {CODE}: Words = {{'
    return "\n".join([head, *lines, "};", ""])


def tool(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A tool of the page, as it is installed for it."""
    node = str(shutil.which("node"))
    script = folder / "node_modules" / command[0]
    return subprocess.run(
        [node, str(script), *command[1:]], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def with_a_language(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources of the page with one more words file and its entry in the list of languages."""
    folder = tmp_path_factory.mktemp("page") / "live"
    ignored = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(SOURCES, folder, ignore=ignored)
    (folder / "node_modules").symlink_to(SOURCES / "node_modules")
    said = {key: made_up(text.replace("CO₂", "{c}")) for key, text in words_of("en").items()}
    (folder / "src/words" / f"{CODE}.ts").write_text(words_file(said), encoding="utf-8")
    listed = folder / "src/words/languages.ts"
    text = listed.read_text(encoding="utf-8")
    text = f'import {{ {CODE} }} from "./{CODE}";\n{text}'
    entry = f'  {{ code: "{CODE}", label: "Ê", words: {CODE} }},\n];'
    listed.write_text(text.replace("];", entry), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def built(with_a_language: Path) -> Path:
    said = tool(with_a_language, "vite/bin/vite.js", "build", "--logLevel", "warn")
    assert said.returncode == 0, said.stderr
    return with_a_language / "dist"


def test_a_missing_word_does_not_build(with_a_language: Path, tmp_path: Path) -> None:
    file = with_a_language / "src/words" / f"{CODE}.ts"
    whole = file.read_text(encoding="utf-8")
    checked = tool(with_a_language, "typescript/bin/tsc", "--noEmit")
    assert checked.returncode == 0, checked.stdout
    try:
        file.write_text(re.sub(r"  attention: .*\n", "", whole), encoding="utf-8")
        checked = tool(with_a_language, "typescript/bin/tsc", "--noEmit")
        assert checked.returncode != 0
        assert f"words/{CODE}.ts" in checked.stdout
        assert "'attention' is missing" in checked.stdout
    finally:
        file.write_text(whole, encoding="utf-8")


def shown_in(page: Page, rig: PageRig, path: str) -> dict[str, list[str]]:
    page.goto(rig.base + path)
    page.wait_for_selector("main")
    settle(page)
    page.evaluate("document.querySelectorAll('code').forEach(c => c.textContent = '')")
    seen: dict[str, list[str]] = page.evaluate("() => look()")
    return seen


# Page, width: each page once, the crowded ones on a phone.
VIEWS = [
    (PATHS["site"], 1366),
    (PATHS["site"], 390),
    (PATHS["line"], 1366),
    (PATHS["health"], 390),
    (PATHS["factors"], 1366),
    ("/alerts", 390),
    ("/alerts/a4", 1366),
    ("/rules", 1366),
    ("/rules/idle_load", 390),
]


def test_a_made_up_language_works_on_all_pages(browser: Browser, built: Path) -> None:
    known = {text for lang in LANGS for text in words_of(lang).values()}
    known = {text for text in known if re.search("[aeiou]", text) and "{" not in text}
    units = {"g/kWh", "day"}
    with PageRig(busy() | rigged_site(), built).running() as rig:
        same = units | plant_names(rig)
        for path, width in VIEWS:
            view = browser.new_context(
                viewport={"width": width, "height": HEIGHT[width]}, reduced_motion="reduce"
            )
            view.add_init_script(f"localStorage.setItem('lang', '{CODE}')")
            view.add_init_script(LOOK)
            page = view.new_page()
            seen = shown_in(page, rig, path)
            assert page.evaluate("document.documentElement.lang") == CODE
            left = [text for text in seen["texts"] if text in known - same]
            assert not left, f"{path}: words of another language"
            assert not seen["cut"], f"{path} at {width} px"
            assert not seen["over"], f"{path} at {width} px"
            assert any(MARK in text for text in seen["texts"])
            view.close()


def plant_names(rig: PageRig) -> set[str]:
    """What the plant file calls its things: it has no word in the made-up language."""
    site = rig.answers["/api/v1/site"]
    listed = (thing for things in site.values() if isinstance(things, list) for thing in things)
    named = (thing["name"] for thing in listed if isinstance(thing, dict) and "name" in thing)
    return {text for name in named for text in name.values()}


def rigged_site() -> dict[str, object]:
    """A site with something to attend to."""
    return {"/api/v1/live": rigged("alert").answers["/api/v1/live"]}
