// The rights of the token in use, and the tail of the audit.

import { badge, h, notice, setBadge, setName, setNotice, setText, setTime, show, table } from "./dom.js";
import { NONE, ago, moment, number, words } from "./format.js";
import { feeds, state } from "./store.js";

const yes = (allowed) => (allowed ? "yes" : "no");

const RULES = [
  { label: "Table", kind: "code wide", update: (node, rule) => setText(node, rule.table) },
  { label: "Read", update: (node, rule) => setText(node, yes(rule.access !== "write")) },
  { label: "Write", update: (node, rule) => setText(node, yes(rule.access !== "read")) },
  { label: "Rows that one DELETE may take", kind: "number", update: (node, rule) => setText(node, rule.limit) },
];

export function makeAccess(root) {
  const rules = table("Rights, by table", RULES, (rule) => rule.index);
  const note = notice();
  const who = h("p", { class: "lead" });
  root.append(
    h("div", { class: "view-head" }, h("h1", {}, "Access")),
    who,
    note,
    h("div", { class: "panel scroll" }, rules.node),
    h("p", { class: "quiet" }, "The most specific rule that covers a table decides, alone. What no rule covers is not allowed."),
  );
  return () => {
    const me = state.me;
    if (me === null) {
      return;
    }
    const all = me.administers ? "sees everything and may cancel every job" : me.reads_all ? "sees the jobs of all users" : "sees only its own jobs";
    setText(who, me.auth_enabled ? `This token belongs to ${me.name} and ${all}.` : "Authentication is off: everybody may do everything (AUTH_ENABLED=false).");
    const limit = (rule) => (rule.access === "read" ? NONE : `${number(rule.max_delete_rows ?? me.max_delete_rows)}${rule.max_delete_rows === null ? " (the service's)" : ""}`);
    rules.set(me.permissions.map((rule, index) => ({ ...rule, index, limit: limit(rule) })));
    setNotice(note, { error: null, data: me }, me.permissions.length, me.auth_enabled ? "No rights yet: the permissions file lists none for this user." : "");
  };
}

const KINDS = { failed: "failed", failure: "failed", denied: "failed", blocked: "blocked", success: "completed", started: "running" };

function text(record) {
  const details = Object.entries(record.details ?? {}).map(([name, value]) => `${name}: ${value}`);
  return details.join(", ");
}

const AUDIT = [
  { label: "Time", kind: "time", make: () => h("time"), update: (node, r) => setTime(node, r.timestamp, moment(r.timestamp), ago(r.timestamp)) },
  { label: "What", kind: "short", update: (node, r) => setText(node, words(r.event_type)) },
  { label: "Outcome", make: badge, update: (node, r) => setBadge(node, KINDS[r.status] ?? r.status ?? "", r.status ?? NONE) },
  { label: "User", kind: "short", update: (node, r) => setText(node, r.user_name ?? NONE) },
  { label: "From", kind: "code short", update: (node, r) => setText(node, r.source_ip ?? NONE) },
  { label: "Resource", kind: "code wide", update: (node, r) => setName(node, [r.action, r.resource].filter(Boolean).join(" ")) },
  { label: "Details", kind: "message", update: (node, r) => setText(node, text(r)) },
];

export function makeAudit(root) {
  const lines = table("Lines of the audit, the newest first", AUDIT, (line) => line.key);
  const note = notice();
  const logins = h("input", { type: "checkbox", id: "audit-logins" });
  logins.addEventListener("change", () => {
    state.logins = logins.checked;
    feeds.audit.renew();
    document.dispatchEvent(new Event("bridge-ask"));
  });
  const choice = h("label", { class: "check" }, logins, h("span", {}, "Successful logins"));
  root.append(h("div", { class: "view-head" }, h("h1", {}, "Audit"), choice), note, h("div", { class: "panel scroll" }, lines.node));
  return () => {
    const allowed = state.me?.administers === true;
    const seen = new Map();
    const list = (feeds.audit.data ?? []).toReversed().map((line) => {
      // Lines of one microsecond are told apart by how many came before.
      const base = `${line.timestamp} ${line.event_type} ${line.resource}`;
      const count = seen.get(base) ?? 0;
      seen.set(base, count + 1);
      return { ...line, key: `${base} ${count}` };
    });
    lines.set(list.toReversed());
    show(choice, allowed);
    setNotice(note, allowed ? feeds.audit : { error: "The audit is for users with read_write on *.", data: null }, list.length, "Nothing stands in the audit yet.");
  };
}
