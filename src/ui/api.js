// SPDX-License-Identifier: MIT
// The daemon's HTTP API, and what the caller may do.

import {shown} from "/ui/dom.js";

export const ADMIN = "/api/v1/admin/cache";
export const CACHE = "/api/v1/cache";
const deadline = 10000; // ms; what waits longer says so with `wait`

// name, scopes, csrf and expires; null before it is known.
let caller = null;
const lost = new EventTarget();

export class ApiError extends Error {
  constructor(status, problem) {
    super(shown(problem.detail || problem.title || "HTTP status " + status));
    this.status = status;
    this.problem = problem;
  }
}

export function can(scope) {
  return Boolean(caller) && (caller.scopes.includes(scope) || caller.scopes.includes("admin"));
}

export function who() {
  return caller;
}

// Called when the daemon stops answering, answers again, or the login has ended.
export function onlost(listener, signal) {
  lost.addEventListener("change", (event) => listener(event.detail), {signal});
}

let reachable = true;

function reached(now) {
  if (now !== reachable) lost.dispatchEvent(new CustomEvent("change", {detail: now ? "back" : "gone"}));
  reachable = now;
}

async function problem_of(answer) {
  try {
    return await answer.json();
  } catch {
    return {};
  }
}

// method and path; body: sent as JSON, or as it is where it is a string with a `type`.
export async function call(method, path, {body, signal, headers = {}, wait = 0} = {}) {
  const sent = {method, headers: {...headers}, credentials: "same-origin", cache: "no-store"};
  const limits = [AbortSignal.timeout(deadline + wait * 1000), ...(signal ? [signal] : [])];
  sent.signal = AbortSignal.any ? AbortSignal.any(limits) : signal || limits[0];
  if (body !== undefined) {
    sent.body = JSON.stringify(body);
    sent.headers["Content-Type"] = "application/json";
  }
  if (method !== "GET" && caller && caller.csrf) sent.headers["X-CSRF-Token"] = caller.csrf;
  let answer;
  try {
    answer = await fetch(path, sent);
  } catch (error) {
    if (signal && signal.aborted) throw error;
    reached(false);
    throw new ApiError(0, {detail: "The daemon does not answer."});
  }
  reached(true);
  if (answer.status === 401 && path !== "/api/v1/login")
    lost.dispatchEvent(new CustomEvent("change", {detail: "login"}));
  return answer;
}

export async function json(method, path, options = {}) {
  const answer = await call(method, path, options);
  if (!answer.ok && !(options.allow || []).includes(answer.status))
    throw new ApiError(answer.status, await problem_of(answer));
  if (answer.status === 204) return null;
  try {
    const value = await answer.json();
    if (options.allow) value.status_code = answer.status;
    return value;
  } catch {
    throw new ApiError(answer.status, {detail: "The answer was cut off; try again."});
  }
}

export const get = (path, options) => json("GET", path, options);
export const post = (path, body = {}, options = {}) => json("POST", path, {...options, body});

// Who the browser is to the daemon: by its cookie, its certificate, or as a caller without a token.
export async function find_caller() {
  const answer = await call("GET", "/api/v1/login");
  if (answer.status === 401) caller = null;
  else if (answer.ok) caller = await answer.json();
  else throw new ApiError(answer.status, await problem_of(answer));
  return caller;
}

export async function log_in(token) {
  caller = null;
  caller = await json("POST", "/api/v1/login", {body: {token}});
  return caller;
}

export async function log_out() {
  await call("DELETE", "/api/v1/login");
  caller = null;
}

export const path_of = (...names) => names.map((name) => "/" + encodeURIComponent(name)).join("");

// "?a=1&b=2" of what is neither null nor empty.
export function query(values) {
  const list = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return list.length ? "?" + new URLSearchParams(list) : "";
}
