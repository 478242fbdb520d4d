"""The pages on which photos are chosen and sent, and the pictures of photos."""

import asyncio

from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from genmix.errors import ImageError
from genmix.studio.fields import whole_number
from genmix.studio.photos import UPLOAD_BYTES, keep_upload, read_upload, thumbnail
from genmix.studio.visits import Visit, own_path

_SIDES = {"small": 160, "large": 512}


async def choose(visit: Visit) -> Response:
    """Show the source's photos by pages."""
    query = visit.request.query_params
    label = query.get("label", "")
    number = whole_number(query.get("page", "")) or 1
    places, pages = await asyncio.to_thread(visit.studio.photos.page, number, label)
    return visit.show(
        "photos.html",
        places=places,
        number=min(number, pages),
        pages=pages,
        label=label,
        labels=visit.studio.photos.labels,
        next=own_path(query.get("next", "/prompts")),
        current=visit.place.id,
    )


async def chosen(visit: Visit, form: FormData) -> Response:
    """Take the photo that was chosen, unless it cannot be used."""
    place = visit.studio.photos.find(str(form.get("photo", "")), visit.session.uploads)
    await asyncio.to_thread(thumbnail, place, _SIDES["small"])
    visit.session.photo = place.id
    return visit.go(str(form.get("next", "")))


async def sent(visit: Visit, form: FormData) -> Response:
    """Take in a photo that was sent."""
    upload = form.get("file")
    if not isinstance(upload, UploadFile) or not upload.filename:
        raise ImageError("no file was sent")
    data = await upload.read(UPLOAD_BYTES + 1)
    read = await asyncio.to_thread(read_upload, upload.filename, data)
    visit.session.photo = keep_upload(visit.session.uploads, read)
    return visit.go(str(form.get("next", "")))


async def photo(visit: Visit) -> Response:
    """Answer with a photo, small or large."""
    place = visit.studio.photos.find(visit.request.path_params["id"], visit.session.uploads)
    size = visit.request.path_params["size"]
    side_px = _SIDES.get(size, _SIDES["small"])
    return await visit.picture(("photo", place.id, str(side_px)), lambda: thumbnail(place, side_px))
