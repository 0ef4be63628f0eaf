// Jobs: the table, and one job's queries.

import { canCancelJob, cancelJob, readManifest } from "./actions.js";
import { openDetail } from "./dialogs.js";
import { badge, h, notice, pair, setAttribute, setBadge, setName, setNotice, setPair, setText, setTime, show, table } from "./dom.js";
import { NONE, ago, bytes, duration, moment, number } from "./format.js";
import { feeds, state } from "./store.js";

const STATUSES = ["", "running", "pending", "completed", "failed", "cancelled"];

function progress() {
  return h("span", { class: "progress" }, h("progress", { max: 1, value: 0 }), h("span", { class: "count" }));
}

// Rows where they are known, queries otherwise.
function setProgress(node, job) {
  const ended = job.queries_completed + job.queries_failed;
  const p = job.progress;
  const known = p !== null && p.rows_expected !== null && p.rows_expected > 0;
  const part = job.status === "completed" ? 1 : known ? p.rows / p.rows_expected : ended / Math.max(1, job.queries_total);
  const text = `${number(ended)} of ${number(job.queries_total)}`;
  if (job.status === "running" && !known && ended === 0) {
    node.firstChild.removeAttribute("value");
  } else {
    node.firstChild.value = Math.min(1, part);
  }
  setAttribute(node.firstChild, "aria-label", `Queries: ${text}`);
  setAttribute(node, "data-status", job.queries_failed > 0 ? "failed" : job.status);
  setText(node.lastChild, job.queries_failed > 0 ? `${text}, ${number(job.queries_failed)} failed` : text);
}

// Of a running job as it counts itself, else of its queries that have ended; none before it began.
function rows(job) {
  return job.progress?.rows ?? (job.started_at === null ? null : job.rows_extracted);
}

function timeLeft(job) {
  const left = job.progress?.remaining_seconds ?? null;
  return left === null ? NONE : `about ${duration(left)}`;
}

function seconds(job) {
  if (job.progress !== null) {
    return job.progress.elapsed_seconds;
  }
  return job.started_at && job.completed_at ? (new Date(job.completed_at) - new Date(job.started_at)) / 1000 : null;
}

function setJobStatus(node, job) {
  setBadge(node, job.status, job.cancel_requested && job.status === "running" ? "stopping" : job.status);
}

function cancelButton(row) {
  return h("button", { type: "button", class: "small", onclick: (event) => cancelJob(event.currentTarget, row.item) }, "Cancel");
}

function setCancel(button, job) {
  setAttribute(button, "aria-label", `Cancel the job of ${job.country}, ${job.job_id.slice(0, 8)}`);
  show(button, canCancelJob(job));
}

const COLUMNS = [
  { label: "Job", kind: "wide", make: pair, update: (node, job) => setPair(node, job.country, job.destination) },
  { label: "Status", make: badge, update: setJobStatus },
  { label: "Queries", make: progress, update: setProgress },
  { label: "Rows", kind: "number", update: (node, job) => setText(node, number(rows(job))) },
  { label: "Rows/s", kind: "number", update: (node, job) => setText(node, number(job.progress?.rows_per_second)) },
  { label: "Time left", kind: "number", update: (node, job) => setText(node, timeLeft(job)) },
  { label: "Took", kind: "number", update: (node, job) => setText(node, duration(seconds(job))) },
  {
    label: "Created",
    kind: "time",
    make: () => h("time"),
    update: (node, job) => setTime(node, job.created_at, ago(job.created_at), moment(job.created_at)),
  },
  { label: "By", kind: "short", update: (node, job) => setText(node, job.user_name ?? NONE) },
  { label: "Actions", kind: "actions", unseen: true, make: cancelButton, update: setCancel },
];

export function jobTable(caption) {
  return table(caption, COLUMNS, (job) => job.job_id, openJob);
}

/* ---- one job ---- */

// What a query has come to is told when it has ended.
const ended = (q, value) => (q.status === "pending" || q.status === "running" ? null : value);

function manifestButton(row) {
  return h("button", { type: "button", class: "small", onclick: (event) => showManifest(event.currentTarget, row.item) }, "Manifest");
}

function setManifestButton(button, q) {
  setAttribute(button, "aria-label", `Manifest of ${q.query_name}`);
  show(button, q.status === "completed");
}

const QUERY_COLUMNS = [
  { label: "Query", kind: "wide", update: (node, q) => setText(node, q.query_name) },
  { label: "Status", make: badge, update: (node, q) => setBadge(node, q.status) },
  { label: "Rows", kind: "number", update: (node, q) => setText(node, number(ended(q, q.rows_extracted))) },
  { label: "Files", kind: "number", update: (node, q) => setText(node, number(ended(q, q.files_created))) },
  { label: "Took", kind: "number", update: (node, q) => setText(node, duration(ended(q, q.duration_seconds))) },
  { label: "Error", kind: "message", update: (node, q) => setText(node, q.error ?? NONE) },
  { label: "Manifest", kind: "actions", unseen: true, make: manifestButton, update: setManifestButton },
];

export function facts() {
  return h("dl", { class: "facts" });
}

// [[name, text or node]…]; kept while the names stay.
export function setFacts(node, list) {
  const names = list.map(([name]) => name).join("|");
  if (node.names !== names) {
    node.names = names;
    node.replaceChildren(...list.map(([name]) => h("div", {}, h("dt", {}, name), h("dd"))));
  }
  list.forEach(([, value], index) => setName(node.children[index].lastChild, value));
}

const detail = (() => {
  const status = badge();
  const bar = progress();
  const cancel = h("button", { type: "button", class: "danger", onclick: (event) => cancelJob(event.currentTarget, feeds.job.data) }, "Cancel job");
  const error = h("p", { class: "error-text" });
  const list = facts();
  const queries = table("Queries of the job", QUERY_COLUMNS, (q) => q.query_name);
  const note = notice();
  const manifestTitle = h("h3", { tabindex: -1 });
  const manifest = h("pre", { class: "manifest", tabindex: 0 });
  const node = h(
    "div",
    {},
    h("div", { class: "detail-head" }, status, bar, cancel),
    error,
    list,
    h("h3", {}, "Queries"),
    note,
    h("div", { class: "scroll" }, queries.node),
    manifestTitle,
    manifest,
  );
  return { node, status, bar, cancel, error, list, queries, note, manifestTitle, manifest };
})();

function setManifest(title, text) {
  setText(detail.manifestTitle, title);
  setText(detail.manifest, text);
  [detail.manifestTitle, detail.manifest].forEach((node) => show(node, title !== ""));
}

function showManifest(button, q) {
  const job = feeds.job.data;
  return readManifest(button, job, q, (manifest) => {
    if (state.job === job.job_id) {
      setManifest(`Manifest of ${q.query_name}`, JSON.stringify(manifest, null, 2));
      detail.manifestTitle.focus();
    }
  });
}

function openJob(job) {
  state.job = job.job_id;
  feeds.job.clear();
  feeds.job.data = job; // what the list knows, until the answer comes
  setManifest("", "");
  openDetail(`${job.country} → ${job.destination}`, detail.node, () => {
    state.job = null;
    feeds.job.clear();
  });
  updateJob();
  document.dispatchEvent(new Event("bridge-ask"));
}

export function updateJob() {
  const job = feeds.job.data;
  if (state.job === null || job === null) {
    return;
  }
  setJobStatus(detail.status, job);
  setProgress(detail.bar, job);
  show(detail.cancel, canCancelJob(job));
  setText(detail.error, job.error ?? "");
  show(detail.error, job.error !== null);
  const p = job.progress;
  setFacts(detail.list, [
    ["Job", job.job_id],
    ["Asked for by", job.user_name ?? NONE],
    ["Created", moment(job.created_at)],
    ["Started", moment(job.started_at)],
    ["Ended", moment(job.completed_at)],
    ["Took", duration(seconds(job))],
    ["Rows", number(rows(job))],
    ["Rows expected", p === null ? NONE : p.rows_expected === null ? "not known" : `about ${number(p.rows_expected)}`],
    ["Rows per second", number(p?.rows_per_second)],
    ["Written", p === null ? NONE : bytes(p.bytes)],
    ["Time left", p !== null && p.remaining_seconds === null ? "not known" : timeLeft(job)],
  ]);
  detail.queries.set(job.results);
  setNotice(detail.note, { error: feeds.job.error, data: feeds.job.at === 0 ? null : job }, job.results.length, "Nothing is known of its queries yet.");
}

/* ---- the view ---- */

export function makeJobs(root) {
  const jobs = jobTable("Jobs, the newest first");
  const note = notice();
  const filter = h("fieldset", { class: "segments" }, h("legend", { class: "unseen" }, "Show jobs that are"));
  for (const status of STATUSES) {
    const input = h("input", { type: "radio", name: "job-status", value: status, checked: status === state.jobStatus });
    input.addEventListener("change", () => {
      state.jobStatus = status;
      feeds.jobs.renew();
      document.dispatchEvent(new Event("bridge-ask"));
    });
    filter.append(h("label", {}, input, h("span", {}, status === "" ? "all" : status)));
  }
  root.append(h("div", { class: "view-head" }, h("h1", {}, "Jobs"), filter), note, h("div", { class: "panel scroll" }, jobs.node));
  return () => {
    const list = feeds.jobs.data ?? [];
    jobs.set(list);
    setNotice(note, feeds.jobs, list.length, state.jobStatus === "" ? "No jobs yet. POST /extract starts one." : `No job is ${state.jobStatus}.`);
  };
}
