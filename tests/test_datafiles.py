"""Damaged files are named, never used; every message says how to repair."""

import gzip
import hashlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils import datafiles, paths
from course_utils.datafiles import DataError

NAMES = ["births", "bikes", "digits", "fashion", "tabular", "photos", "brown"]


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A folder with copies of all data files, which the loaders now read."""
    for name in NAMES:
        file = datafiles.expected(name)["file"]
        shutil.copy(paths.root() / "data" / file, tmp_path / file)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    return tmp_path


def test_the_manifest_lists_all_seven_files_in_order():
    assert datafiles.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_shipped_files_are_the_manifests_to_the_byte(name):
    entry = datafiles.expected(name)
    raw = (paths.root() / "data" / entry["file"]).read_bytes()
    assert len(raw) == entry["bytes"]
    assert hashlib.sha256(raw).hexdigest() == entry["file_sha256"]


def test_there_is_no_data_file_beside_the_manifests_and_all_are_small():
    shipped = [p for p in (paths.root() / "data").iterdir() if p.suffix in {".gz", ".npz", ".csv"}]
    assert {p.name for p in shipped} == {datafiles.expected(name)["file"] for name in NAMES}
    assert sum(p.stat().st_size for p in shipped) <= 12e6


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(KeyError, match=r"no data file 'mnist'; there are: births, bikes"):
        datafiles.expected("mnist")


def test_the_checksum_of_a_text_is_plain_sha256():
    assert datafiles.content_sha256(b"abc") == hashlib.sha256(b"abc").hexdigest()


def test_the_checksum_of_arrays_sees_values_shape_dtype_and_name():
    start = {"x": np.arange(6, dtype=np.int32).reshape(2, 3)}
    others = [
        {"y": start["x"]},
        {"x": start["x"].reshape(3, 2)},
        {"x": start["x"].T.copy().reshape(2, 3)},
        {"x": start["x"].astype(np.float32)},
        {"x": start["x"] + np.array([[0, 0, 0], [0, 0, 1]], np.int32)},
        {**start, "y": np.zeros(0)},
    ]
    sums = {datafiles.content_sha256(arrays) for arrays in [start, *others]}
    assert len(sums) == len(others) + 1


def test_the_checksum_does_not_see_how_an_array_lies_in_memory():
    x = np.arange(6, dtype=np.int32).reshape(2, 3)
    plain = datafiles.content_sha256({"x": x, "a": x})
    assert datafiles.content_sha256({"a": x, "x": np.asfortranarray(x)}) == plain
    assert datafiles.content_sha256({"a": x, "x": x.astype(">i4")}) == plain


def test_another_compressor_is_no_damage(copy):
    path = copy / "births.csv.gz"
    text = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(text, compresslevel=1))
    assert datafiles.read("births") == text


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named_with_its_repair(copy, name):
    path = copy / datafiles.expected(name)["file"]
    path.unlink()
    with pytest.raises(DataError) as error:
        datafiles.read(name)
    assert f"{path} is missing" in str(error.value)
    assert f'python data/build_data.py {name} --out "{copy}"' in str(error.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_named_with_both_checksums(copy, name, share):
    entry = datafiles.expected(name)
    path = copy / entry["file"]
    left = path.read_bytes()[: int(share * entry["bytes"])]
    path.write_bytes(left)
    with pytest.raises(DataError) as error:
        datafiles.read(name)
    message = str(error.value)
    for part in (str(path), entry["file_sha256"], hashlib.sha256(left).hexdigest()):
        assert part in message
    assert f"python data/build_data.py {name}" in message


def test_other_content_is_named_with_both_checksums(copy):
    path = copy / "births.csv.gz"
    text = gzip.decompress(path.read_bytes()).replace(b"9083", b"9084", 1)
    path.write_bytes(gzip.compress(text))
    with pytest.raises(DataError) as error:
        datafiles.read("births")
    for part in (
        "births.csv.gz does not hold the data",
        datafiles.expected("births")["content_sha256"],
        hashlib.sha256(text).hexdigest(),
    ):
        assert part in str(error.value)


def test_one_other_pixel_is_found(copy):
    path = copy / "digits.npz"
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["test_x"][0, 0, 0] ^= 1
    np.savez_compressed(path, **arrays)
    with pytest.raises(DataError, match=r"digits\.npz does not hold the data"):
        datafiles.read("digits")


@pytest.mark.parametrize("name", ["digits", "births"])
def test_the_file_of_another_set_is_refused(copy, name):
    shutil.copy(copy / "bikes.csv.gz", copy / datafiles.expected(name)["file"])
    with pytest.raises(DataError, match="build_data"):
        datafiles.read(name)


@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
@pytest.mark.parametrize("name", ["births", "digits"])
def test_a_damaged_byte_is_refused_or_without_effect(tmp_path_factory, name, place, mask):
    entry = datafiles.expected(name)
    raw = bytearray((paths.root() / "data" / entry["file"]).read_bytes())
    raw[int(place * len(raw))] ^= mask
    folder = tmp_path_factory.mktemp("damaged")
    (folder / entry["file"]).write_bytes(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA", str(folder))
        try:
            content = datafiles.read(name)
        except DataError:
            return
    assert datafiles.content_sha256(content) == entry["content_sha256"]


def test_a_pickle_inside_an_npz_is_not_opened(copy):
    np.savez(copy / "digits.npz", x=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read"):
        datafiles.read("digits")


@pytest.mark.parametrize(("git", "advice"), [(True, "git restore"), (False, "download the course")])
def test_the_advice_fits_how_the_course_came(tmp_path, monkeypatch, git, advice):
    (tmp_path / "data").mkdir()
    if git:
        (tmp_path / ".git").mkdir()
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    with pytest.raises(DataError) as error:
        datafiles.read("births")
    assert advice in str(error.value)
    assert "data/births.csv.gz" in str(error.value)
    assert str(error.value).endswith("python data/build_data.py births")


def test_verify_all_reports_each_file_and_raises_nothing(copy):
    assert [(r.name, r.ok) for r in datafiles.verify_all()] == [(name, True) for name in NAMES]

    (copy / "bikes.csv.gz").unlink()
    (copy / "photos.npz").write_bytes(b"nothing of the kind")
    reports = {r.name: r for r in datafiles.verify_all()}

    assert [name for name in NAMES if not reports[name].ok] == ["bikes", "photos"]
    assert "bikes.csv.gz is missing" in reports["bikes"].message
    assert "build_data.py photos" in reports["photos"].message
    assert reports["births"].message == "births.csv.gz: 5,479 days, as expected"


def test_files_can_be_verified_without_pytorch():
    code = (
        "import sys\n"
        "from course_utils.datafiles import verify_all\n"
        "assert all(r.ok for r in verify_all())\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=paths.root())
