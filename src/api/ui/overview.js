// Both sides, the poller, the queue, throughput, running jobs, events that need somebody.

import { lookNow } from "./actions.js";
import { BarChart, LineChart, span } from "./charts.js";
import { badge, h, keyed, notice, setAttribute, setBadge, setNotice, setText, show } from "./dom.js";
import { eventTable } from "./events.js";
import { NONE, ago, compact, number, plural } from "./format.js";
import { facts, jobTable, setFacts } from "./jobs.js";
import { feeds, state } from "./store.js";
import { recentMinutes, recentRates } from "./throughput.js";

const GAP_MS = 20000;
const STATUSES = ["pending", "processing", "completed", "failed", "blocked"];

function card(title) {
  const status = badge();
  const text = h("p", { class: "card-text" });
  const list = facts();
  const node = h("section", { class: "panel card", "aria-label": title }, h("div", { class: "card-head" }, h("h2", {}, title), status), text, list);
  return { node, status, text, list };
}

function side(title, name, place) {
  const c = card(title);
  return {
    node: c.node,
    update() {
      const found = feeds.health.data?.components?.[name];
      if (found === undefined) {
        setBadge(c.status, "", "loading");
        setText(c.text, feeds.health.error ?? "Loading…");
        return;
      }
      setBadge(c.status, found.status);
      setText(c.text, found.message ?? "");
      setFacts(c.list, [
        ["Host", found.details.host ?? NONE],
        [place === "database" ? "Database" : "Catalog", found.details[place] ?? NONE],
        ["Checked", ago(found.checked_at)],
      ]);
    },
  };
}

function pollerState(p) {
  if (!p.enabled) {
    return ["not_configured", "off"];
  }
  if (!p.running) {
    return ["degraded", "not running"];
  }
  return p.standby ? ["pending", "standby"] : ["healthy", "running"];
}

function poller() {
  const c = card("Poller");
  const look = h("button", { type: "button", class: "small", onclick: (event) => lookNow(event.currentTarget) }, "Look now");
  c.node.append(look);
  return {
    node: c.node,
    update() {
      const p = feeds.poller.data;
      if (p === null) {
        setBadge(c.status, "", "loading");
        setText(c.text, feeds.poller.error ?? "Loading…");
        return;
      }
      setBadge(c.status, ...pollerState(p));
      setText(c.text, p.last_error ?? `Looks every ${plural(p.poll_interval_seconds, "second")}`);
      show(look, p.running);
      setFacts(c.list, [
        ["Table", p.events_table],
        ["Last look", ago(p.last_poll_at)],
        ["Now", `${number(p.active)} active, ${number(p.waiting)} waiting`],
      ]);
    },
  };
}

function queue() {
  const c = card("Queue");
  const list = h("ul", { class: "counts" });
  c.list.replaceWith(list);
  const make = (item) => h("li", {}, h("a", { href: `#/events?status=${item.status}` }, h("span", { class: "figure" }), badge()));
  const update = (node, item) => {
    setText(node.firstChild.firstChild, compact(item.count));
    setBadge(node.firstChild.lastChild, item.status);
    setAttribute(node, "data-none", item.count === 0 ? "" : null);
  };
  return {
    node: c.node,
    update() {
      const stats = feeds.stats.data;
      show(c.status, false);
      setText(c.text, feeds.stats.error ?? (stats === null ? "Loading…" : `${plural(stats.total, "event")} in the table`));
      keyed(list, stats === null ? [] : STATUSES.map((status) => ({ status, count: stats.by_status[status] ?? 0 })), (item) => item.status, make, update);
    },
  };
}

function chart(title, unit, Chart, option) {
  const value = h("span", { class: "figure" });
  const note = h("p", { class: "quiet" });
  const figure = h("figure", {});
  const node = h("section", { class: "panel", "aria-label": title }, h("div", { class: "card-head" }, h("h2", {}, title), h("p", { class: "reading" }, value, " ", h("span", { class: "quiet" }, unit))), figure, note);
  return { node, value, note, chart: new Chart(figure, option) };
}

function rowsChart() {
  const c = chart("Extraction", "rows/s now", LineChart, GAP_MS);
  return {
    node: c.node,
    update() {
      const samples = recentRates();
      const now = samples.at(-1)?.value ?? 0;
      const peak = Math.max(0, ...samples.map((sample) => sample.value));
      setText(c.value, compact(now));
      setText(c.note, samples.length === 0 ? "Measured from when this page was opened." : `Peak ${compact(peak)} rows/s`);
      c.chart.draw(samples, `Rows per second of running jobs over the last ${span()} minutes: now ${compact(now)}, at most ${compact(peak)}`);
    },
  };
}

function eventsChart() {
  const c = chart("Events carried out", "this minute", BarChart, ["completed", "blocked", "failed"]);
  return {
    node: c.node,
    update() {
      const bars = recentMinutes();
      const sum = (part) => bars.reduce((total, bar) => total + bar[part], 0);
      const last = bars.at(-1);
      const text = `${number(sum("completed"))} completed, ${number(sum("failed"))} failed, ${number(sum("blocked"))} blocked while this page was open`;
      setText(c.value, compact(last === undefined ? 0 : last.completed + last.failed + last.blocked));
      setText(c.note, text);
      c.chart.draw(bars, `Events per minute over the last ${span()} minutes: ${text}`);
    },
  };
}

function section(title, list, note, link) {
  return h("section", { class: "panel", "aria-label": title }, h("div", { class: "card-head" }, h("h2", {}, title), h("a", { href: link.href }, link.text)), note, h("div", { class: "scroll" }, list.node));
}

export function makeOverview(root) {
  const parts = [side("SQL Server", "sql_server", "database"), side("Databricks", "databricks", "catalog"), poller(), queue()];
  const charts = [rowsChart(), eventsChart()];
  const jobs = jobTable("The latest jobs");
  const jobsNote = notice();
  const trouble = eventTable("Failed and blocked events");
  const troubleNote = notice();
  root.append(
    h("h1", { class: "unseen" }, "Overview"),
    h("div", { class: "cards" }, ...parts.map((part) => part.node)),
    h("div", { class: "charts" }, ...charts.map((part) => part.node)),
    section("Jobs", jobs, jobsNote, { href: "#/jobs", text: "All jobs" }),
    section("Events that need somebody", trouble, troubleNote, { href: "#/events", text: "All events" }),
  );
  return () => {
    [...parts, ...charts].forEach((part) => part.update());
    // Running ones first, whenever they were made.
    const running = feeds.running.data ?? [];
    const known = new Set(running.map((job) => job.job_id));
    const list = [...running, ...(feeds.jobs.data ?? []).filter((job) => !known.has(job.job_id))].slice(0, Math.max(6, running.length));
    jobs.set(list);
    setNotice(jobsNote, feeds.jobs, list.length, "No jobs yet. POST /extract starts one.");
    const events = feeds.trouble.data ?? [];
    trouble.set(events);
    setNotice(troubleNote, feeds.trouble, events.length, "None: no event has failed or is blocked.");
  };
}
