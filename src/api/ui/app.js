// The page: signing in and out, the views, the head, what is announced.

import { makeAccess, makeAudit } from "./access.js";
import { Failure, ask, hasToken, setToken } from "./client.js";
import { closeDialogs, say } from "./dialogs.js";
import { setAttribute, setText, show } from "./dom.js";
import { clock } from "./format.js";
import { makeEvents, updateEvent } from "./events.js";
import { makeJobs, updateJob } from "./jobs.js";
import { makeOverview } from "./overview.js";
import { feeds, listen, start, state, tryNow, wake } from "./store.js";
import { take } from "./throughput.js";

const MESSAGE = "bridge-message";
const THEME = "bridge-theme";
const TITLES = { overview: "Overview", jobs: "Jobs", events: "Events", audit: "Audit", access: "Access" };
const byId = (id) => document.getElementById(id);

/* ---- theme ---- */

const dark = matchMedia("(prefers-color-scheme: dark)");

function theme() {
  return document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
}

function showTheme() {
  const other = theme() === "dark" ? "light" : "dark";
  setText(byId("theme-text"), other === "dark" ? "Dark" : "Light");
  setAttribute(byId("theme"), "aria-label", `Switch to ${other} colours`);
}

function startTheme() {
  const kept = localStorage.getItem(THEME);
  if (kept === "dark" || kept === "light") {
    document.documentElement.dataset.theme = kept;
  }
  byId("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
    localStorage.setItem(THEME, theme());
    showTheme();
  });
  dark.addEventListener("change", showTheme);
  showTheme();
}

/* ---- views ---- */

const updates = {};

// "#/events?status=failed"
function route() {
  const [name, parameters] = location.hash.replace(/^#\//, "").split("?");
  const view = name in TITLES ? name : "overview";
  const status = new URLSearchParams(parameters ?? "").get("status");
  if (view === "events" && status !== null) {
    state.eventStatus = status;
    state.eventOperation = "";
    feeds.events.clear();
  }
  if (view !== state.view) {
    feeds.jobs.clear(); // the overview asks for fewer
  }
  state.view = view;
  for (const link of document.querySelectorAll("nav a")) {
    setAttribute(link, "aria-current", link.dataset.view === view ? "page" : null);
  }
  for (const name of Object.keys(TITLES)) {
    show(byId(`view-${name}`), name === view);
  }
  document.title = `${TITLES[view]} · SQL-Databricks Bridge`;
  wake();
  render();
}

let drawing = false;

function renderSoon() {
  if (!drawing) {
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      render();
    });
  }
}

function render() {
  if (byId("app").hidden) {
    return;
  }
  state.me = feeds.me.data ?? state.me;
  renderHead();
  updates[state.view]();
  updateJob();
  updateEvent();
}

/* ---- the head ---- */

function renderHead() {
  const newest = Math.max(...Object.values(feeds).map((feed) => feed.at));
  const offline = state.offline;
  const mode = offline !== null ? "offline" : state.paused ? "paused" : "live";
  setAttribute(byId("live-button"), "data-mode", mode);
  setAttribute(byId("live-button"), "aria-pressed", state.paused);
  setText(byId("live-text"), { offline: "Offline", paused: "Paused", live: "Live" }[mode]);
  setText(byId("user"), state.me === null ? "" : state.me.auth_enabled ? state.me.name : "no sign-in needed");
  setText(byId("environment"), state.root.environment);
  setAttribute(byId("environment"), "data-environment", state.root.environment);
  setText(byId("version"), `v${state.root.version}`);
  show(byId("nav-audit"), state.me?.administers === true);
  show(byId("signout"), state.me?.auth_enabled === true);
  show(byId("banner"), offline !== null);
  setAttribute(byId("main"), "data-stale", offline !== null ? "" : null);
  if (offline !== null) {
    const left = Math.max(0, Math.ceil((offline.retryAt - Date.now()) / 1000));
    setText(byId("banner-text"), `${offline.message}. What you see is of ${clock(new Date(newest))}.`);
    setText(byId("banner-wait"), left > 0 ? `Trying again in ${left} s` : "Trying again…");
  }
}

/* ---- what is announced ---- */

const statuses = new Map(); // by feed: what each item was at the last look

function announce(feed, list, keyOf, name) {
  const before = statuses.get(feed);
  for (const item of list) {
    const was = before?.get(keyOf(item));
    if (was !== undefined && was !== item.status) {
      say(`${name(item)} is ${item.status}`);
    }
  }
  statuses.set(feed, new Map(list.map((item) => [keyOf(item), item.status])));
}

function takeData(name, data) {
  take(name, data);
  if (name === "jobs") {
    announce(name, data, (job) => job.job_id, (job) => `Job of ${job.country}`);
  } else if (name === "events") {
    announce(name, data, (event) => event.event_id, (event) => `Event ${event.event_id}`);
  }
}

/* ---- signing in and out ---- */

let leaving = false;

// The page begins anew: nothing that the token showed stays in memory. The first reason is the one: answers under way
// are cut off by it and fail with others.
function signOut(message) {
  if (leaving) {
    return;
  }
  leaving = true;
  setToken(null);
  if (message) {
    sessionStorage.setItem(MESSAGE, message);
  }
  closeDialogs();
  location.reload();
}

function enter() {
  show(byId("signin"), false);
  show(byId("app"), true);
  for (const [name, make] of Object.entries({ overview: makeOverview, jobs: makeJobs, events: makeEvents, audit: makeAudit, access: makeAccess })) {
    updates[name] = make(byId(`view-${name}`));
  }
  addEventListener("hashchange", route);
  route();
  start();
  setInterval(renderSoon, 1000); // "12 s ago"
}

function signInText(failure) {
  if (failure.kind === "wait" && failure.wait > 0) {
    return `Too many failed attempts. Try again in ${failure.wait} s.`;
  }
  return failure.kind === "token" ? "The service does not know this token." : `${failure.message}.`;
}

async function tryToken(text) {
  setToken(text);
  try {
    state.me = await ask("me");
    return null;
  } catch (failure) {
    setToken(null);
    if (!(failure instanceof Failure)) {
      throw failure;
    }
    return signInText(failure);
  }
}

function showSignIn(message) {
  const input = byId("token");
  const error = byId("signin-error");
  const tell = (text) => {
    setText(error, text);
    show(error, text !== "");
    setAttribute(input, "aria-invalid", text !== "" ? "true" : null);
  };
  show(byId("starting"), false);
  show(byId("signin-form"), true);
  tell(message);
  input.focus();
  byId("signin-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!/^[!-~]+$/.test(text)) {
      tell(text === "" ? "Type or paste a token." : "A token has no blanks and only ASCII characters.");
      input.focus();
      return;
    }
    byId("signin-button").disabled = true;
    const problem = await tryToken(text);
    byId("signin-button").disabled = false;
    input.value = "";
    if (problem === null) {
      enter();
      byId("main").focus();
    } else {
      tell(problem);
      input.focus();
    }
  });
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Asks again and again while there is no answer; null, or why the token is not taken.
async function untilAnswered(work, use) {
  for (let pause = 1000; ; pause = Math.min(pause * 2, 30000)) {
    try {
      use(await work());
      return null;
    } catch (failure) {
      if (!(failure instanceof Failure)) {
        throw failure;
      }
      if (failure.kind === "token") {
        return signInText(failure);
      }
      setText(byId("starting"), `${failure.message}. Trying again…`);
      await sleep(Math.max(pause, failure.wait * 1000));
    }
  }
}

async function begin() {
  startTheme();
  byId("signout").addEventListener("click", () => signOut(""));
  byId("retry-now").addEventListener("click", tryNow);
  byId("live-button").addEventListener("click", () => {
    state.paused = !state.paused;
    say(state.paused ? "Paused" : "Live again");
    wake();
    render();
  });
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    (byId("app").hidden ? byId("token") : byId("main")).focus();
  });
  document.addEventListener("bridge-ask", () => {
    wake();
    renderSoon();
  });
  document.addEventListener("bridge-change", renderSoon);
  listen({ change: renderSoon, signOut, data: takeData });
  await untilAnswered(() => ask(""), (root) => (state.root = root));
  const kept = sessionStorage.getItem(MESSAGE) ?? "";
  sessionStorage.removeItem(MESSAGE);
  if (hasToken() || !state.root.auth_enabled) {
    const problem = await untilAnswered(() => ask("me"), (me) => (state.me = me));
    if (problem === null) {
      enter();
      return;
    }
    setToken(null);
    showSignIn(problem);
    return;
  }
  showSignIn(kept);
}

begin();
