// SPDX-License-Identifier: MIT
// The shell: login, the list of views, and the view that the address names: #/keys?match=user:*

import {can, find_caller, get, log_in, log_out, onlost, who, ADMIN, ApiError} from "/ui/api.js";
import {badge, button, el, field, fill, say} from "/ui/dom.js";

// scope: what a token needs to be shown the view.
const views = [
  {name: "overview", title: "Overview", scope: "read"},
  {name: "warming", title: "Warming", scope: "read"},
  {name: "invalidate", title: "Invalidate", scope: "invalidate"},
  {name: "keys", title: "Keys", scope: "keys"},
  {name: "tags", title: "Tags", scope: "read"},
  {name: "namespaces", title: "Namespaces", scope: "read"},
  {name: "redis", title: "Redis", scope: "read"},
  {name: "operations", title: "Operations", scope: "read"},
  {name: "events", title: "Events", scope: "read"},
  {name: "audit", title: "Audit", scope: "audit"},
  {name: "loaders", title: "Loaders", scope: "read"},
  {name: "sessions", title: "Sessions", scope: "sessions"},
  {name: "system", title: "System", scope: "read"},
];
const health_every = 2000;

const main = document.getElementById("main");
const nav = document.getElementById("views");
const status = document.getElementById("status");
let leave = new AbortController(); // aborted when the view is left

function allowed() {
  return views.filter(({scope}) => can(scope));
}

function address() {
  const [, name = "", search = ""] = location.hash.match(/^#\/([a-z]*)\??(.*)$/s) || [];
  return {name, params: new URLSearchParams(search)};
}

// Runs `work` now and then every `ms` while the page is shown, until the view is left.
export function every(ms, signal, work) {
  let timer = null, busy = false;
  async function run() {
    if (busy || signal.aborted) return;
    clearTimeout(timer);
    busy = true;
    try {
      if (!document.hidden) await work();
    } catch (error) {
      if (!(error instanceof ApiError) && !signal.aborted) throw error;
    } finally {
      busy = false;
      if (!signal.aborted) timer = setTimeout(run, ms);
    }
  }
  signal.addEventListener("abort", () => clearTimeout(timer));
  document.addEventListener("visibilitychange", run, {signal});
  return run();
}

// Does `work`; what the daemon refuses is said in `node`.
export async function attempt(node, work) {
  try {
    await work();
  } catch (error) {
    if (error.name === "AbortError") return; // the view was left
    if (!(error instanceof ApiError)) throw error;
    const list = error.problem.errors || [];
    fill(node, el("p.problem", {role: "alert"}, error.message),
      list.length > 1 && el("ul", {}, list.map(({detail}) => el("li", {}, detail))));
  }
}

// Puts what the user chose into the address, so that it can be shared, without another visit of the view.
export function remember(params) {
  const {name} = address();
  const search = new URLSearchParams(Object.entries(params).filter(([, value]) => value));
  history.replaceState(null, "", "#/" + name + (String(search) && "?" + search));
}

function write_nav(current) {
  nav.hidden = false;
  fill(nav, el("ul", {}, allowed().map(({name, title}) =>
    el("li", {}, el("a", {href: "#/" + name, "aria-current": name === current ? "page" : null}, title)))));
}

function write_caller() {
  const caller = who();
  fill(document.getElementById("caller"),
    caller && el("span", {}, caller.name),
    caller && caller.csrf && button("Log out", leave_login));
}

async function leave_login() {
  await log_out();
  say("Logged out.");
  show_login();
}

async function show() {
  leave.abort();
  leave = new AbortController();
  const signal = leave.signal;
  const asked = address();
  const view = allowed().find(({name}) => name === asked.name) || allowed()[0];
  if (!view) return show_login(who().csrf && "This token has none of the scopes that the views need.");
  if (view.name !== asked.name) history.replaceState(null, "", "#/" + view.name);
  write_nav(view.name);
  const instance = document.getElementById("instance").textContent;
  document.title = view.title + " – " + (instance ? instance + " – " : "") + "cachewarden";
  const root = el("div.view");
  fill(main, el("h1", {tabindex: -1}, view.title), root);
  await attempt(root, async () => {
    const {render} = await load(view.name);
    if (!signal.aborted) await render(root, asked.params, signal);
  });
}

let incomplete = false; // a script of the page could not be loaded

async function load(name) {
  try {
    return await import(`/ui/${name}.js`);
  } catch {
    incomplete = true;
    throw new ApiError(0, {detail: "This view could not be loaded; the page tries again when the daemon answers."});
  }
}

function show_login(why = null) {
  leave.abort();
  leave = new AbortController();
  nav.hidden = true;
  write_caller();
  document.title = "Log in – cachewarden";
  const token = field("Token", "input",
    {type: "password", name: "token", autocomplete: "current-password", required: true, spellcheck: "false"},
    "It is sent once, in exchange for a cookie. The page does not keep it.");
  const message = el("p.problem", {role: "alert"}, why);
  const form = el("form.login", {}, el("h1", {}, "Log in"), token.node,
    el("p.actions", {}, el("button.main", {}, "Log in")), message);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await log_in(token.control.value.trim());
      fill(message);
      await begin();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      fill(message, error.message);
      token.control.select();
    }
  });
  fill(main, form);
  token.control.focus();
}

const kinds = {UP: "good", DEGRADED: "warning", DOWN: "bad"};

// The first thing to do about it, in the words of health.
function reasons(health) {
  const list = [];
  for (const [name, {status: state, details = {}}] of Object.entries(health.components || {})) {
    if (details.error) list.push(name + ": " + details.error);
    else if (state !== "UP") list.push(name + " is " + state);
    for (const warning of details.warnings || []) list.push(warning);
  }
  return list;
}

function write_status(health) {
  // Health without a login is its status alone.
  if (can("read") && !health.components) return write_lost("login");
  const list = reasons(health);
  if (health.name) document.getElementById("instance").textContent = health.name;
  fill(status, badge(health.status, kinds[health.status]),
    list.length > 0 && el("span.reason", {title: list.join("\n")}, list[0],
      list.length > 1 && ` (and ${list.length - 1} more)`));
}

function write_lost(state) {
  const banner = document.getElementById("lost");
  if (state === "login") {
    if (who()) show_login("The login has ended. Log in again to continue.");
    return;
  }
  banner.hidden = state !== "gone";
  fill(banner, state === "gone" && "The daemon does not answer. The figures shown are old; the page keeps trying.");
  if (state === "gone") fill(status, badge("NO ANSWER", "bad"));
  else if (incomplete) location.reload();
  else say("The daemon answers again.");
}

const watch = new AbortController();
let watching = false;

async function begin() {
  write_caller();
  if (!watching) {
    watching = true;
    every(health_every, watch.signal, async () => write_status(await get(ADMIN + "/health", {allow: [503]})));
  }
  await show();
}

async function start() {
  onlost(write_lost, watch.signal);
  document.getElementById("skip").addEventListener("click", () => main.focus());
  window.addEventListener("hashchange", async () => {
    if (!who()) return;
    await show();
    main.querySelector("h1")?.focus();
  });
  try {
    if (await find_caller()) await begin();
    else show_login();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    write_lost("gone");
    setTimeout(start, health_every);
  }
}

start();
