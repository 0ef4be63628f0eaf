"""Readers of a result folder, as its users have them: by the manifest, and the folder as a whole. Shares no code with the product."""

import hashlib
import json
import pathlib


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fits(folder, entry):
    path = folder / entry["name"]
    return path.is_file() and sha256(path) == entry["sha256"]


def read_manifest(folder):
    """_manifest.json, or where it is missing or broken its second copy, which a volume's run that died may have left."""
    try:
        return json.loads((folder / "_manifest.json").read_text())
    except (FileNotFoundError, ValueError):
        return json.loads((folder / "_manifest.json.next").read_text())


def files_by_manifest(folder):
    """The files of the result as docs/EXTRACT.md tells a reader to find them."""
    folder = pathlib.Path(folder)
    manifest = read_manifest(folder)
    files = manifest["files"]
    assert files, f"no result: {manifest}"
    if all(fits(folder, entry) for entry in files):
        return [folder / entry["name"] for entry in files]
    taken = [entry for entry in manifest.get("pending", []) if entry["name"] == files[0]["name"] and fits(folder, entry)]
    superseded = manifest.get("superseded", [])
    if not taken and superseded and all(fits(folder, entry) for entry in superseded):
        return [folder / entry["name"] for entry in superseded]
    assert len(files) == 1 and taken, f"no whole result: {manifest}"
    return [folder / files[0]["name"]]


def visible_files(folder):
    """What Spark and pyarrow take for data: no name that begins with _ or ."""
    return sorted(path for path in pathlib.Path(folder).iterdir() if path.name[0] not in "_.")
