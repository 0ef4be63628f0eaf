// Requests to the service. The token lives in this tab's sessionStorage and travels in a header, never in an address.

const KEY = "bridge-token";
const PATIENCE_MS = 20000;
const base = new URL("../", document.baseURI);

let token = sessionStorage.getItem(KEY);

export function hasToken() {
  return token !== null;
}

export function setToken(text) {
  token = text;
  if (text === null) {
    sessionStorage.removeItem(KEY);
  } else {
    sessionStorage.setItem(KEY, text);
  }
}

// kind: "network" (no answer), "token" (401), "wait" (429), "other"
export class Failure extends Error {
  constructor(kind, message, status = 0, wait = 0) {
    super(message);
    this.kind = kind;
    this.status = status;
    this.wait = wait; // seconds, from Retry-After
  }
}

function messageOf(body, status) {
  if (body !== null && typeof body.detail === "string") {
    return body.detail;
  }
  if (body !== null && Array.isArray(body.detail)) {
    return body.detail.map((problem) => `${(problem.loc ?? []).join(".")}: ${problem.msg}`).join("; ");
  }
  return `The service answers with status ${status}`;
}

async function send(method, path, patience) {
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  try {
    return await fetch(new URL(path, base), {
      method,
      headers,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(patience),
    });
  } catch (error) {
    throw new Failure("network", error.name === "TimeoutError" ? "The service does not answer" : "The service can't be reached");
  }
}

async function fail(response) {
  let body = null;
  try {
    body = await response.json();
  } catch {
    // no JSON: a proxy's page, perhaps
  }
  const kind = { 401: "token", 429: "wait" }[response.status] ?? "other";
  throw new Failure(kind, messageOf(body, response.status), response.status, Number(response.headers.get("Retry-After")) || 0);
}

// The body as JSON, null where there is none. `also`: a status beyond 2xx that carries data too.
export async function ask(path, { method = "GET", also = 0, patience = PATIENCE_MS } = {}) {
  const response = await send(method, path, patience);
  if (!response.ok && response.status !== also) {
    await fail(response);
  }
  try {
    return response.status === 204 ? null : await response.json();
  } catch {
    throw new Failure("network", "The answer broke off");
  }
}

export async function askText(path) {
  const response = await send("GET", path, PATIENCE_MS);
  if (!response.ok) {
    await fail(response);
  }
  try {
    return await response.text();
  } catch {
    throw new Failure("network", "The answer broke off");
  }
}
