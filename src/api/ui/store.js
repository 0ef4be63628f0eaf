// What the page knows, and how it stays up to date: one feed per answer of the API, asked again when it is due.

import { Failure, ask, askText } from "./client.js";

const TICK_MS = 250;
const FAST_MS = 2000;
const SLOW_MS = 5000;
const LONGEST_PAUSE_MS = 30000;

export const state = {
  view: "overview",
  me: null,
  root: null,
  paused: false,
  offline: null, // {message, retryAt} while the service can't be reached
  jobStatus: "",
  eventStatus: "",
  eventOperation: "",
  eventSearch: "",
  logins: false,
  job: null, // the id that the dialog shows
};

class Feed {
  constructor(load, every, wanted = () => true) {
    Object.assign(this, { load, every, wanted });
    this.clear();
  }

  clear() {
    this.data = null;
    this.error = null;
    this.at = 0;
    this.due = 0;
    this.failures = 0;
    this.asking = null;
    this.round = (this.round ?? 0) + 1; // an answer of an earlier round is dropped
  }

  // Asked at the next tick; what is on its way no longer counts.
  renew() {
    this.due = 0;
    this.asking = null;
    this.round++;
  }
}

function query(pairs) {
  const parameters = new URLSearchParams(Object.entries(pairs).filter(([, value]) => value !== ""));
  return parameters.toString();
}

const isBusy = () => [...(feeds.running.data ?? []), ...(feeds.jobs.data ?? [])].some(isUnfinished);
const isUnfinished = (job) => job.status === "running" || job.status === "pending";
const jobPace = () => (isBusy() ? FAST_MS : SLOW_MS);

function jobsPath() {
  const all = state.view === "jobs";
  return `jobs?${query({ limit: all ? 100 : 6, status_filter: all ? state.jobStatus : "" })}`;
}

// Each read of events is a statement in the warehouse, which without the poller may be asleep: then only once.
const eventPace = () => (feeds.poller.data?.enabled === false ? Infinity : 60000);

export const feeds = {
  health: new Feed(() => ask("health/ready", { also: 503 }), () => 10000),
  poller: new Feed(() => ask("sync/poller/status"), () => (feeds.poller.data?.active > 0 ? FAST_MS : SLOW_MS)),
  running: new Feed(() => ask("jobs?status_filter=running&limit=1000"), jobPace),
  metrics: new Feed(() => askText("metrics"), jobPace),
  jobs: new Feed(() => ask(jobsPath()), jobPace, () => state.view === "jobs" || state.view === "overview"),
  job: new Feed(() => ask(`jobs/${encodeURIComponent(state.job)}`), () => FAST_MS, () => state.job !== null),
  // Events are read from the warehouse: only when the poller has looked or worked, see watchPoller().
  events: new Feed(
    () => ask(`sync/events?${query({ limit: 200, status_filter: state.eventStatus, operation_filter: state.eventOperation })}`),
    eventPace,
    () => state.view === "events",
  ),
  trouble: new Feed(
    async () => {
      const [failed, blocked] = await Promise.all(
        ["failed", "blocked"].map((status) => ask(`sync/events?${query({ limit: 10, status_filter: status })}`)),
      );
      return [...failed, ...blocked].sort((a, b) => ((a.created_at ?? "") < (b.created_at ?? "") ? 1 : -1)).slice(0, 10);
    },
    eventPace,
    () => state.view === "overview",
  ),
  stats: new Feed(() => ask("sync/stats"), eventPace, () => state.view === "overview" || state.view === "events"),
  audit: new Feed(
    () => ask(`audit?${query({ limit: 200, logins: String(state.logins) })}`),
    () => SLOW_MS,
    () => state.view === "audit" && state.me?.administers === true,
  ),
  me: new Feed(() => ask("me"), () => 60000),
};

export function renewEvents() {
  feeds.events.renew();
  feeds.trouble.renew();
  feeds.stats.renew();
}

let polled = "";

function watchPoller() {
  const p = feeds.poller.data;
  const mark = [p.last_poll_at, p.active, p.waiting, p.events_completed, p.events_failed, p.events_blocked].join();
  if (mark !== polled) {
    polled = mark;
    renewEvents();
  }
}

const listeners = { change: () => {}, signOut: () => {}, data: () => {} };

export function listen(handlers) {
  Object.assign(listeners, handlers);
}

export const signOut = (message) => listeners.signOut(message);

let pauseMs = 1000;

function takeFailure(feed, failure) {
  feed.failures++;
  if (failure.kind === "token") {
    listeners.signOut(`${failure.message}.`);
    return;
  }
  if (failure.kind === "network") {
    state.offline = { message: failure.message, retryAt: Date.now() + pauseMs };
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    return;
  }
  feed.error = failure.message;
  const pause = Math.min(feed.every() * 2 ** Math.min(feed.failures, 4), LONGEST_PAUSE_MS);
  feed.due = Date.now() + Math.max(pause, failure.wait * 1000);
}

async function load(name, feed) {
  const round = feed.round;
  const asking = (feed.asking = {});
  feed.due = Date.now() + feed.every();
  try {
    const data = await feed.load();
    if (round !== feed.round) {
      return;
    }
    Object.assign(feed, { data, error: null, at: Date.now(), failures: 0, due: Date.now() + feed.every() });
    if (state.offline !== null) {
      state.offline = null;
      pauseMs = 1000;
      Object.values(feeds).forEach((other) => other !== feed && other.renew());
    }
    if (name === "poller") {
      watchPoller();
    }
    listeners.data(name, data);
  } catch (failure) {
    if (!(failure instanceof Failure)) {
      throw failure;
    }
    if (round === feed.round) {
      takeFailure(feed, failure);
    }
  } finally {
    if (feed.asking === asking) {
      feed.asking = null;
    }
    listeners.change();
  }
}

function tick() {
  const now = Date.now();
  if (document.hidden || state.paused) {
    return;
  }
  if (state.offline !== null) {
    // One request tries whether the service is back.
    if (now >= state.offline.retryAt && feeds.poller.asking === null) {
      load("poller", feeds.poller);
    }
    return;
  }
  for (const [name, feed] of Object.entries(feeds)) {
    if (feed.asking === null && now >= feed.due && feed.wanted()) {
      load(name, feed);
    }
  }
}

let timer = null;

export function start() {
  if (timer === null) {
    timer = setInterval(tick, TICK_MS);
    tick();
  }
}

// Asks for what is due without waiting for the next tick.
export function wake() {
  if (timer !== null) {
    tick();
  }
}

export function tryNow() {
  if (state.offline !== null) {
    state.offline.retryAt = 0;
  }
  if (feeds.poller.asking === null) {
    load("poller", feeds.poller);
  }
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && timer !== null) {
    if (state.offline === null) {
      Object.values(feeds).forEach((feed) => feed.asking === null && (feed.due = 0));
    }
    tick();
  }
});
