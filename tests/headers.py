"""Model files taken apart: the JSON entry that deltaprop keeps in the header, changed and put back."""

from __future__ import annotations

import json
import struct


def parts(content):
    """(the whole header, deltaprop's entry in it, the bytes of the tensors) of a model file."""
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    return header, json.loads(header["__metadata__"]["deltaprop"]), content[8 + length :]


def joined(header, entry, body):
    """The file of this header, with `entry` (text, or what JSON is made of) as deltaprop's own."""
    entry = entry if isinstance(entry, str) else json.dumps(entry)
    text = json.dumps({**header, "__metadata__": {"deltaprop": entry}}).encode()
    return struct.pack("<Q", len(text)) + text + body


def with_entry(content, change):
    """The same file after `change(entry)`, which changes deltaprop's entry in place."""
    header, entry, body = parts(content)
    change(entry)
    return joined(header, entry, body)
