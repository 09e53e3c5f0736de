"""Is the home found by the rules, and does a chain's name lead to its file and nowhere else?"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from llmauto.errors import UsageError
from llmauto.home import HowFound, checkout_root, find_home, shipped_root, user_data_folder

CHAIN = '{"links": []}'


def write_chain(home: Path, name: str, text: str = CHAIN) -> Path:
    (home / "chains").mkdir(parents=True, exist_ok=True)
    file = home / "chains" / f"{name}.json"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_option_comes_before_all_else(tmp_path: Path) -> None:
    write_chain(tmp_path, "x")
    home = find_home(tmp_path, {"LLMAUTO_HOME": str(tmp_path / "env")}, tmp_path / "option")
    assert (home.path, home.how_found) == (tmp_path / "option", HowFound.OPTION)
    assert home.workdir_base == tmp_path


def test_the_environment_comes_before_walking_up(tmp_path: Path) -> None:
    write_chain(tmp_path, "x")
    home = find_home(tmp_path, {"LLMAUTO_HOME": str(tmp_path / "env")})
    assert (home.path, home.how_found) == (tmp_path / "env", HowFound.ENVIRONMENT)
    assert home.workdir_base == tmp_path


def test_an_empty_variable_names_no_home(tmp_path: Path) -> None:
    write_chain(tmp_path, "x")
    assert find_home(tmp_path, {"LLMAUTO_HOME": ""}).how_found is HowFound.WALKED_UP


def test_walking_up_finds_the_nearest_private_folder_and_agents_work_beside_it(tmp_path: Path) -> None:
    (tmp_path / ".llmauto").mkdir()
    below = tmp_path / "src" / "deep"
    below.mkdir(parents=True)
    home = find_home(below, {})
    assert home.path == tmp_path / ".llmauto"
    assert home.workdir_base == tmp_path
    assert home.private


def test_agents_never_work_in_the_private_folder_itself(tmp_path: Path) -> None:
    inside = tmp_path / ".llmauto" / "chains"
    inside.mkdir(parents=True)
    write_chain(tmp_path / ".llmauto", "x")
    home = find_home(inside, {})
    assert home.path == tmp_path / ".llmauto"
    assert home.workdir_base == tmp_path


def test_walking_up_finds_a_folder_with_chains(tmp_path: Path) -> None:
    write_chain(tmp_path, "x", '// half a chain\n{"links": [')
    below = tmp_path / "src"
    below.mkdir()
    home = find_home(below, {})
    assert (home.path, home.workdir_base, home.private) == (tmp_path, tmp_path, False)


def test_a_folder_called_chains_without_a_chain_is_no_home(tmp_path: Path) -> None:
    write_chain(tmp_path, "blockchain", '{"blocks": 3}')
    assert find_home(tmp_path, {}).path != tmp_path


def test_else_the_source_checkout_is_the_home_and_agents_work_here(tmp_path: Path) -> None:
    home = find_home(tmp_path, {})
    assert home.path == checkout_root() == shipped_root()
    assert (home.how_found, home.workdir_base) == (HowFound.CHECKOUT, tmp_path)


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match=r"--home: .* is not a folder"):
        find_home(tmp_path, {}, file)


def test_finding_a_home_creates_nothing(tmp_path: Path) -> None:
    find_home(tmp_path, {}, tmp_path / "new").list_chains()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="no such modes there")
def test_a_home_that_another_user_planted_where_all_may_write_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".llmauto").mkdir()
    assert find_home(tmp_path, {}).how_found is HowFound.WALKED_UP
    tmp_path.chmod(0o1777)
    assert find_home(tmp_path, {}).how_found is HowFound.WALKED_UP
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:
        os.chown(tmp_path / ".llmauto", 4711, -1)
    assert find_home(tmp_path, {}).how_found is not HowFound.WALKED_UP


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {}, "/home/u/.local/share/llmauto"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/llmauto"),
        ("linux", {"XDG_DATA_HOME": "data"}, "/home/u/.local/share/llmauto"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, "/home/u/Library/Application Support/llmauto"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/llmauto"),
        ("win32", {}, "/home/u/AppData/Local/llmauto"),
    ],
)
def test_the_users_data_folder_follows_the_platform(
    platform: str, environ: dict[str, str], expected: str
) -> None:
    found = user_data_folder(environ, platform=platform, user_home=Path("/home/u"))
    assert PurePosixPath(found.as_posix()) == PurePosixPath(expected)


def test_a_chain_is_found_by_name_in_the_home_before_the_shipped_ones(tmp_path: Path) -> None:
    mine = write_chain(tmp_path, "demo")
    home = find_home(tmp_path, {})
    assert home.find_chain("demo") == mine
    assert home.find_chain("review-once") == shipped_root() / "chains" / "review-once.json"


def test_chains_are_listed_once_with_the_shipped_ones_last(tmp_path: Path) -> None:
    write_chain(tmp_path, "zebra")
    write_chain(tmp_path, "demo")
    listed = find_home(tmp_path, {}).list_chains()
    assert [chain.name for chain in listed][:2] == ["demo", "zebra"]
    assert [chain.shipped for chain in listed] == sorted(chain.shipped for chain in listed)
    assert sum(chain.name == "demo" for chain in listed) == 1


def test_a_chain_can_be_given_as_a_path(tmp_path: Path) -> None:
    file = write_chain(tmp_path, "x")
    home = find_home(tmp_path, {}, tmp_path / "other")
    assert home.find_chain(str(file)) == file


def test_a_misspelt_chain_gets_a_suggestion(tmp_path: Path) -> None:
    home = find_home(tmp_path, {}, tmp_path)
    with pytest.raises(UsageError, match="there is no chain `dmeo`") as caught:
        home.find_chain("dmeo")
    assert caught.value.hint == 'did you mean "demo"?'


def test_a_misspelt_path_gets_a_suggestion(tmp_path: Path) -> None:
    file = write_chain(tmp_path, "nightly")
    with pytest.raises(UsageError) as caught:
        find_home(tmp_path, {}).find_chain(str(file.with_name("nigthly.json")))
    assert caught.value.hint == 'did you mean "nightly.json"?'


@pytest.mark.parametrize(
    "name",
    ["../../x", "/abs", "a/b", "..", "", "\n", "a\n", "CON", "nul.txt", "x" * 300, "-rf", "a\0b", "./\0.json",
     "ä", "a\u0301", "~nobody/x.json", "..\\x", "x.json/", "x" * 5000 + ".json"],
)  # fmt: skip
def test_no_name_leads_out_of_the_home(tmp_path: Path, name: str) -> None:
    home = find_home(tmp_path, {}, tmp_path)
    with pytest.raises(UsageError):
        home.find_chain(name)
    assert list(tmp_path.iterdir()) == []


def test_a_link_works_in_its_own_folder_else_the_chains_else_the_homes(tmp_path: Path) -> None:
    home = find_home(tmp_path, {}, tmp_path / "h")
    chain, link = str(tmp_path / "c"), str(tmp_path / "l")
    assert home.workdir(chain, link) == tmp_path / "l"
    assert home.workdir(chain) == tmp_path / "c"
    assert home.workdir() == tmp_path
