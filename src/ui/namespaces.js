// SPDX-License-Identifier: MIT
// The key space by namespace, as estimated from a sample: which use the memory, and which keys stand out.

import {ADMIN, can, get, query} from "/ui/api.js";
import {every, remember} from "/ui/app.js";
import {badge, button, el, field, fill, table} from "/ui/dom.js";
import {ago, bytes, count, percent} from "/ui/format.js";

const page = 100;

// An estimate with its interval as the tooltip.
function estimate(figure, format) {
  if (!figure || figure.value === null) return "–";
  const sure = figure.low === figure.value && figure.high === figure.value;
  return el("span", {title: sure ? "exact" : `${format(figure.low)} to ${format(figure.high)}, with a confidence of 95 %`},
    format(figure.value));
}

function bar(share, name) {
  return share && share.value !== null && [el("meter", {min: 0, max: 1, value: share.value, "aria-label": "Share of " + name}), " ",
    estimate(share, (v) => percent(v))];
}

// The pattern that finds a namespace's keys.
const patterns = {configured: (prefix) => prefix + "*", detected: (pattern) => pattern};

const columns = [
  {head: "Namespace", cell: (row) => [can("keys") && patterns[row.kind]
    ? el("a", {href: "#/keys?match=" + encodeURIComponent(patterns[row.kind](row.namespace))}, row.namespace)
    : row.namespace, " ", row.kind !== "configured" && badge(row.kind, "quiet")]},
  {head: "Share of keys", cell: (row) => bar(row.share, row.namespace)},
  {head: "Keys", number: true, cell: (row) => estimate(row.keys, count)},
  {head: "Memory", number: true, cell: (row) => estimate(row.bytes, bytes)},
  {head: "Mean per key", number: true, cell: (row) => bytes(row.mean_bytes)},
  {head: "Without TTL", number: true, cell: (row) => percent(row.ttl?.none, 0)},
  {head: "Idle for 1 h", number: true, cell: (row) => percent(row.idle, 0)},
];

function key_of({key, key_encoding: encoding}) {
  return can("keys") && encoding === "utf-8" ? el("a", {href: "#/keys?key=" + encodeURIComponent(key)}, key) : key;
}

function named_keys(title, rows, head, format, member) {
  return rows.length > 0 && table(title, [
    {head: "Key", cell: key_of},
    {head, number: true, cell: (row) => format(row[member])},
  ], rows);
}

const states = {
  sampling: "The first sample is being taken; the figures cover the keys so far",
  waiting: "The first sample has not begun yet",
  off: "The sampler is switched off in the configuration",
};

function about({state, reason, sample, time}) {
  const list = [states[state] || ""];
  if (sample && sample.keys)
    list.push(sample.method === "scan" ? `All ${count(sample.keys)} keys were looked at` : `${count(sample.keys)} random keys of ${count(sample.of)}`,
      ago(sample.ended || time));
  if (reason) list.push("The last attempt failed: " + reason);
  return list.filter(Boolean).join(", ") + ".";
}

export async function render(root, params, signal) {
  const sort = field("Sorted by", "select", {onchange: choose}, null,
    ["keys", "bytes"].map((name) => el("option", {value: name, selected: name === params.get("sort")}, name === "bytes" ? "memory" : name)));
  const said = el("p", {"aria-live": "polite"}), list = el("section"), keys = el("div.split"), big = el("p.note");
  let shown = page;
  fill(root, said, sort.node, list, big, keys);

  async function refresh() {
    let answer = null, items = [];
    do {
      const next = await get(ADMIN + "/namespaces" + query({sort: sort.control.value, limit: page, cursor: answer?.next}), {signal});
      items = items.concat(next.items);
      answer = answer ? {...answer, next: next.next} : next;
    } while (answer.next && items.length < shown);
    const rest = [["in no namespace", answer.unmatched], ["beyond the first 1,000 namespaces", answer.overflow]]
      .filter(([, figures]) => figures?.sampled).map(([namespace, figures]) => ({...figures, namespace, kind: "rest"}));
    fill(said, about(answer));
    fill(list, table("Namespaces", columns, [...items, ...rest], "No keys have been sampled."),
      answer.next && button("More", () => {
        shown += page;
        return refresh();
      }));
    fill(big, answer.big_values?.sampled > 0 && ["Values above 1 MiB: ", estimate(answer.big_values.keys, count)]);
    fill(keys, el("div", {}, named_keys("The biggest keys of the sample", answer.biggest, "Memory", bytes, "memory_bytes")),
      el("div", {}, named_keys("The hottest keys", answer.hot.keys, "Frequency", count, "frequency"),
        named_keys("Some keys in no namespace", answer.unmatched?.names || [], "Memory", bytes, "memory_bytes")));
  }

  function choose() {
    remember({sort: sort.control.value});
    refresh();
  }

  await every(10000, signal, refresh);
}
