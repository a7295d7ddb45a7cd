"""What a fuzzer calls with bytes of its own in the place of a bundle's: nothing but a `BundleError` may come of them.

    from fuzz_bundle import fuzz_one
    fuzz_one(data)

The first byte chooses what the others stand for: `bundle.json` as it is, `bundle.json` with the fingerprint that
belongs to it, `arrays.npz`, `model.onnx`.
"""
import json
from dataclasses import replace
from functools import cache

from emotion_nb.bundle import fingerprint, load_bundle, open_network, parse_arrays, parse_manifest
from emotion_nb.core import BundleError

bundled = cache(load_bundle)

def signed(
    m:dict, # Contents of a `bundle.json`
) -> bytes: # The file
    "A manifest with the fingerprint that belongs to it"
    return json.dumps({**m, 'fingerprint': fingerprint(m)}).encode()

def _signed(data):
    "The same for bytes, if they are an object in JSON"
    try: m = json.loads(data)
    except (ValueError, RecursionError): return data
    return signed(m) if isinstance(m, dict) else data

TARGETS = dict(
    manifest=parse_manifest,
    signed=lambda data: parse_manifest(_signed(data)),
    arrays=lambda data: parse_arrays(data, bundled().features),
    onnx=lambda data: open_network(replace(bundled(), onnx=data)))

def fuzz_one(
    data:bytes, # From the fuzzer
):
    "Read `data` as a part of a bundle; any exception is a finding"
    if not data: return
    try: list(TARGETS.values())[data[0] % len(TARGETS)](data[1:])
    except BundleError: pass
