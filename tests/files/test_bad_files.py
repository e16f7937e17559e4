"""Files that are damaged, foreign, newer or malicious: one sentence, nothing executed, nothing large allocated."""

from __future__ import annotations

import pickle
import re
import struct
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

import deltaprop as dp

UNREADABLE = "is not a deltaprop model that can be read: "
SOME_MEMORY = 1 << 20


def refused(path):
    """The sentence with which a file is refused, without its beginning and end."""
    with pytest.raises(dp.FileFormatError) as caught:
        dp.load(path)
    said = str(caught.value)
    beginning, end = f"{str(path)!r} {UNREADABLE}", ". Nothing was loaded."
    assert said.startswith(beginning)
    assert said.endswith(end)
    assert "\n" not in said
    return said[len(beginning) : -len(end)]


def test_a_file_cut_off_anywhere_is_refused(parts, path):
    for length in range(len(parts.raw)):
        path.write_bytes(parts.raw[:length])
        assert "truncated" in refused(path), length


def test_a_file_with_bytes_after_its_end_is_refused(parts, path):
    path.write_bytes(parts.raw + b"\0")
    assert "truncated, or not a safetensors file" in refused(path)


def loads_alike_or_is_refused(path, net):
    try:
        found = dp.load(path)
    except (dp.FileFormatError, dp.ArgumentError):
        return
    assert found.spec.sizes == net.spec.sizes
    assert found.spec.dtype == net.spec.dtype
    assert np.isfinite(found.theta).all()


@pytest.mark.parametrize("bit", [0x01, 0x20], ids=["next letter", "other case"])
def test_no_single_changed_letter_of_the_header_can_do_harm(parts, path, net, bit):
    raw = bytearray(parts.raw)
    for place in range(len(parts.raw) - len(parts.body)):
        raw[place] ^= bit
        path.write_bytes(raw)
        loads_alike_or_is_refused(path, net)
        raw[place] ^= bit


@given(changes=st.dictionaries(st.integers(0, 10_000), st.integers(0, 255), min_size=1, max_size=20))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_in_random_places_can_do_no_harm(parts, path, net, changes):
    raw = bytearray(parts.raw)
    for place, byte in changes.items():
        raw[place % len(raw)] = byte
    path.write_bytes(raw)
    tracemalloc.start()
    try:
        loads_alike_or_is_refused(path, net)
        assert tracemalloc.get_traced_memory()[1] < SOME_MEMORY
    finally:
        tracemalloc.stop()


@given(content=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_are_no_model(path, content):
    path.write_bytes(content)
    assert "truncated, or not a safetensors file" in refused(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"\0" * 8,
        b"\0" * 1000,
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"PK\x03\x04" + bytes(100),
        b"a,b,c\n1,2,3\n",
        pickle.dumps({"W": [1.0, 2.0]}),
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2**64 - 1) + b"{}",
        struct.pack("<Q", 10**8) + b"{}",
        struct.pack("<Q", 5) + b"{nope",
        struct.pack("<Q", 4) + b"null",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_what_is_no_safetensors_file_is_refused(path, content):
    path.write_bytes(content)
    assert "truncated, or not a safetensors file" in refused(path)


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}], ids=repr)
def test_a_safetensors_file_of_someone_else_is_refused(path, metadata):
    path.write_bytes(save({"layer.1.W": np.zeros((2, 2), np.float32)}, metadata))
    assert refused(path) == "its header has no deltaprop entry"


@pytest.mark.parametrize("number", [3, 4, 10**30])
def test_a_newer_format_asks_for_a_newer_deltaprop(parts, number):
    path = parts.write(entry={**parts.entry, "format": number})
    with pytest.raises(dp.FileFormatError) as caught:
        dp.load(path)
    assert str(caught.value) == (
        f"{str(path)!r} has file format {number}; this version reads up to 2. Install a newer deltaprop."
    )


@pytest.mark.parametrize("number", [True, 1.0, "1", None, 0, -1, [1]], ids=repr)
def test_a_format_that_is_no_whole_number_is_refused(parts, number):
    assert "its deltaprop entry is not the JSON object" in refused(parts.write(entry={**parts.entry, "format": number}))


@pytest.mark.parametrize(
    "entry",
    ["", "{", "[]", "null", "1", '"text"', "[" * 100_000, '{"format": ' + "1" * 5000 + "}"],
    ids=lambda e: e[:12],
)
def test_an_entry_that_is_no_json_object_is_refused(parts, entry):
    assert "its deltaprop entry is not the JSON object" in refused(parts.write(entry=entry))


@pytest.mark.parametrize("key", ["sizes", "activations", "cost", "dtype"])
@pytest.mark.parametrize("value", [None, 1, True, {"a": 1}, "absent"], ids=repr)
def test_an_entry_of_the_wrong_type_is_refused_by_name(parts, key, value):
    entry = {**parts.entry, key: value}
    if value == "absent":
        del entry[key]
    assert f"its entry {key} is missing, or not a" in refused(parts.write(entry=entry))


@pytest.mark.parametrize("key", ["custom", "facts", "table", "kinds", "rates"])
@pytest.mark.parametrize("value", [None, 1, "text"], ids=repr)
def test_what_may_be_absent_has_its_type_where_it_is_not(parts, key, value):
    assert f"its entry {key} is missing, or not a" in refused(parts.write(entry={**parts.entry, key: value}))


@pytest.mark.parametrize("key", ["custom", "facts"])
def test_what_may_be_absent_may_be_absent(parts, net, key):
    del parts.entry[key]
    np.testing.assert_array_equal(dp.load(parts.write()).theta, net.theta)


def test_keys_of_the_future_are_ignored(parts, net):
    np.testing.assert_array_equal(dp.load(parts.write(entry={**parts.entry, "later": [1]})).theta, net.theta)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sizes": [3]}, "`sizes` must be"),
        ({"sizes": [3, 4, -2]}, "`sizes` must be a list of positive"),
        ({"sizes": [3, 4, True]}, "`sizes` must be a list of whole numbers"),
        ({"sizes": [3.0, 4, 2]}, "`sizes` must be a list of whole numbers"),
        ({"sizes": ["3", 4, 2]}, "`sizes` must be a list of whole numbers"),
        ({"sizes": [3, 4, 4, 2]}, "`activation` must be one name, or one per hidden layer"),
        ({"activations": []}, "its description of the network is wrong"),
        ({"activations": ["relu"]}, "its description of the network is wrong"),
        ({"activations": ["rolu", "softmax"]}, "Did you mean 'relu'?"),
        ({"activations": [["relu"], "softmax"]}, "its description of the network is wrong"),
        ({"activations": [7, "softmax"]}, "its description of the network is wrong"),
        ({"activations": ["softmax", "softmax"]}, "its description of the network is wrong"),
        ({"cost": "cross_entropi"}, "Did you mean 'cross_entropy'?"),
        ({"cost": "huber(1.2.3)"}, "its description of the network is wrong"),
        ({"cost": "huber(0)"}, "its description of the network is wrong"),
        ({"cost": "huber(1e999)"}, "its description of the network is wrong"),
        ({"cost": "quantile(0)"}, "its description of the network is wrong"),
        ({"cost": "quantile(1.5)"}, "its description of the network is wrong"),
        ({"cost": "quantile(-0.5)"}, "its description of the network is wrong"),
        ({"kinds": ["dense"]}, "`kinds` must be one kind of layer, or one per layer"),
        ({"kinds": ["dense", "scal"]}, "Did you mean 'scale'?"),
        (
            {"kinds": ["scale", "dense"]},
            "`sizes` must be such that layer 1, of kind scale, has the 3 units of the layer",
        ),
        ({"rates": [[1, "s", 2.0]]}, "`rates` must be keyed by (layer, parameter) of this network"),
        ({"rates": [[1, "W"]]}, "its description of the network is wrong"),
        ({"rates": [[float("inf"), "W", 2.0]]}, "its description of the network is wrong"),
        ({"rates": [[1, "W", -1.0]]}, "`rates` must be made of finite numbers"),
        ({"dtype": "float16"}, "its dtype is 'float16', neither float32 nor float64"),
        ({"dtype": "f4,("}, "its dtype is 'f4,(', neither float32 nor float64"),
    ],
    ids=repr,
)
def test_a_description_of_no_network_is_refused(parts, change, why):
    assert why in refused(parts.write(entry={**parts.entry, **change}))


@pytest.mark.parametrize("custom", [["own"], [1], [["own"]], [None]], ids=repr)
def test_functions_that_nobody_has_are_named(parts, custom):
    with pytest.raises(dp.ArgumentError, match=re.escape(f"uses {custom[0]!r}, which are not built in.")):
        dp.load(parts.write(entry={**parts.entry, "custom": custom}))


MILLIONS = {"sizes": [10**6, 10**6], "activations": ["softmax"]}


def test_a_claim_of_1e12_parameters_is_refused_before_anything_is_allocated(parts):
    path = parts.write(entry={**parts.entry, **MILLIONS})
    tracemalloc.start()
    try:
        said = refused(path)
        assert tracemalloc.get_traced_memory()[1] < SOME_MEMORY
    finally:
        tracemalloc.stop()
    assert said.startswith("its sizes ask for 1,000,001,000,000 parameters, shape [1000000, 1000000] in layer.1.W")


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS holds on Linux alone")
@pytest.mark.parametrize("tensors_too", [False, True], ids=["in our entry", "in the tensors' header too"])
def test_a_claim_of_1e12_parameters_is_refused_in_little_address_space(parts, tensors_too):
    tensors = {
        "layer.1.W": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]},
        "layer.1.b": {"dtype": "F32", "shape": [10**6], "data_offsets": [4 * 10**12, 4 * 10**12 + 4 * 10**6]},
    }
    path = parts.write(entry={**parts.entry, **MILLIONS}, tensors=tensors if tensors_too else parts.tensors)
    code = """
import resource, sys
import deltaprop as dp
from safetensors import safe_open
used = 4096 * int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (used + 64 * 2**20,) * 2)
try:
    dp.load(sys.argv[1])
except dp.FileFormatError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert UNREADABLE in done.stdout


@pytest.mark.parametrize("digits", [14, 400, 4000])
def test_sizes_of_any_number_of_digits_are_refused(parts, digits):
    huge = 10 ** (digits - 1)
    said = refused(parts.write(entry={**parts.entry, "sizes": [huge, huge], "activations": ["softmax"]}))
    assert said == "its sizes ask for a layer of more than 1,099,511,627,776 units"


def test_sizes_that_are_not_the_tensors_are_refused(parts):
    said = refused(parts.write(entry={**parts.entry, "sizes": [3, 5, 2]}))
    assert said == "its sizes ask for 32 parameters, shape [5, 3] in layer.1.W, but it holds shape [4, 3]"


def test_weights_the_other_way_round_are_refused(parts):
    parts.tensors["layer.1.W"]["shape"] = [3, 4]
    assert "shape [4, 3] in layer.1.W, but it holds shape [3, 4]" in refused(parts.write())


def rename(parts, old, new):
    return {new if name == old else name: tensor for name, tensor in parts.tensors.items()}


def test_a_missing_tensor_is_named(parts):
    said = refused(parts.write(tensors=rename(parts, "layer.1.b", "layer.9.b")))
    assert said == "its sizes ask for 26 parameters, shape [4] in layer.1.b, but it holds nothing"


def test_an_extra_tensor_is_named(parts):
    extra = {"extra": {"dtype": "F32", "shape": [1], "data_offsets": [104, 108]}}
    said = refused(parts.write(tensors={**parts.tensors, **extra}, body=parts.body + bytes(4)))
    assert said == "its sizes ask for 26 parameters, nothing in extra, but it holds shape [1]"


def test_no_tensors_at_all_are_refused(parts):
    assert "but it holds nothing" in refused(parts.write(tensors={}, body=b""))


SIZES = {"F16": 2, "BF16": 2, "F64": 8, "C64": 8, "I8": 1, "I32": 4, "U32": 4, "I64": 8, "BOOL": 1, "F8_E4M3": 1}


@pytest.mark.parametrize("kind", SIZES)
def test_tensors_of_another_number_type_are_refused_by_name(parts, kind):
    at = 0
    for tensor in parts.tensors.values():
        length = int(np.prod(tensor["shape"])) * SIZES[kind]
        tensor.update(dtype=kind, data_offsets=[at, at + length])
        at += length
    assert refused(parts.write(body=bytes(at))) == f"layer.1.W holds {kind}, its header says float32"


def test_a_description_of_another_number_type_is_refused(parts):
    assert refused(parts.write(entry={**parts.entry, "dtype": "float64"})) == (
        "layer.1.W holds F32, its header says float64"
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(parts, value):
    body = np.frombuffer(parts.body, "<f4").copy()
    body[-1] = value
    assert refused(parts.write(body=body.tobytes())) == "layer.2.b holds NaN or Inf"


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(dp.FileFormatError) as caught:
        dp.load(tmp_path / "missing")
    assert str(caught.value) == f"Cannot read the model {str(tmp_path / 'missing')!r}: there is no such file."


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(dp.FileFormatError, match=r"Cannot read the model .*: it is not a plain file\."):
        dp.load(tmp_path)


def test_loading_executes_nothing(path, tmp_path):
    """An audit hook that ends the process at the first sign of code: compile, exec, unpickling, another program."""

    class Evil:
        def __reduce__(self):
            return print, ("executed",)

    (tmp_path / "evil").write_bytes(pickle.dumps(Evil()))
    code = """
import os, sys
import deltaprop as dp
dp.load(sys.argv[1])  # what is imported is imported now
watched = ("compile", "exec", "pickle.find_class", "import", "os.system", "subprocess.Popen", "marshal.loads")
sys.addaudithook(lambda event, _: os._exit(9) if event in watched else None)
dp.load(sys.argv[1])
try:
    dp.load(sys.argv[2])
except dp.FileFormatError:
    os._exit(7)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(tmp_path / "evil")], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (7, b"")


def test_a_file_is_closed_again_after_reading(path, parts):
    dp.load(path)
    path.write_bytes(b"")
    with pytest.raises(dp.FileFormatError):
        dp.load(path)
    path.unlink()
