"""No decision depends on how a fact is worded: with codes for words, every story is the same."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from kanport import catalogue
from kanport.catalogue import CatalogueEntry, Text
from kanport.sandbox import Sandbox, SandboxOptions
from tests.support.ports import free_port
from tests.support.stories import afterwards, faults
from tests.support.stories import nights as scenarios
from tests.support.stories.observed import differences
from tests.support.stories.scene import STORIES, Scene

assert all((scenarios, faults, afterwards)), "each of them adds its stories"


def bare(code: str, kind: CatalogueEntry) -> CatalogueEntry:
    """Return a kind with its code in place of each wording, the same for all cases."""
    return kind._replace(
        about=code,
        texts={case: Text(code, code if text.hint else "") for case, text in kind.texts.items()},
    )


def codes_for_words(patch: pytest.MonkeyPatch) -> None:
    """Let every fact be worded by its code, wherever the catalogue is looked up."""
    kinds = {code: bare(code, kind) for code, kind in catalogue.ALL.items()}
    for part in catalogue.__all__:
        entries = getattr(catalogue, part)
        if isinstance(entries, dict):
            for code in entries:
                patch.setitem(entries, code, kinds[code])


def observed(name: str, folder: Path, port: int, *, words: bool) -> Any:
    """Tell a story in an empty folder, and return what was observed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch, Sandbox(SandboxOptions(port=port)) as server:
        if not words:
            codes_for_words(patch)
        scene = Scene(folder, server, patch)
        scene.prepare()
        with scene.signals():
            STORIES[name](scene)
        return scene.end()


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_the_same_with_codes_for_words(name: str, tmp_path: Path) -> None:
    folder, port = tmp_path / "here", free_port()
    worded = observed(name, folder, port, words=True)
    assert not list(differences(worded, observed(name, folder, port, words=False)))
