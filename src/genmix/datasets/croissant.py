"""The Croissant description of an output (MLCommons, version 1.0): JSON-LD that many tools read.

It describes the pictures, their classes and the manifest. It is written without a library, and is
the same for the same output.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from genmix.datasets.layout import IMAGES, MANIFEST, class_folder

CROISSANT = "croissant.json"

_MIME = {".jpg": "jpeg", ".jpeg": "jpeg", ".tif": "tiff", ".jfif": "jpeg"}

_COLUMNS = {
    "output": "Path of the picture; empty where none was written.",
    "output_sha256": "SHA-256 of the picture.",
    "label": "Its class.",
    "kind": "A composite, or the photo itself.",
    "source": "Path of the photo in the source.",
    "source_sha256": "SHA-256 of the photo.",
    "source_license": "Licence of the photo.",
    "prompt": "What the photo was edited by.",
    "editor": "What edited it.",
    "decision": "written, rejected or failed.",
    "reason": "Why, where not written.",
}


def croissant_text(
    *,
    written: int,
    classes: Iterable[str],
    licenses: Iterable[str],
    suffixes: Collection[str],
    manifest_sha256: str,
) -> str:
    """Write the description.

    Args:
        written: Pictures in the output.
        classes: Those that have pictures.
        licenses: Of the photos that the pictures were made of.
        suffixes: Of the pictures' files, such as ".jpg".
        manifest_sha256: Of the manifest's bytes.

    Returns:
        JSON.
    """
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": "photos-augmented-by-genmix",
        "description": f"{written:,} pictures made of labelled photos by genmix, for training.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": sorted(licenses),
        "version": "1.0.0",
        "distribution": [_manifest_file(manifest_sha256), *_picture_files(suffixes)],
        "recordSet": [_SPLITS, _rows(), *_classes(sorted(classes)), *_pictures(suffixes)],
    }
    return json.dumps(described, ensure_ascii=False, indent=1) + "\n"


def _manifest_file(sha256: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": "manifest",
        "name": "manifest",
        "description": "A row for every planned picture.",
        "contentUrl": MANIFEST,
        "encodingFormat": "application/x-parquet",
        "sha256": sha256,
    }


def _picture_files(suffixes: Collection[str]) -> Iterable[dict[str, Any]]:
    if suffixes:
        yield {
            "@type": "cr:FileSet",
            "@id": "picture-files",
            "name": "picture-files",
            "description": "The pictures, in a folder for each class.",
            "encodingFormat": sorted({f"image/{_MIME.get(s, s[1:])}" for s in suffixes}),
            "includes": [f"{IMAGES}/*/*{suffix}" for suffix in sorted(suffixes)],
        }


def _classes(classes: Sequence[str]) -> Iterable[dict[str, Any]]:
    if not classes:
        return
    listed = [{"classes/folder": class_folder(c), "classes/name": c} for c in classes]
    fields = [
        _field("classes/folder", "The folder of its pictures.", "sc:Text"),
        _field("classes/name", "The class as it was named.", ["sc:Text", "cr:Label"]),
    ]
    about = "The classes that have pictures."
    key = {"dataType": "sc:Enumeration", "key": {"@id": "classes/folder"}}
    yield _record_set("classes", about, fields) | key | {"data": listed}


def _rows() -> dict[str, Any]:
    fields = [
        _field(
            f"manifest-rows/{column}",
            about,
            "sc:Text",
            source={"fileObject": {"@id": "manifest"}, "extract": {"column": column}},
        )
        for column, about in _COLUMNS.items()
    ]
    return _record_set("manifest-rows", "What became of every planned picture.", fields)


def _pictures(suffixes: Collection[str]) -> Iterable[dict[str, Any]]:
    if not suffixes:
        return
    path = {"fileSet": {"@id": "picture-files"}, "extract": {"fileProperty": "fullpath"}}
    content = {"fileSet": {"@id": "picture-files"}, "extract": {"fileProperty": "content"}}
    folder = path | {"transform": {"regex": "^.*/([^/]*)/[^/]*$"}}
    fields = [
        _field("pictures/path", "Where the picture lies.", "sc:Text", source=path),
        _field("pictures/image", "The picture.", "sc:ImageObject", source=content),
        _field("pictures/folder", "Folder of its class.", ["sc:Text", "cr:Label"], source=folder),
    ]
    yield _record_set("pictures", "Every picture with its class; all are for training.", fields)


def _record_set(name: str, about: str, fields: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": about,
        "field": list(fields),
    }


def _field(name: str, about: str, kind: str | list[str], **more: Any) -> dict[str, Any]:
    short = name.rpartition("/")[2]
    return {
        "@type": "cr:Field",
        "@id": name,
        "name": short,
        "description": about,
        "dataType": kind,
        **more,
    }


_SPLITS = _record_set(
    "splits",
    "There is one split: the pictures are for training.",
    [_field("splits/name", "Its name.", "sc:Text")],
) | {"dataType": "cr:Split", "key": {"@id": "splits/name"}, "data": [{"splits/name": "train"}]}

_TERMS = (
    "citeAs column equivalentProperty extract field fileObject fileProperty fileSet format "
    "includes isLiveDataset jsonPath key md5 parentField path recordSet references regex "
    "repeated replace samplingRate separator source subField transform"
)

# The context that the specification prescribes.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS.split()},
}
