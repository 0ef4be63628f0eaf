// Elements. Texts are only ever set as text: no string becomes markup, whoever wrote it.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      node.addEventListener(name.slice(2), value);
    } else if (value === true) {
      node.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      node.setAttribute(name, value);
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// h("button", {class: "small", onclick: f}, "Retry"): strings become text.
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

// The following change only what differs, so that a refresh neither flickers nor moves the focus.

export function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

// A name (table, path) that may break behind its dots, slashes and underscores.
export function setName(node, text) {
  if (node.textContent !== text) {
    node.replaceChildren(...text.split(/(?<=[./_])/).flatMap((part, index) => (index === 0 ? [part] : [h("wbr"), part])));
  }
}

export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) {
      node.removeAttribute(name);
    }
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, value);
  }
}

export function show(node, visible) {
  if (node.hidden === visible) {
    node.hidden = !visible;
  }
}

// Makes the children of `parent` those of the items: kept by key, made and removed as needed.
export function keyed(parent, items, keyOf, make, update) {
  const nodes = (parent.keyedNodes ??= new Map());
  const wanted = new Set(items.map((item) => String(keyOf(item))));
  for (const [key, node] of nodes) {
    if (!wanted.has(key)) {
      nodes.delete(key);
      node.remove();
    }
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    if (!wanted.delete(key)) {
      continue; // a second one of the same key
    }
    const node = nodes.get(key) ?? make(item);
    nodes.set(key, node);
    update(node, item);
    if (place === node) {
      place = place.nextElementSibling;
    } else {
      parent.insertBefore(node, place);
    }
  }
}

// A time that people read as "2 min ago" and machines, and the pointer's hint, exactly.
export function setTime(node, iso, text, exact) {
  setText(node, text);
  setAttribute(node, "datetime", iso);
  setAttribute(node, "title", iso ? exact : null);
}

/* A table whose rows are kept. columns: [{label, kind, unseen, make: (row) => node, update: (node, item)}]; `kind` is
 * the cells' class. With `open`, the first column is a button that opens the row's item, and so does a click on the
 * row. Roles stand in the markup because narrow screens show rows as blocks, which would take them away. */
export function table(caption, columns, keyOf, open = null) {
  const head = h("tr", { role: "row" });
  for (const { label, kind, unseen } of columns) {
    const text = unseen ? h("span", { class: "unseen" }, label) : label;
    head.append(h("th", { role: "columnheader", scope: "col", class: kind }, text));
  }
  const body = h("tbody", { role: "rowgroup" });
  const node = h("table", { role: "table" }, h("caption", { class: "unseen" }, caption), h("thead", { role: "rowgroup" }, head), body);
  const make = () => makeRow(columns, open);
  const update = (row, item) => {
    row.item = item;
    columns.forEach((column, index) => column.update(row.contents[index], item));
  };
  return {
    node,
    set: (items) => {
      keyed(body, items, keyOf, make, update);
      show(node, items.length > 0);
    },
  };
}

function makeRow(columns, open) {
  const row = h("tr", { role: "row" });
  row.contents = columns.map((column, index) => {
    const content = column.make ? column.make(row) : h("span");
    const inside =
      index === 0 && open ? h("button", { type: "button", class: "link", onclick: () => open(row.item) }, content) : content;
    row.append(h("td", { role: "cell", class: column.kind, "data-label": column.unseen ? null : column.label }, inside));
    return content;
  });
  if (open) {
    row.classList.add("opens");
    row.addEventListener("click", (event) => {
      if (event.target.closest("button, a") === null && getSelection().isCollapsed) {
        open(row.item);
      }
    });
  }
  return row;
}

// A cell of two lines: what it is, and a quieter word on it.
export function pair() {
  return h("span", { class: "pair" }, h("span", { class: "first" }), h("span", { class: "second" }));
}

export function setPair(node, first, second) {
  setName(node.firstChild, first);
  setName(node.lastChild, second);
  show(node.lastChild, second !== "");
}

// "completed" as a word with a mark: the colour is never all that tells.
const MARKS = {
  completed: "✓", healthy: "✓", success: "✓",
  failed: "✕", unhealthy: "✕", failure: "✕", denied: "✕",
  blocked: "■", degraded: "■",
  running: "▶", processing: "▶", started: "▶",
  pending: "○", not_configured: "○", cancelled: "–",
};

export function badge() {
  return h("span", { class: "badge" }, h("span", { class: "mark", "aria-hidden": "true" }), h("span"));
}

export function setBadge(node, status, text = status) {
  setAttribute(node, "data-status", status);
  setText(node.firstChild, MARKS[status] ?? "·");
  setText(node.lastChild, text.replaceAll("_", " "));
}

// What stands where there is nothing to show: loading, empty, or an error.
export function notice() {
  return h("p", { class: "notice", hidden: true });
}

export function setNotice(node, feed, count, empty) {
  const text =
    feed.error !== null ? feed.error : feed.data === null ? "Loading…" : count === 0 ? empty : "";
  setText(node, text);
  setAttribute(node, "data-kind", feed.error !== null ? "error" : feed.data === null ? "loading" : "empty");
  show(node, text !== "");
}
