// SPDX-License-Identifier: MIT
// Operations of all daemons on this Redis.

import {ADMIN, get, path_of, query} from "/ui/api.js";
import {attempt, every, remember} from "/ui/app.js";
import {button, el, field, fill, pairs, table} from "/ui/dom.js";
import {ago, clock, seconds} from "/ui/format.js";
import {cancel, has_ended, may_cancel, progress_bar, run_words, state_badge, verdict} from "/ui/operations_parts.js";

const words = (operation) => ["invalidate", "expire"].includes(operation.kind) && operation.result ? verdict(operation.result) : run_words(operation);

function took(operation) {
  if (!operation.started || !operation.finished) return "–";
  return seconds((Date.parse(operation.finished) - Date.parse(operation.started)) / 1000);
}

export async function render(root, params, signal) {
  const kind = field("Kind", "select", {onchange: choose}, null,
    ["", "invalidate", "expire", "warm"].map((name) => el("option", {value: name, selected: name === params.get("kind")}, name || "all")));
  const state = field("State", "select", {onchange: choose}, null,
    ["", "queued", "running", "completed", "partial", "failed", "cancelled", "interrupted"]
      .map((name) => el("option", {value: name, selected: name === params.get("state")}, name || "all")));
  const list = el("section"), one = el("section", {"aria-live": "polite"});
  let id = params.get("id");
  fill(root, el("form.row", {onsubmit: (event) => event.preventDefault()}, kind.node, state.node), one, list);

  async function show_one() {
    if (!id) return fill(one);
    await attempt(one, async () => {
      const operation = await get(ADMIN + "/operations" + path_of(id), {signal});
      fill(one, el("h2", {}, "Operation ", el("code", {}, id)), pairs(
        ["State", state_badge(operation.state), " ", has_ended(operation) ? words(operation) : progress_bar(operation)],
        ["Kind", operation.kind, operation.job && " of " + operation.job],
        ["Started", `${clock(operation.started)} by ${operation.by}`, operation.note && `: ${operation.note}`],
        ["Took", took(operation)],
        operation.trace_id && ["Trace", el("code", {}, operation.trace_id)]),
      el("details", {}, el("summary", {}, "As JSON"), el("pre", {}, JSON.stringify(operation, null, 2))),
      may_cancel(operation) && button("Cancel", () => cancel(operation)));
    });
  }

  async function refresh() {
    const {items} = await get(ADMIN + "/operations" + query({kind: kind.control.value, state: state.control.value, limit: 100}), {signal});
    fill(list, table("Operations, newest first", [
      {head: "State", cell: (row) => el("a", {href: "#/operations?id=" + encodeURIComponent(row.operation_id)}, state_badge(row.state))},
      {head: "Kind", cell: (row) => row.kind + (row.job ? " of " + row.job : "")},
      {head: "Started", cell: (row) => el("span", {title: clock(row.started)}, ago(row.started))},
      {head: "Took", number: true, cell: took},
      {head: "By", cell: (row) => row.by},
      {head: "Result", cell: (row) => has_ended(row) ? words(row) : progress_bar(row)},
      {head: "Note", cell: (row) => row.note || ""},
    ], items));
  }

  function choose() {
    id = null;
    remember({kind: kind.control.value, state: state.control.value});
    refresh();
    show_one();
  }

  await show_one();
  await every(2000, signal, refresh);
}
