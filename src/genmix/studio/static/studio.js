/* What htmx leaves to do: values beside sliders, buttons that count, tick and copy, photos that fail. */
"use strict";

document.addEventListener("input", (event) => {
  const output = event.target.type === "range" && document.querySelector(`output[for="${event.target.id}"]`);
  if (output) output.textContent = event.target.value + output.dataset.unit;
});

/** Change a control as a person does, so that what listens to it hears of it. */
function change(control, set) {
  set(control);
  control.dispatchEvent(new Event("input", { bubbles: true }));
  control.dispatchEvent(new Event("change", { bubbles: true }));
}

async function copy(button) {
  const words = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = words; }, 2000);
  } catch {
    // Without a clipboard (plain http from another machine): mark it, to be copied by hand.
    getSelection().selectAllChildren(button.previousElementSibling);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { addTo, check, uncheck, copy: words } = button.dataset;
  if (addTo) change(document.getElementById(addTo), (control) => { control.value = Number(control.value) + 1; });
  if (words) copy(button);
  if (check || uncheck) {
    const boxes = [...document.getElementsByName(check || uncheck)];
    for (const box of boxes) box.checked = Boolean(check);
    change(boxes[0], () => {});
  }
});

document.addEventListener("htmx:beforeRequest", (event) => event.detail.target.setAttribute("aria-busy", "true"));
document.addEventListener("htmx:afterRequest", (event) => event.detail.target.removeAttribute("aria-busy"));

/* A switched-off card is dimmed at once. */
document.addEventListener("change", (event) => {
  if (event.target.getAttribute("role") === "switch") event.target.closest(".prompt")?.classList.toggle("off", !event.target.checked);
});

/* In the place of a photo that cannot be shown, its page says so. */
function sayUnusable(image) {
  const words = document.createElement("span");
  words.className = "no-look";
  words.textContent = image.dataset.unusable;
  image.replaceWith(words);
}

document.addEventListener("error", (event) => {
  if (event.target.dataset?.unusable) sayUnusable(event.target);
}, true);
for (const image of document.querySelectorAll("[data-unusable]")) { // failed before this script was there
  if (image.complete && image.currentSrc && !image.naturalWidth) sayUnusable(image);
}

/* The language changes where one is now, which a walk through pictures moves on. */
document.addEventListener("submit", (event) => {
  if (event.target.matches(".language")) event.target.elements.next.value = location.pathname + location.search;
});
