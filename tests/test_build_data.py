"""The maintainer's recipes, on sources small enough to check by eye; no network."""

import gzip
import hashlib
import importlib
import io
import sys
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from course_utils import datafiles, paths

MODULES = ("sources", "catalogue", "recipes", "brown", "build_data")


@pytest.fixture
def data(monkeypatch):
    """The modules of the folder data/, by name."""
    monkeypatch.syspath_prepend(str(paths.root() / "data"))
    yield {name: importlib.import_module(name) for name in MODULES}
    for name in MODULES:
        sys.modules.pop(name, None)


def test_readme_is_what_the_manifest_and_the_catalogue_say(data):
    files = paths.table("datasets")["files"]
    readme = (paths.root() / "data" / "README.md").read_text(encoding="utf-8")
    assert readme == data["catalogue"].readme(files)
    for entry in files.values():
        for key in ("file", "rows", "licence", "content_sha256", "file_sha256"):
            assert entry[key] in readme


def test_manifest_is_what_the_builder_writes(data):
    table = paths.table("datasets")
    text = data["build_data"].manifest_text(table["files"], table["made_with"])
    stored = paths.root() / "course_utils" / "tables" / "datasets.toml"
    assert stored.read_text(encoding="utf-8") == text


def test_manifest_and_catalogue_name_the_same_sources(data):
    files = paths.table("datasets")["files"]
    assert list(files) == list(data["catalogue"].CATALOGUE)
    for name, entry in files.items():
        known = data["catalogue"].CATALOGUE[name]
        given = (entry["file"], entry["source"], entry["licence"], entry["title"])
        assert given == (known.file, known.package, known.licence, known.title)


@pytest.mark.parametrize("name", ["births", "digits", "tabular", "photos"])
def test_packing_the_content_again_gives_the_content(data, name):
    content = datafiles.read(name)
    file = datafiles.expected(name)["file"]
    first, second = data["build_data"].pack(content), data["build_data"].pack(content)
    assert first == second
    again = datafiles.decode(file, first)
    assert datafiles.content_sha256(again) == datafiles.expected(name)["content_sha256"]


def test_packed_text_holds_no_time_and_no_name(data):
    raw = data["build_data"].pack(b"text")
    assert raw[3] == 0 and raw[4:8] == bytes(4)  # no optional fields; modification time 0


def test_rows_are_ranked_by_a_plain_hash(data):
    assert data["recipes"].rank("a 1") == hashlib.sha256(b"a 1").digest()


def test_rows_are_picked_as_often_per_class_as_asked_for(data):
    labels = np.array([0, 1, 1, 0, 1, 0, 1])
    rows = data["recipes"].picked(labels, "test", {0: 2, 1: 3})
    assert rows == sorted(set(rows))
    assert labels[rows].tolist().count(0) == 2 and labels[rows].tolist().count(1) == 3


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_mixed_rows_hold_every_class_once_per_round(data, classes):
    labels = np.repeat(np.arange(classes), 20)
    order = data["recipes"].mixed(labels, "test")
    assert sorted(order) == list(range(20 * classes))
    rounds = labels[order].reshape(20, classes)
    np.testing.assert_array_equal(np.sort(rounds, axis=1), np.tile(np.arange(classes), (20, 1)))
    assert len({tuple(r) for r in rounds.tolist()}) > 1  # not the same order each time


def test_births_refuses_a_gap(data):
    text = "date,births\n2000-01-01,5\n2000-01-03,6\n"
    with pytest.raises(ValueError, match="before 2000-01-03"):
        data["recipes"].births(text)


def test_births_are_sorted_and_keep_date_and_number(data):
    text = "rownames,date,births\n2,2000-01-02,6\n1,2000-01-01,5\n"
    assert data["recipes"].births(text) == b"date,births\n2000-01-01,5\n2000-01-02,6\n"


def test_idx_files_are_read_by_their_header(data):
    header = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3])
    image = data["recipes"]._idx(gzip.compress(header + bytes(range(6))))
    np.testing.assert_array_equal(image, [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("nn", "NOUN"),
        ("np$-tl", "NOUN"),
        ("ppss+bem", "PRON"),
        ("dt+bez-nc", "DET"),
        ("do*", "VERB"),
        ("md*-hl", "VERB"),
        ("*", "ADV"),
        ("*-hl", "ADV"),
        ("in-tl-hl", "ADP"),
        ("cs", "CONJ"),
        ("ex+bez", "PRON"),
        ("abn", "DET"),
        ("wp$", "DET"),
        ("od", "ADJ"),
        ("uh", "X"),
        ("fw-in+at-t", "X"),
        ("---hl", "."),
        ("--", "."),
        (",-hl", "."),
        ("''", "."),
    ],
)
def test_tags_of_the_tape_become_universal(data, tag, expected):
    assert data["brown"].universal(tag) == expected


def test_an_unknown_tag_is_an_error_not_a_guess(data):
    with pytest.raises(KeyError):
        data["brown"].universal("zz")


def test_universal_tags_are_the_twelve(data):
    tags = {"NOUN", "VERB", "ADJ", "ADV", "PRON", "DET", "ADP", "NUM", "CONJ", "PRT", "X", "."}
    assert set(data["brown"].UNIVERSAL.values()) == tags


def test_a_sentence_keeps_one_of_doubled_signs(data):
    line = "did/dod he/pps go/vb ?/. ?/."
    expected = [("did", "VERB"), ("he", "PRON"), ("go", "VERB"), ("?", ".")]
    assert data["brown"].sentence(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "a/at-hl b/nn-hl c/nn-hl ./.",  # mostly headline
        "a/at b/nil c/nn d/nn ./.",  # holds nil
        "a/at b/nn ./.",  # three tokens
        " ".join(["a/nn"] * 31),  # too long
    ],
)
def test_sentences_of_no_use_are_dropped(data, line):
    assert data["brown"].sentence(line) is None


def test_a_word_may_hold_a_slash(data):
    assert data["brown"].sentence("1/2/cd a/at b/nn c/nn")[0] == ("1/2", "NUM")


def test_documents_of_each_category_go_four_one_one(data):
    documents = [f"ca{i:02}" for i in range(1, 13)] + [f"cm{i:02}" for i in range(1, 7)]
    split = data["brown"].split_of(documents)
    assert split["ca05"] == split["cm05"] == "dev" and split["ca12"] == split["cm06"] == "test"
    assert Counter(split.values()) == {"train": 12, "dev": 3, "test": 3}


def test_a_small_category_gives_all_it_has_and_the_others_share_the_rest(data):
    quota = data["brown"].balanced({"a": 100, "b": 3, "c": 100}, 43)
    assert quota == {"b": 3, "a": 20, "c": 20}


def test_photos_are_means_of_two_by_two_pixels(data):
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[:2, :2, 0] = [[10, 20], [30, 41]]  # mean 25.25
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "png")
    files = {f"x/{name}.jpg": packed.getvalue() for name in ("china", "flower")}
    small = data["recipes"].photos(files)["china"]
    assert small.shape == (3, 2, 3) and small[0, 0, 0] == 25 and small.sum() == 25


def test_a_changed_source_is_refused(data, monkeypatch, tmp_path):
    build = data["build_data"]
    monkeypatch.setattr(build, "fetch", lambda *_: {"digits.csv.gz": b"something else"})
    with pytest.raises(data["sources"].SourceError, match="is not the package that digits"):
        build.rebuild("digits", paths.table("datasets")["files"]["digits"], False, tmp_path)


def test_an_unknown_name_is_refused_with_the_known_ones(data, capsys):
    with pytest.raises(SystemExit):
        data["build_data"].main(["mnist"])
    assert "no data file mnist" in capsys.readouterr().err


def test_check_tells_agreement_from_difference(data, monkeypatch, capsys, tmp_path):
    build = data["build_data"]
    content = datafiles.read("births")
    source = datafiles.expected("births")["source_sha256"]
    monkeypatch.setattr(build, "rebuild", lambda *_: (content, source))
    assert build.main(["births", "--check"]) == 0
    assert "content agrees" in capsys.readouterr().out
    monkeypatch.setattr(build, "rebuild", lambda *_: (content.replace(b"9083", b"9084"), source))
    assert build.main(["births", "--check"]) == 1
    assert "content DIFFERS" in capsys.readouterr().out


def test_repairing_writes_the_file_and_leaves_the_manifest(data, monkeypatch, tmp_path):
    build = data["build_data"]
    content = datafiles.read("births")
    source = datafiles.expected("births")["source_sha256"]
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))  # main() may set it: undone afterwards
    monkeypatch.setattr(build, "rebuild", lambda *_: (content, source))
    manifest = build.MANIFEST.read_bytes()
    assert build.main(["births", "--out", str(tmp_path)]) == 0
    assert datafiles.decode("births.csv.gz", (tmp_path / "births.csv.gz").read_bytes()) == content
    assert build.MANIFEST.read_bytes() == manifest


def test_a_rebuild_by_another_compressor_keeps_the_manifest(data, monkeypatch, tmp_path):
    build = data["build_data"]
    stored = build.MANIFEST.read_bytes(), (build.HERE / "README.md").read_bytes()
    content, source = datafiles.read("births"), datafiles.expected("births")["source_sha256"]
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setattr(build, "HERE", tmp_path)
    monkeypatch.setattr(build, "MANIFEST", tmp_path / "datasets.toml")
    (tmp_path / "datasets.toml").write_bytes(stored[0])
    monkeypatch.setattr(build, "rebuild", lambda *_: (content, source))
    monkeypatch.setattr(build, "pack", lambda text: gzip.compress(text, compresslevel=1))

    assert build.main(["births"]) == 0

    assert (tmp_path / "datasets.toml").read_bytes() == stored[0]
    assert (tmp_path / "README.md").read_bytes() == stored[1]
    assert datafiles.read("births") == content


def test_other_content_is_refused_unless_accepted(data, monkeypatch, tmp_path):
    build = data["build_data"]
    source = datafiles.expected("births")["source_sha256"]
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setattr(build, "rebuild", lambda *_: (b"date,births\n", source))
    with pytest.raises(data["sources"].SourceError, match="content differs"):
        build.main(["births", "--out", str(tmp_path)])
    assert not (tmp_path / "births.csv.gz").exists()
    assert build.main(["births", "--out", str(tmp_path), "--accept"]) == 0
