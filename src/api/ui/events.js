// Events: the table with its filters, and one event.

import { canCancelEvent, canRetry, cancelEvent, lookNow, retryEvent } from "./actions.js";
import { openDetail } from "./dialogs.js";
import { badge, h, notice, pair, setAttribute, setBadge, setNotice, setPair, setText, setTime, show, table } from "./dom.js";
import { NONE, ago, moment, number } from "./format.js";
import { facts, setFacts } from "./jobs.js";
import { feeds, state } from "./store.js";

const STATUSES = ["pending", "processing", "completed", "failed", "blocked"];
const OPERATIONS = ["INSERT", "UPDATE", "DELETE"];

export const eventKey = (event) => `${event.event_id} ${event.created_at}`;

function setRows(node, event) {
  const affected = number(event.rows_affected);
  setText(node, event.rows_expected === null ? affected : `${affected} of ${number(event.rows_expected)}`);
  setAttribute(node, "class", event.discrepancy ? "odd" : null);
}

function actions(row) {
  const retry = h("button", { type: "button", class: "small", onclick: (event) => retryEvent(event.currentTarget, row.item) }, "Retry");
  const cancel = h("button", { type: "button", class: "small", onclick: (event) => cancelEvent(event.currentTarget, row.item) }, "Cancel");
  return h("span", { class: "buttons" }, retry, cancel);
}

function setActions(node, event) {
  const [retry, cancel] = node.children;
  setAttribute(retry, "aria-label", `Retry event ${event.event_id}`);
  setAttribute(cancel, "aria-label", `Cancel event ${event.event_id}`);
  show(retry, canRetry(event));
  show(cancel, canCancelEvent(event));
}

const operation = (event) => event.operation ?? NONE;

const COLUMNS = [
  { label: "Event", kind: "wide", make: pair, update: (node, event) => setPair(node, event.event_id ?? "(no id)", "") },
  { label: "Status", make: badge, update: (node, event) => setBadge(node, event.status) },
  { label: "Operation", kind: "code", update: (node, event) => setText(node, operation(event)) },
  {
    label: "Target",
    kind: "wide",
    make: pair,
    update: (node, event) => setPair(node, event.target_table ?? NONE, event.source_table ? `from ${event.source_table}` : ""),
  },
  { label: "Rows", kind: "number", update: setRows },
  { label: "Message", kind: "message", update: (node, event) => setText(node, event.error_message ?? event.warning ?? "") },
  {
    label: "Created",
    kind: "time",
    make: () => h("time"),
    update: (node, event) => setTime(node, event.created_at, ago(event.created_at), moment(event.created_at)),
  },
  { label: "Actions", kind: "actions", unseen: true, make: actions, update: setActions },
];

export function eventTable(caption) {
  return table(caption, COLUMNS, eventKey, openEvent);
}

/* ---- one event ---- */

let shown = null;

const detail = (() => {
  const status = badge();
  const retry = h("button", { type: "button", class: "primary", onclick: (event) => retryEvent(event.currentTarget, shown, showFresh) }, "Retry");
  const cancel = h("button", { type: "button", class: "danger", onclick: (event) => cancelEvent(event.currentTarget, shown, () => document.getElementById("detail").close()) }, "Cancel event");
  const error = h("p", { class: "error-text" });
  const warning = h("p", { class: "warning-text" });
  const list = facts();
  const node = h("div", {}, h("div", { class: "detail-head" }, status, retry, cancel), error, warning, list);
  return { node, status, retry, cancel, error, warning, list };
})();

function showFresh(event) {
  shown = event;
  updateDetail();
}

function object(value) {
  return value === null || Object.keys(value).length === 0 ? NONE : JSON.stringify(value, null, 1);
}

function updateDetail() {
  const event = shown;
  setBadge(detail.status, event.status);
  show(detail.retry, canRetry(event));
  show(detail.cancel, canCancelEvent(event));
  setText(detail.error, event.error_message ?? "");
  show(detail.error, event.error_message !== null);
  setText(detail.warning, event.warning ?? "");
  show(detail.warning, event.warning !== null);
  setFacts(detail.list, [
    ["Operation", operation(event)],
    ["Target table", event.target_table ?? NONE],
    ["Source table", event.source_table || NONE],
    ["Primary keys", event.primary_keys.join(", ") || NONE],
    ["Rows affected", number(event.rows_affected)],
    ["Rows expected", number(event.rows_expected)],
    ["Discrepancy", number(event.discrepancy)],
    ["Priority", number(event.priority)],
    ["Created", moment(event.created_at)],
    ["Processed", moment(event.processed_at)],
    ["Conditions", object(event.filter_conditions)],
    ["Metadata", object(event.metadata)],
  ]);
}

function openEvent(event) {
  shown = event;
  updateDetail();
  openDetail(event.event_id ?? "(no id)", detail.node, () => {
    shown = null;
  });
}

// The open dialog follows the lists.
export function updateEvent() {
  if (shown === null) {
    return;
  }
  const lists = [feeds.events.data, feeds.trouble.data];
  const fresh = lists.flatMap((list) => list ?? []).find((event) => eventKey(event) === eventKey(shown));
  if (fresh !== undefined && fresh !== shown) {
    showFresh(fresh);
  }
}

/* ---- the view ---- */

function select(label, words, get, set) {
  const node = h("select", {}, h("option", { value: "" }, `any ${label}`), ...words.map((word) => h("option", { value: word }, word)));
  node.addEventListener("change", () => set(node.value));
  return { label: h("label", { class: "field" }, h("span", { class: "unseen" }, `Only this ${label}`), node), update: () => node.value !== get() && (node.value = get()) };
}

function asked(name, value) {
  state[name] = value;
  feeds.events.renew();
  document.dispatchEvent(new Event("bridge-ask"));
}

function matches(event, words) {
  const text = [event.event_id, event.target_table, event.source_table, event.error_message, event.warning].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

export function makeEvents(root) {
  const events = eventTable("Events, the newest first");
  const note = notice();
  const status = select("status", STATUSES, () => state.eventStatus, (value) => asked("eventStatus", value));
  const kind = select("operation", OPERATIONS, () => state.eventOperation, (value) => asked("eventOperation", value));
  const search = h("input", { type: "search", placeholder: "Find in what is listed", "aria-label": "Find in what is listed", autocomplete: "off", spellcheck: "false" });
  search.addEventListener("input", () => {
    state.eventSearch = search.value;
    document.dispatchEvent(new Event("bridge-change"));
  });
  const look = h("button", { type: "button", onclick: (event) => lookNow(event.currentTarget) }, "Look now");
  const head = h("div", { class: "view-head" }, h("h1", {}, "Events"), h("div", { class: "filters" }, status.label, kind.label, search, look));
  root.append(head, note, h("div", { class: "panel scroll" }, events.node));
  return () => {
    const words = state.eventSearch.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const list = (feeds.events.data ?? []).filter((event) => matches(event, words));
    status.update();
    kind.update();
    events.set(list);
    const narrowed = words.length > 0 || state.eventStatus !== "" || state.eventOperation !== "";
    setNotice(note, feeds.events, list.length, narrowed ? "No event fits these filters." : "No events yet. Notebooks and POST /sync/events write them.");
  };
}
