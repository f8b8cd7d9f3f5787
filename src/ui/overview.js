// SPDX-License-Identifier: MIT
// How the cache is doing: figures of now, alerts, nodes, and the history.

import {ADMIN, get, query} from "/ui/api.js";
import {every, remember} from "/ui/app.js";
import {chart} from "/ui/charts.js";
import {badge, el, field, fill, pairs, table} from "/ui/dom.js";
import {ago, bytes, count, millis, percent, rate, seconds} from "/ui/format.js";

const spans = [
  {name: "15m", label: "15 minutes", step: "5s", every: 5000},
  {name: "3h", label: "3 hours", step: "30s", every: 15000},
  {name: "24h", label: "24 hours", step: "300s", every: 60000},
];

const charts = [
  {title: "Hit rate", format: (v) => percent(v), series: [
    {name: "hit_rate", label: "Redis"}, {name: "cache_hit_rate", label: "through cachewarden"}]},
  {title: "Memory used", format: bytes, series: [{name: "used_bytes", label: "Redis"}]},
  {title: "Commands a second", format: rate, series: [{name: "commands_per_second", label: "Redis"}]},
  {title: "Latency", format: millis, series: [{name: "latency_ms", label: "of a command, as measured from here"}]},
  {title: "Keys removed a second", format: rate, series: [
    {name: "expired_per_second", label: "expired"}, {name: "evicted_per_second", label: "evicted"},
    {name: "invalidated_keys_per_second", label: "invalidated"}]},
  {title: "Keys", format: count, series: [{name: "keys", label: "Redis"}]},
];

function tile(name, value, note, kind) {
  return el("div.tile", {"data-kind": kind}, el("dt", {}, name), el("dd", {}, el("b", {}, value), el("span", {}, note)));
}

function tiles({redis, cache, breaker}) {
  const {memory} = redis;
  return [
    tile("Redis", redis.status, [redis.version, redis.mode, redis.role].filter(Boolean).join(", "),
      redis.status === "up" ? "good" : "bad"),
    tile("Hit rate", percent(redis.hit_rate), `of the last ${seconds(redis.hit_rate_window_seconds)}`),
    tile("Memory", bytes(memory.used_bytes), memory.max_bytes
      ? `${percent(memory.used_ratio, 0)} of ${bytes(memory.max_bytes)}, ${memory.policy}` : "without a limit",
      memory.used_ratio > 0.95 ? "bad" : memory.used_ratio > 0.8 ? "warning" : null),
    tile("Commands", rate(redis.commands.per_second) + "/s", `${count(redis.clients.connected)} clients`),
    tile("Latency p99", millis(redis.latency_ms.p99), `p50 ${millis(redis.latency_ms.p50)}`),
    tile("Keys", count(redis.keys.total), `${count(redis.keys.expiring)} expire; ` +
      `${rate(redis.keys.evicted_per_second)}/s evicted`, redis.keys.evicted_per_second > 0 ? "warning" : null),
    tile("Invalidated", count(cache.invalidated_keys), "keys since the start"),
    tile("Breaker", breaker.state, breaker.state === "closed" ? "commands pass" : `since ${ago(breaker.since)}`,
      breaker.state === "closed" ? "good" : "bad"),
  ];
}

function alert_line(alert) {
  return el("li", {}, badge(alert.state, alert.state === "firing" ? (alert.severity === "critical" ? "bad" : "warning") : "quiet"),
    " ", el("b", {}, alert.alert), ` ${alert.value === null ? "" : Number(alert.value.toPrecision(4))} ` +
    `(threshold ${alert.threshold}), ${ago(alert.since)}`);
}

const node_columns = [
  {head: "Node", cell: (node) => node.name},
  {head: "Status", cell: (node) => badge(node.status, node.status === "up" ? "good" : "bad")},
  {head: "Role", cell: (node) => node.role || "–"},
  {head: "Slots", number: true, cell: (node) => count(node.slots)},
  {head: "Memory", number: true, cell: (node) => bytes(node.used_bytes)},
  {head: "Keys", number: true, cell: (node) => count(node.keys)},
  {head: "Lag", number: true, cell: (node) => bytes(node.lag_bytes)},
  {head: "Last error", cell: (node) => node.last_error || "–"},
];

export async function render(root, params, signal) {
  let span = spans.find(({name}) => name === params.get("span")) || spans[0];
  const figures = el("dl.tiles"), alerts = el("ul.alerts"), nodes = el("div"), facts = el("div");
  const drawn = charts.map(({title, series, format}) => chart(title, series, format));
  const chosen = field("Time span", "select", {onchange: choose}, null,
    spans.map(({name, label}) => el("option", {value: name, selected: name === span.name}, label)));
  fill(root, alerts, figures, chosen.node, el("div.charts", {}, drawn.map(({node}) => node)), nodes, facts);
  signal.addEventListener("abort", () => drawn.forEach(({close}) => close()));

  async function draw() {
    const {history} = await get(ADMIN + "/stats" + query({history: span.name, step: span.step}), {signal});
    drawn.forEach(({update}) => update(history));
  }

  let turn = new AbortController();
  function begin_drawing() {
    turn.abort();
    turn = new AbortController();
    signal.addEventListener("abort", () => turn.abort());
    every(span.every, turn.signal, draw);
  }
  function choose() {
    span = spans[chosen.control.selectedIndex];
    remember({span: span.name});
    begin_drawing();
  }

  begin_drawing();
  await every(2000, signal, async () => {
    const stats = await get(ADMIN + "/stats", {signal});
    fill(figures, tiles(stats));
    fill(alerts, stats.alerts.map(alert_line));
    fill(nodes, table("Nodes", node_columns, stats.redis.nodes));
    fill(facts, pairs(
      ["Through cachewarden", `${count(stats.cache.gets)} gets, ${percent(stats.cache.hit_rate)} hits, ${count(stats.cache.sets)} sets, ` +
        `${count(stats.cache.loads)} loads`],
      ["Fragmentation", stats.redis.memory.fragmentation_ratio ?? "–"],
      ["Daemon", `cachewarden ${stats.process.version}, up ${seconds(stats.process.uptime_seconds)}, ${bytes(stats.process.rss_bytes)}`]));
  });
}
