// SPDX-License-Identifier: MIT
// Who changed what, why, and what came of it.

import {ADMIN, get, query} from "/ui/api.js";
import {attempt, remember} from "/ui/app.js";
import {badge, button, el, field, fill, table} from "/ui/dom.js";
import {clock, count, millis} from "/ui/format.js";

const page = 100;
const states = ["", "intent", "completed", "accepted", "partial", "refused", "failed", "cancelled", "interrupted"];
const kinds = {completed: "good", accepted: "good", refused: "warning", partial: "warning", failed: "bad", interrupted: "bad"};

// Also of lines, which have the figures of one operation themselves.
function operations(row) {
  return row.operations?.length ? row.operations : [row];
}

function what(row) {
  if (row.route) return [el("code", {}, `${row.method} ${row.route}`), Object.keys(row.names || {}).length > 0 && " " + JSON.stringify(row.names)];
  return [row.kind, operations(row)[0].job && " of " + operations(row)[0].job];
}

function links(row) {
  return operations(row).filter((one) => one.operation_id).map((one) =>
    [" ", el("a", {href: "#/operations?id=" + encodeURIComponent(one.operation_id)}, one.job ? `run of ${one.job}` : "operation")]);
}

function outcome(row) {
  const figures = operations(row).flatMap((one) => [one.dry_run && "dry run",
    ...["matched", "invalidated", "softened", "changed", "rows", "stored", "rejected"]
      .filter((name) => one[name]).map((name) => `${count(one[name])} ${name}`)]).filter(Boolean);
  return [badge(row.state, kinds[row.state] || "quiet"), " ", row.status && `${row.status} `, row.code && row.code + " ", figures.join(", "), links(row)];
}

export async function render(root, params, signal) {
  const by = field("By", "input", {spellcheck: "false"});
  const since = field("Since", "input", {spellcheck: "false", placeholder: "8h"});
  const state = field("State", "select", {}, null, states.map((name) => el("option", {value: name, selected: name === params.get("state")}, name || "all")));
  const kind = field("Kind", "input", {spellcheck: "false", placeholder: "invalidate"});
  const view = field("Show", "select", {}, null, ["changes", "lines"].map((name) => el("option", {value: name, selected: name === params.get("view")}, name)));
  kind.control.value = params.get("kind") || "";
  by.control.value = params.get("by") || "";
  since.control.value = params.get("since") || "";
  const list = el("section", {"aria-live": "polite"});
  let rows = [], cursor = null;

  async function more() {
    await attempt(list, async () => {
      const answer = await get(ADMIN + "/audit" + query({by: by.control.value, since: since.control.value,
        state: state.control.value, kind: kind.control.value, view: view.control.value, limit: page, cursor}), {signal});
      rows = rows.concat(answer.items);
      cursor = answer.next;
      fill(list, table("Changes, newest first", [
        {head: "When", cell: (row) => clock(row.time)},
        {head: "By", cell: (row) => [row.by, row.address && ` (${row.address})`]},
        {head: "What", cell: what},
        {head: "Outcome", cell: outcome},
        {head: "Took", number: true, cell: (row) => millis(row.duration_ms)},
        {head: "Note", cell: (row) => row.note || ""},
        {head: "Details", cell: (row) => el("details", {}, el("summary", {}, "JSON"), el("pre", {}, JSON.stringify(row, null, 2)))},
      ], rows), cursor && button("More", more));
    });
  }

  function search(event) {
    event.preventDefault();
    rows = [];
    cursor = null;
    remember({by: by.control.value, since: since.control.value, state: state.control.value, kind: kind.control.value, view: view.control.value});
    more();
  }

  fill(root, el("form.row", {onsubmit: search}, by.node, since.node, state.node, kind.node, view.node, el("button.main", {}, "Search")), list);
  await more();
}
