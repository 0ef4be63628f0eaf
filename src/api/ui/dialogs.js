// Dialogs, short messages, and what is read out. <dialog> brings Esc, the focus trap and the way back with it.

import { h, setText, show } from "./dom.js";

const toast = document.getElementById("toast");
const live = document.getElementById("live");
let toastTimer = null;

export function say(text) {
  setText(live, text);
}

export function message(text, kind = "good") {
  toast.dataset.kind = kind;
  setText(toast, text);
  show(toast, true);
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => show(toast, false), kind === "bad" ? 12000 : 5000);
}

// The one dialog for details. content: a node that its owner keeps up to date; onClose is told.
const detail = document.getElementById("detail");
let closed = () => {};

export function openDetail(title, content, onClose) {
  setText(document.getElementById("detail-title"), title);
  document.getElementById("detail-body").replaceChildren(content);
  closed = onClose;
  if (!detail.open) {
    detail.showModal();
  }
}

detail.addEventListener("close", () => closed());
document.getElementById("detail-close").addEventListener("click", () => detail.close());

// A click beside the dialog closes it.
detail.addEventListener("click", (event) => {
  if (event.target === detail) {
    detail.close();
  }
});

export function closeDialogs() {
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
}

// Asks before something that can't be taken back; resolves to whether to do it.
export function confirm(title, text, action) {
  return new Promise((resolve) => {
    const keep = h("button", { type: "button", onclick: () => dialog.close("no") }, "Keep it");
    const go = h("button", { type: "button", class: "danger", onclick: () => dialog.close("yes") }, action);
    const dialog = h(
      "dialog",
      { class: "confirm", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" },
      h("h2", { id: "confirm-title" }, title),
      h("p", { id: "confirm-text" }, text),
      h("div", { class: "buttons" }, keep, go),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
    keep.focus();
  });
}
