// Rates over time, from the differences between answers; kept in the page only.

import { Ring, span } from "./charts.js";

const GAP_MS = 20000; // between two answers: what happened in a longer pause has no known time
const OUTCOMES = ["completed", "blocked", "failed"];

export const rates = new Ring(600); // {at, value}: rows per second
export const minutes = new Ring(20); // {at, completed, blocked, failed}

let last = null; // {at, rows: Map of job to its rows, total}
let total = null; // rows of queries that have ended, from the metrics
let credit = 0; // rows seen in running jobs that the total will count once more
let counts = null;
let countedAt = 0;

function takeTotal(text) {
  const found = /^bridge_rows_extracted_total (\S+)$/m.exec(text);
  total = found === null ? null : Number(found[1]);
}

// Rows of running jobs since the last look, and those of queries that began and ended in between.
function takeRunning(jobs) {
  const at = Date.now();
  const rows = new Map(jobs.filter((job) => job.progress).map((job) => [job.job_id, job.progress.rows]));
  if (last !== null && at - last.at <= GAP_MS) {
    let fresh = 0;
    for (const [id, count] of rows) {
      fresh += Math.max(0, count - (last.rows.get(id) ?? 0));
    }
    const ended = total !== null && last.total !== null ? Math.max(0, total - last.total) : 0;
    const known = Math.min(credit + fresh, ended);
    credit = rows.size === 0 ? 0 : credit + fresh - known;
    rates.push({ at, value: ((fresh + ended - known) * 1000) / (at - last.at) });
  }
  last = { at, rows, total };
}

function takePoller(poller) {
  const at = Date.now();
  const now = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, poller[`events_${outcome}`]]));
  const minute = Math.floor(at / 60000) * 60000;
  let bar = minutes.items.at(-1);
  if (bar === undefined || bar.at !== minute) {
    bar = { at: minute, completed: 0, blocked: 0, failed: 0 };
    minutes.push(bar);
  }
  if (counts !== null && at - countedAt <= GAP_MS) {
    for (const outcome of OUTCOMES) {
      bar[outcome] += Math.max(0, now[outcome] - counts[outcome]);
    }
  }
  counts = now;
  countedAt = at;
}

export function take(name, data) {
  if (name === "metrics") {
    takeTotal(data);
  } else if (name === "running") {
    takeRunning(data);
  } else if (name === "poller") {
    takePoller(data);
  }
}

export function recentRates() {
  return rates.since(Date.now() - span() * 60000);
}

export function recentMinutes() {
  return minutes.since(Date.now() - (span() + 1) * 60000);
}
