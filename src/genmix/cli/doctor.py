"""`genmix doctor`: what this machine can do, and what to install."""

from typing import TYPE_CHECKING, Any

import click

from genmix.cli.console import print_json, size_of

if TYPE_CHECKING:
    from rich.text import Text

    from genmix.machine import Device, Extra, Machine, Place
    from genmix.reporting.plain import PlainTable

_SIDES: dict[str, Any] = {"size": "right", "free": "right", "memory": "right"}


@click.command(short_help="Say what this machine can do.")
@click.option("--online", is_flag=True, help="Ask the model hub whether it can be reached.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def doctor(online: bool, as_json: bool) -> None:
    """Say what this machine can do: devices, editors, extras, disk; and what to install.

    \b
    genmix doctor
    genmix doctor --online --json
    """
    from genmix.machine import look_at_machine
    from genmix.processes import available_cpus

    found = look_at_machine(available_cpus(), online=online)
    if as_json:
        print_json(found.to_dict())
    else:
        _show(found)


def _show(found: "Machine") -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    torch = f"torch {found.torch}" if found.torch else "no torch"
    versions = f"genmix {found.genmix}, Python {found.python}, {torch}, {found.system}"
    console.print(Text(versions))
    devices = _table("Devices", "", "memory")
    for device in found.devices:
        devices.add_row(device.kind, device.name, _memory(device))
    editors = _table("Editors", "")
    for editor in found.editors:
        editors.add_row(editor.name, _state(editor.ready, editor.note))
    extras = _table("Extras", "for", "")
    for extra in found.extras:
        extras.add_row(extra.name, extra.purpose, _extra(extra))
    places = _table("Kept on disk", "size", "free", "")
    for place in found.places:
        places.add_row(place.name, _size(place), size_of(place.free), place.path)
    others = _table("Others", "")
    others.add_row("Japanese font", found.japanese_font or Text("none", "yellow"))
    if found.hub is not None:
        others.add_row("model hub", found.hub)
    for table in (devices, editors, extras, places, others):
        console.print(table)
    for line in found.advice:
        console.print(Text.assemble(("!", "yellow"), f" {line}"), soft_wrap=True)


def _table(*headings: str) -> "PlainTable":
    from rich.box import SIMPLE_HEAD

    from genmix.reporting.plain import PlainTable

    table = PlainTable(box=SIMPLE_HEAD, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold", justify=_SIDES.get(heading, "left"))
    return table


def _memory(device: "Device") -> str:
    if device.memory is None:
        return ""
    free = "" if device.free is None else f", {size_of(device.free)} free"
    return f"{size_of(device.memory)}{free}"


def _state(ready: bool, note: str) -> "Text":
    from rich.text import Text

    if not ready:
        return Text(note, "yellow")
    return Text.assemble(("ready", "green"), f", {note}" if note else "")


def _extra(extra: "Extra") -> "Text":
    if extra.ready:
        return _state(True, f"{extra.main} {extra.packages[extra.main]}")
    missing = [name for name, version in extra.packages.items() if version is None]
    some = f" (lacks {', '.join(missing)})" if len(missing) < len(extra.packages) else ""
    return _state(False, f"pip install 'genmix[{extra.name}]'{some}")


def _size(place: "Place") -> str:
    return size_of(place.size) if place.counted else f"over {size_of(place.size)}"
