"""Readers of a result folder, as its users have them: by the manifest, and the folder as a whole. Shares no code with the product."""

import hashlib
import json
import pathlib


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fits(folder, entry):
    path = folder / entry["name"]
    return path.is_file() and sha256(path) == entry["sha256"]


def files_by_manifest(folder):
    """The files of the result as docs/EXTRACT.md tells a reader to find them."""
    folder = pathlib.Path(folder)
    manifest = json.loads((folder / "_manifest.json").read_text())
    files = manifest["files"]
    if files and all(fits(folder, entry) for entry in files):
        return [folder / entry["name"] for entry in files]
    pending = manifest.get("pending", [])
    assert pending and all(fits(folder, entry) for entry in pending), f"no whole result: {manifest}"
    return [folder / entry["name"] for entry in pending]


def visible_files(folder):
    """What Spark and pyarrow take for data: no name that begins with _ or ."""
    return sorted(path for path in pathlib.Path(folder).iterdir() if path.name[0] not in "_.")
