// SPDX-License-Identifier: MIT
// Invalidation: selectors, a preview without effect, the confirmation, the verdict.

import {ADMIN, post} from "/ui/api.js";
import {attempt, remember} from "/ui/app.js";
import {button, confirmed, el, field, fill, say, table} from "/ui/dom.js";
import {count, millis} from "/ui/format.js";
import {follow, verdict} from "/ui/operations_parts.js";

const selectors = [
  {name: "patterns", label: "Patterns", hint: "One per line, as Redis's globs: user:*:profile"},
  {name: "keys", label: "Keys", hint: "Exact names, one per line"},
  {name: "tags", label: "Tags", hint: "One per line: selects every key that has one of them"},
  {name: "dependents_of", label: "Dependents of", hint: "Keys, one per line: selects their dependents, not the keys themselves"},
];

const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

const selector_columns = [
  {head: "Kind", cell: (row) => row.kind},
  {head: "Selector", cell: (row) => el("code", {}, row.value)},
  {head: "Matched", number: true, cell: (row) => count(row.matched)},
  {head: "Removed", number: true, cell: (row) => count(row.invalidated)},
  {head: "By", cell: (row) => row.method},
];

function details(result) {
  return [
    table("Selectors", selector_columns, result.selectors || []),
    result.sample?.length > 0 && el("details", {open: result.dry_run}, el("summary", {}, "A sample of the keys"),
      el("ul.names", {}, result.sample.map((name) => el("li", {}, el("code", {}, name))))),
    el("p.note", {}, `Passes over all keys: ${count(result.passes)}. Time: ${millis(result.duration_ms)}.`),
  ];
}

export async function render(root, params, signal) {
  const fields = selectors.map(({name, label, hint}) =>
    ({name, ...field(label, "textarea", {name, rows: 2, spellcheck: "false"}, hint, params.get(name) || "")}));
  const entities = field("Entities", "textarea", {name: "entities", rows: 2, spellcheck: "false"},
    "One per line, name and id: user 42", params.get("entities") || "");
  const soft = field("Soft: values become stale and are served until they are loaded again", "input", {type: "checkbox", checked: params.has("soft")});
  const cascade = field("Also the dependents of the named keys and entities", "input", {type: "checkbox", checked: params.get("cascade") !== "no"});
  const note = field("Note", "input", {maxlength: 200}, "The reason, shown with the operation");
  const result = el("section", {"aria-live": "polite"});

  function body() {
    const asked = {soft: soft.control.checked, cascade: cascade.control.checked};
    for (const {name, control} of fields) if (lines(control.value).length) asked[name] = lines(control.value);
    for (const line of lines(entities.control.value)) {
      const [name, ...id] = line.split(/\s+/);
      asked.entities = asked.entities || {};
      asked.entities[name] = [...(asked.entities[name] || []), id.join(" ")];
    }
    if (note.control.value) asked.note = note.control.value;
    return asked;
  }

  function keep() {
    const kept = {entities: entities.control.value, soft: soft.control.checked ? "yes" : "", cascade: cascade.control.checked ? "" : "no"};
    for (const {name, control} of fields) kept[name] = control.value;
    remember(kept);
  }

  async function invalidate(confirm, preview) {
    if (!await confirmed("Invalidate", `${verdict(preview)} ${soft.control.checked ? "Make them stale" : "Remove them"} for all users of this cache?`,
      "Invalidate")) return;
    await attempt(result, async () => {
      const answer = await post(ADMIN + "/invalidate", {...body(), confirm, wait: 0}, {signal, allow: [202]});
      const ended = answer.state === "completed" ? {result: answer} : await follow(answer.operation_id, result, signal, () => "");
      const end = ended.result || {};
      fill(result, el("h2", {}, "Verdict"), el("p.verdict", {"data-kind": end.complete ? "good" : "warning"}, verdict(end)), details(end));
      say(verdict(end));
    });
  }

  async function preview() {
    keep();
    fill(result, el("p", {}, "Counting …"));
    await attempt(result, async () => {
      let answer = await post(ADMIN + "/invalidate", {...body(), dry_run: true, wait: 0}, {signal, allow: [202]});
      if (answer.status_code === 202) answer = (await follow(answer.operation_id, result, signal, () => "")).result;
      fill(result, el("h2", {}, "Preview"), el("p.verdict", {}, verdict(answer)), details(answer),
        el("p.actions", {}, button("Invalidate …", () => invalidate(answer.confirm, answer), {class: "danger"})));
      result.querySelector("button.danger").focus();
    });
  }

  const form = el("form", {onsubmit: (event) => {
    event.preventDefault();
    preview();
  }}, el("div.grid", {}, fields.map(({node}) => node), entities.node, note.node), soft.node, cascade.node,
  el("p.actions", {}, el("button.main", {}, "Preview")));
  fill(root, el("p", {}, "The preview counts the selected keys and shows a sample; it changes nothing."), form, result);
}
