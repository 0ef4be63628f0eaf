// What the page can do, not only show. The service decides whether the token may.

import { Failure, ask } from "./client.js";
import { confirm, message } from "./dialogs.js";
import { feeds, renewEvents, signOut } from "./store.js";
import { plural } from "./format.js";

const TRIGGER_PATIENCE_MS = 60 * 1000; // it answers within 30

async function act(button, work) {
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (failure) {
    if (!(failure instanceof Failure)) {
      throw failure;
    }
    if (failure.kind === "token") {
      signOut(failure.message);
    } else {
      message(failure.message, "bad");
    }
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

const eventPath = (event) => `sync/events/${encodeURIComponent(event.event_id)}`;

export const canRetry = (event) => event.event_id !== null && (event.status === "failed" || event.status === "blocked");
export const canCancelEvent = (event) => event.event_id !== null && event.status === "pending";
export const canCancelJob = (job) => (job.status === "running" || job.status === "pending") && !job.cancel_requested;

export function retryEvent(button, event, done = () => {}) {
  return act(button, async () => {
    const fresh = await ask(`${eventPath(event)}/retry`, { method: "POST" });
    message(`Event ${event.event_id} waits again`);
    renewEvents();
    done(fresh);
  });
}

export async function cancelEvent(button, event, done = () => {}) {
  if (await confirm("Cancel this event?", `Event ${event.event_id} is taken out of the queue for good.`, "Cancel the event")) {
    await act(button, async () => {
      await ask(eventPath(event), { method: "DELETE" });
      message(`Event ${event.event_id} is gone`);
      renewEvents();
      done();
    });
  }
}

export async function cancelJob(button, job) {
  if (await confirm("Cancel this job?", `${job.country} → ${job.destination}: its query stops on SQL Server.`, "Cancel the job")) {
    await act(button, async () => {
      await ask(`jobs/${encodeURIComponent(job.job_id)}`, { method: "DELETE" });
      message("The job was asked to stop");
      ["jobs", "job", "running"].forEach((name) => feeds[name].renew());
    });
  }
}

// done gets the manifest of a query's result, as it stands now.
export function readManifest(button, job, query, done) {
  return act(button, async () => {
    done(await ask(`jobs/${encodeURIComponent(job.job_id)}/results/${encodeURIComponent(query.query_name)}/manifest`));
  });
}

export function lookNow(button) {
  return act(button, async () => {
    const answer = await ask("sync/poller/trigger", { method: "POST", patience: TRIGGER_PATIENCE_MS });
    const ended = answer.events_processed === 0 ? "nothing was waiting" : `${plural(answer.events_processed, "event")} ended`;
    message(answer.finished ? `Looked: ${ended}` : `Looked: ${plural(answer.events_processed, "event")} ended so far, others go on`);
    feeds.poller.renew();
    renewEvents();
  });
}
