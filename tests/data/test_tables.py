"""Files of tables: what is read, and the one sentence for everything that cannot be."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from deltaprop.data import read_table
from deltaprop.errors import ArgumentError, DataError

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(data: bytes, name: str = "t.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return _write


def columns(path: Path, **options: object) -> dict[str, list[object]]:
    return read_table(path, **options).to_dict(as_series=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a,b\n1,2\n3,4\n", {"a": [1, 3], "b": [2, 4]}),
        (b"a;b\n1;x,y\n", {"a": [1], "b": ["x,y"]}),
        (b"a\tb\r\n1\t2\r\n", {"a": [1], "b": [2]}),
        (b"a|b\n1|2", {"a": [1], "b": [2]}),
        (b"a,b\r1,2\r", {"a": [1], "b": [2]}),
        (b"\xef\xbb\xbfa,b\n1,2\n", {"a": [1], "b": [2]}),
        (b"\n\na , b\n\n 1 , ?\n\n", {"a": [1], "b": [None]}),
        (b'a,b\n"x\ny","q ""r"""\n', {"a": ["x\ny"], "b": ['q "r"']}),
        (b'a,b\n5" pipe,1\n', {"a": ['5" pipe'], "b": [1]}),
        (b"a\n1\n2\n", {"a": [1, 2]}),
        ("ä,b\né,1\n".encode(), {"ä": ["é"], "b": [1]}),
    ],
)
def test_text_is_read_whatever_its_separators_quotes_and_line_ends(
    write: Write, text: bytes, expected: dict[str, list[object]]
) -> None:
    assert columns(write(text)) == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "+2", "-3", "007"], [1, 2, -3, 7]),
        (["1", "2.5", "1e3", ".5", "-1."], [1.0, 2.5, 1000.0, 0.5, -1.0]),
        (["1", "99999999999999999999"], [1.0, 1e20]),
        (["True", "FALSE", "?", "true"], [True, False, None, True]),
        (["true", "yes"], ["true", "yes"]),
        (["2024-01-31", "NA"], [date(2024, 1, 31), None]),
        (["2024-01-31 10:30", "2024-02-01 00:00"], [datetime(2024, 1, 31, 10, 30), datetime(2024, 2, 1)]),
        (["2024-13-31", "2024-01-31"], ["2024-13-31", "2024-01-31"]),
        (["0x1F", "1_0"], ["0x1F", "1_0"]),
        (["?", "NA", "N/A", "NaN", "nan", "null", "None", '""'], [None] * 8),
    ],
)
def test_types_come_from_the_cells(write: Write, cells: list[str], expected: list[object]) -> None:
    assert columns(write(b"c\n" + "\n".join(cells).encode()))["c"] == expected


def test_types_come_from_all_rows_of_the_file(write: Write) -> None:
    values = columns(write(b"a,b\n" + b"1,1\n" * 20_000 + b"x,1.5\n"))
    assert values["a"][-2:] == ["1", "x"]
    assert values["b"][-2:] == [1.0, 1.5]


def test_a_table_larger_than_one_block_is_whole(write: Write) -> None:
    row = b"1,text of a row\n"
    assert read_table(write(b"a,b\n" + row * 600_000)).shape == (600_000, 2)


def test_names_are_for_files_without_a_header(write: Write) -> None:
    assert columns(write(b"1,x\n2,y\n"), names=["n", " t "]) == {"n": [1, 2], "t": ["x", "y"]}


@pytest.mark.parametrize("name", ["t.csv.gz", "T.TSV.GZ", "t.csv"])
def test_gzip_is_unpacked(write: Write, name: str) -> None:
    assert columns(write(gzip.compress(b"a\tb\n1\t2\n"), name)) == {"a": [1], "b": [2]}


def test_parquet_and_arrow_come_as_they_are(tmp_path: Path) -> None:
    table = pa.table({"a": [1, None], "t": [" x", "?"]})
    (tmp_path / "year=2020").mkdir()
    parquet.write_table(table, tmp_path / "year=2020" / "t.parquet")
    feather.write_feather(table, tmp_path / "t.feather")
    with pa.ipc.new_file(tmp_path / "t.arrow", table.schema) as file:
        file.write_table(table)
    for path in (tmp_path / "year=2020" / "t.parquet", tmp_path / "t.feather", tmp_path / "t.arrow"):
        assert columns(path) == {"a": [1, None], "t": [" x", "?"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", r"at least one row\. Got an empty file \('t.csv'\)"),
        (b"\n\r\n\n", "Got an empty file"),
        (b'"' + b"x" * 200_000, "Got a first row that cannot be split into cells"),
        (b"\n\na\n\xff\n", "byte 0xff in line 4"),
        (b"a,b\n", "Got a header and no rows"),
        (b"a,b\n1,2\n3,4,5\n", r"2 fields in every row\. Got 3 in row 3 of 't.csv' \(the header counted"),
        (b"a,b\n1,2\n\n3\n", r"2 fields in every row\. Got 1 in row 3 of"),
        (b"a,b\n" + b"1,2\n" * 400_000 + b"1\n", "Got 1 in row 400002 of"),
        (b"a,b,a\n1,2,3\n", r"named differently\. Got 'a' more than once in 't.csv'\. If the first row is data"),
        (b"a,,b\n1,2,3\n", r"must be named\. Got no name for column 2 of 't.csv'"),
        (b"a,b\n1,2\n3,\xff\n", r"UTF-8 text\. Got byte 0xff in line 3 of 't.csv'\. Save the table as UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "must be UTF-8 text"),
        (b"a,b\n1,\0\n", "Got NUL bytes in 't.csv'"),
        (b'a,b\n"x,2\n3,4\n', "2 fields in every row"),
        (b"1,2\n3,4\n", r"'1' in its first row, .* no header\. Give the 2 names .* --names a,b,c"),
        (b"39, State-gov, 77516\n", "'39' in its first row, .* Give the 3 names"),
        (b"x, ?\na,b\n", r"'\?' in its first row"),
        (b"x,2024-01-01\na,2024-01-02\n", "'2024-01-01' in its first row"),
        (gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-9], "must be a whole gzip file. Got .* damaged"),
        (b"\x1f\x8b\x08junk", "must be a whole gzip file"),
    ],
)
def test_text_that_is_no_table_is_one_sentence(write: Write, text: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_table(write(text))


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["p"], ArgumentError, r"as many as the columns of 't.csv', which has 2\. Got 1: p\."),
        (["p", "p"], DataError, "Got 'p' more than once in `names`"),
        (["p", ""], DataError, "Got no name for column 2 of `names`"),
        (["a", "b"], ArgumentError, "left out if the file has a header"),
    ],
)
def test_wrong_names(write: Write, names: list[str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read_table(write(b"a,b\n1,2\n"), names=names)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("t.parquet", "must be a whole Parquet file. Got .* damaged"),
        ("t.arrow", "must be a whole Arrow file"),
        ("t.feather", "must be a whole Arrow file"),
        ("t.xlsx", r"a file of a known kind \(.csv, .*\)\. Got 't.xlsx'"),
        ("t.gz", "a file of a known kind"),
        ("table", "a file of a known kind"),
    ],
)
@pytest.mark.parametrize("junk", [b"", b"junk", b"PAR1" + b"\xff" * 40 + b"PAR1", b"ARROW1\0\0" + b"\xff" * 40])
def test_damaged_and_foreign_files(write: Write, name: str, message: str, junk: bytes) -> None:
    with pytest.raises(DataError, match=message):
        read_table(write(junk, name))


def test_a_parquet_file_cut_short(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a": list(range(1000))}), tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    for cut in (len(whole) - 1, len(whole) // 2, 5):
        (tmp_path / "t.parquet").write_bytes(whole[:cut])
        with pytest.raises(DataError, match="must be a whole Parquet file"):
            read_table(tmp_path / "t.parquet")


def test_parquet_without_rows_or_with_names(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"at least one row\. Got no rows \('t.parquet'\)"):
        read_table(tmp_path / "t.parquet")
    with pytest.raises(ArgumentError, match=r"`names` must be left out for .parquet files"):
        read_table(tmp_path / "t.parquet", names=["a"])


def test_missing_files_and_folders(write: Write, tmp_path: Path) -> None:
    write(b"a\n1\n", "houses.csv")
    with pytest.raises(DataError, match=r"an existing file\. Got '.*house.csv'\. Did you mean 'houses.csv'\?"):
        read_table(tmp_path / "house.csv")
    with pytest.raises(DataError, match="an existing file"):
        read_table(tmp_path / "nowhere" / "house.csv")
    with pytest.raises(DataError, match=r"must be a data file\. Got the folder"):
        read_table(tmp_path)


def test_a_file_that_cannot_be_opened(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = write(b"a\n1\n")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"a readable file\. Got '.*t.csv': Permission denied\."):
        read_table(path)
