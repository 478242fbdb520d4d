"""The XMP packet of a composite: how it was made, by which program, and which row tells more.

It names no file and no person: the row is named by a UUID that is a hash of what it says.
"""

import json
import re
from collections.abc import Sequence
from uuid import UUID, uuid5

from genmix import __version__
from genmix.images import xmp_of

CREATOR = f"genmix {__version__}"
"""What made a picture, as its metadata and the record of a run say."""

_VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_NAMESPACE = UUID("5e4706e7-34a0-4bc5-8705-fdb2b9b71615")
"""Of items alone; it never changes."""


def digital_source_type(*, generative: bool, blended: bool) -> str:
    """Say how a composite came about, in the words of the IPTC's NewsCodes (2024-10-23).

    Args:
        generative: Whether a trained generative model made the edit.
        blended: Whether something else than the photo and its edit is in it.

    Returns:
        The address of "Edited using Generative AI"; without a generative model, of "Composite of
        elements", or of "Algorithmically-altered media" where there is but one element. ("Composite
        including generative AI elements", compositeSynthetic, would be wrong for a fractal: a
        formula draws it.)
    """
    if generative:
        return _VOCABULARY + "compositeWithTrainedAlgorithmicMedia"
    return _VOCABULARY + ("composite" if blended else "algorithmicallyEnhanced")


def item_name(said: Sequence[str | int | float | bool | None]) -> str:
    """Name an item by what its row says of its making: a UUID, the same for the same values."""
    return str(uuid5(_NAMESPACE, json.dumps(list(said))))


def packet(item: str, source_type: str) -> bytes:
    """Write the packet.

    Args:
        item: The row's name, as `item_name` gives it.
        source_type: As `digital_source_type` gives it.
    """
    return _PACKET.format(item=item, source_type=source_type, creator=CREATOR).encode()


def linked_item(data: bytes) -> str | None:
    """Return the name of the row that an encoded picture's metadata links to, if it has a link.

    Also where another program has rewritten the packet in its own way.
    """
    link = _LINK.search(xmp_of(data) or b"")
    return link[1].decode().lower() if link else None


_LINK = re.compile(rb"xmpMM:DocumentID\s*[=>]\s*[\"']?\s*urn:uuid:([0-9a-fA-F-]{36})")

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmp:CreatorTool="{creator}"
    xmpMM:DocumentID="urn:uuid:{item}"
    Iptc4xmpExt:DigitalSourceType="{source_type}"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""
