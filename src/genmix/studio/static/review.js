/* Reviewing by single keys, zooming both pictures at once, and saying so when an answer is lost. */
"use strict";

const KEYS_OFF = "genmix-keys-off";
const review = document.getElementById("review");
const keysOn = document.querySelector("[data-keys]");
keysOn.checked = localStorage.getItem(KEYS_OFF) === null;
keysOn.addEventListener("change", () => {
  if (keysOn.checked) localStorage.removeItem(KEYS_OFF);
  else localStorage.setItem(KEYS_OFF, "1");
});

function isTyping(node) {
  return node.matches("input:not([type=checkbox], [type=radio]), select, textarea");
}

/** Name the key, also where an input method for Japanese is on. */
function keyOf(event) {
  const letter = /^Key([A-Z])$/.exec(event.code);
  const foreign = event.key === "Process" || (event.key.length === 1 && event.key > "\x7f");
  return (foreign && letter ? letter[1] : event.key).replace(/^[A-Z]$/, (each) => each.toLowerCase());
}

document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (event.key === "Escape" && isTyping(target)) target.blur();
  if (event.key === "Enter" && target.dataset?.enter) {
    event.preventDefault();
    document.getElementById(target.dataset.enter).click();
    target.blur(); // or the next picture's field would have the focus, and keys would write in it
  }
  // A key that is held down must not judge what nobody has seen.
  const other = event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented;
  if (other || isTyping(target) || !keysOn.checked || document.querySelector("dialog[open]")) return;
  const key = keyOf(event);
  if (review.classList.contains("zoomed") && key.startsWith("Arrow")) {
    event.preventDefault();
    pan(key);
    return;
  }
  const control = document.querySelector(`[data-key~="${CSS.escape(key)}"]`);
  if (!control) return;
  event.preventDefault();
  if (isTyping(control)) control.focus();
  else control.click();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.open) document.getElementById(button.dataset.open).showModal();
  if (button && "close" in button.dataset) button.closest("dialog").close();
  if (button && "zoom" in button.dataset) {
    button.setAttribute("aria-pressed", String(review.classList.toggle("zoomed")));
    lookAt(50, 50);
  }
});

const looked = { x: 50, y: 50 };

/** Zoom into the same place of both pictures, in percent of their sides. */
function lookAt(x, y) {
  looked.x = Math.min(100, Math.max(0, x));
  looked.y = Math.min(100, Math.max(0, y));
  review.style.setProperty("--x", `${looked.x}%`);
  review.style.setProperty("--y", `${looked.y}%`);
}

function pan(key) {
  const [x, y] = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] }[key];
  lookAt(looked.x + x, looked.y + y);
}

review.addEventListener("pointermove", (event) => {
  const frame = review.classList.contains("zoomed") && event.target.closest(".frame");
  if (!frame) return;
  const box = frame.getBoundingClientRect();
  lookAt((100 * (event.clientX - box.left)) / box.width, (100 * (event.clientY - box.top)) / box.height);
});

/* What was said of the last picture must not stand beside the fault of another. */
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target.id === "card") document.getElementById("said").replaceChildren();
});

for (const lost of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(lost, () => {
    const words = document.createElement("p");
    words.className = "note fault";
    words.textContent = review.dataset.lost;
    document.getElementById("said").replaceChildren(words);
  });
}
