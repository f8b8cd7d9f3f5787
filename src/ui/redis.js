// SPDX-License-Identifier: MIT
// What Redis says of its clients, its slow commands and the time that commands take.

import {ADMIN, ApiError, can, get} from "/ui/api.js";
import {every} from "/ui/app.js";
import {badge, el, fill, table} from "/ui/dom.js";
import {ago, bytes, clock, count, millis, seconds} from "/ui/format.js";

const client_columns = [
  {head: "Name", cell: (row) => row.name || (row.address === null ? "all others" : "without a name")},
  {head: "Address", cell: (row) => row.address || "–"},
  {head: "User", cell: (row) => row.user},
  {head: "Library", cell: (row) => row.library || "–"},
  {head: "Connections", number: true, cell: (row) => count(row.connections)},
  {head: "Blocked", number: true, cell: (row) => count(row.blocked)},
  {head: "Idle", number: true, cell: (row) => seconds(row.idle_seconds)},
  {head: "Age", number: true, cell: (row) => seconds(row.age_seconds)},
  {head: "Memory", number: true, cell: (row) => bytes(row.memory_bytes)},
];

function key_of({key, key_encoding: encoding}) {
  if (key === null) return "–";
  return can("keys") && encoding === "utf-8" ? el("a", {href: "#/keys?key=" + encodeURIComponent(key)}, key) : key;
}

const slow_columns = [
  {head: "When", cell: (row) => el("span", {title: clock(row.time)}, ago(row.time))},
  {head: "Took", number: true, cell: (row) => millis(row.duration_ms)},
  {head: "Command", cell: (row) => el("code", {}, row.command)},
  {head: "Key", cell: key_of},
  {head: "Arguments", number: true, cell: (row) => count(row.arguments)},
  {head: "Client", cell: (row) => [row.client_name, row.client_name && " ", row.client]},
  {head: "Node", cell: (row) => row.node},
];

const latency_columns = [
  {head: "Command", cell: (row) => el("code", {}, row.command)},
  {head: "Calls", number: true, cell: (row) => count(row.calls)},
  {head: "Mean", number: true, cell: (row) => millis(row.mean_ms)},
  {head: "p50", number: true, cell: (row) => millis(row.p50_ms)},
  {head: "p99", number: true, cell: (row) => millis(row.p99_ms)},
  {head: "p99.9", number: true, cell: (row) => millis(row.p999_ms)},
  {head: "Longest", number: true, cell: (row) => millis(row.max_ms)},
];

const parts = [
  {path: "/latency", title: "Time of commands in Redis", columns: latency_columns, empty: "No command has been counted."},
  {path: "/slowlog", title: "Slow commands, newest first", columns: slow_columns, empty: "No command was slow."},
  {path: "/clients", title: "Clients", columns: client_columns, empty: "No client is connected."},
];

async function write({path, title, columns, empty}, node, signal) {
  try {
    const answer = await get(ADMIN + path, {signal});
    const silent = answer.nodes.filter(({reason}) => reason !== null);
    fill(node, table(title, columns, answer.items, empty),
      silent.map(({name, reason}) => el("p.note", {}, badge("no answer", "warning"), ` ${name}: ${reason}`)));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    fill(node, el("h2", {}, title), el("p.problem", {role: "alert"}, error.message));
  }
}

export async function render(root, _params, signal) {
  const nodes = parts.map(() => el("section"));
  fill(root, nodes);
  await every(3000, signal, () => Promise.all(parts.map((part, i) => write(part, nodes[i], signal))));
}
