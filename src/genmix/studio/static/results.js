/* A report's frame is as high as the report, so that the page scrolls and nothing within it. */
"use strict";

function fit(frame) {
  const report = frame.contentDocument?.documentElement;
  const edges = frame.offsetHeight - frame.clientHeight;
  if (report) frame.style.height = `${Math.ceil(report.getBoundingClientRect().height) + edges}px`;
}

document.addEventListener("load", (event) => {
  const frame = event.target;
  if (!(frame instanceof HTMLIFrameElement) || !frame.contentDocument) return;
  fit(frame);
  new ResizeObserver(() => fit(frame)).observe(frame.contentDocument.documentElement);
}, true);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-print]");
  if (button) document.getElementById(button.dataset.print).contentWindow.print();
});
